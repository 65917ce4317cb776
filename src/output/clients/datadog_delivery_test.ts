import assert from "node:assert/strict";
import { Section } from "../../config/mod.ts";
import { readOutputs } from "../config.ts";
import { startOutput } from "../output.ts";
import { batchOf, scriptedFetch, testDeps } from "../testing.ts";

function datadogOutput(reply: (index: number) => Response | Promise<Response>) {
  const section = Section.of({ name: "dd", kind: "datadog", key: "s3cr3t", hosts: ["http://dd.example"] });
  const [config] = readOutputs([section], { defaultStdout: false });
  const { fetch, requests } = scriptedFetch((_, index) => reply(index));
  const deps = testDeps(fetch);
  return { output: startOutput(config!, { ...deps, random: () => 0 }), requests, ...deps };
}

const refusedConnection = () =>
  Promise.reject(
    new TypeError("fetch failed", {
      cause: new Error(
        "error sending request for url (http://dd.example/?api_key=s3cr3t): client error (Connect): tcp connect error: Connection refused",
      ),
    }),
  );

/**
 * What every request is answered with, how many requests that makes, and how two events end. Where no number of attempts
 * ends it, the deadline comes after that many requests.
 */
const ends: [answer: number | "refused", requests: number, delivered: number, rejected: number, cause?: string][] = [
  [200, 1, 2, 0],
  [202, 1, 2, 0],
  [302, 1, 0, 0, "302"],
  [400, 3, 0, 2], // whole, and each event alone
  [401, 1, 0, 0, "401"],
  [403, 1, 0, 0, "403"],
  [404, 1, 0, 0, "404"],
  [408, 4, 0, 0, "408"],
  [413, 3, 0, 2],
  [422, 3, 0, 2],
  [429, 6, 0, 0, "429"],
  [500, 4, 0, 0, "500"],
  [501, 1, 0, 0, "501"],
  [503, 4, 0, 0, "503"],
  ["refused", 4, 0, 0, "connection"],
];
/** Answers that ask for patience, or for other settings. */
const ENDLESS: readonly (number | "refused")[] = [302, 401, 403, 404, 429, 501];
for (const [answer, sent, delivered, rejected, cause] of ends) {
  Deno.test(`a datadog output ends a batch that always meets ${answer}`, async () => {
    const { output, requests, clock, reporter } = datadogOutput(() =>
      answer === "refused" ? refusedConnection() : new Response(null, { status: answer })
    );
    const deadline = new AbortController();
    const outcome = output.offer(batchOf("points", "1", "2"), deadline.signal);
    // Compression is real work on another thread, so the clock has to be moved until all is done.
    let ended = false;
    outcome.then(() => ended = true);
    while (!ended) {
      await clock.advance(100);
      if (requests.length === sent && ENDLESS.includes(answer)) deadline.abort("deadline");
    }
    const failed = 2 - delivered - rejected;
    assert.deepEqual(await outcome, { delivered, rejected, failed, ...(cause === undefined ? {} : { cause }) });
    assert.equal(requests.length, sent);
    assert.ok(!JSON.stringify(reporter.lines).includes("s3cr3t"));
    assert.ok(!Deno.inspect(output, { depth: 10 }).includes("s3cr3t"));
  });
}

Deno.test("a datadog output sends the same bytes again, and the batch arrives", async () => {
  const { output, requests, clock } = datadogOutput((index) => new Response(null, { status: index === 0 ? 503 : 202 }));
  const outcome = output.offer(batchOf("points", "1", "2"));
  let ended = false;
  outcome.then(() => ended = true);
  while (!ended) await clock.advance(1_000);
  assert.deepEqual(await outcome, { delivered: 2, rejected: 0, failed: 0 });
  assert.deepEqual(requests[1]!.body, requests[0]!.body);
});
