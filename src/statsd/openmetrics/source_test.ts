import assert from "node:assert/strict";
import { type Clock, FakeClock, realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { startScraping } from "./source.ts";
import { readSources } from "./source_config.ts";

interface Script {
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock?: Clock;
}

/** Sources with what they emitted; `fetch` answers by the script. */
function scraping(sources: object[], { fetch, clock = new FakeClock(1_700_000_000_000) }: Script) {
  const emitted: string[] = [];
  const reporter = recordingReporter();
  const running = startScraping(readSources(sources.map((source) => Section.of(source))), {
    clock,
    reporter,
    fetch: fetch ?? globalThis.fetch,
    emit: (lines) => emitted.push(...lines.split("\n")),
  });
  const results = (source: string) => {
    const counts: Record<string, number> = {};
    for (const line of reporter.metrics.text().split("\n")) {
      const [, labels, count] = /^limier_openmetrics_scrapes_total\{(.*)\} (\d+)$/.exec(line) ?? [];
      if (labels?.includes(`source="${source}"`)) counts[/result="([^"]*)"/.exec(labels)![1]!] = Number(count);
    }
    return counts;
  };
  return { running, emitted, reporter, clock: clock as FakeClock, results };
}

const page = (text: string, type = "text/plain; version=0.0.4") =>
  new Response(text, { headers: { "content-type": type } });
const counter = (value: number) => `# TYPE jobs_total counter\njobs_total ${value}\n`;
const SOURCE = { kind: "openmetrics", name: "node", scrape_target: "http://node:9100/metrics" };

Deno.test("a source is scraped at once and then at its interval, from where it started", async () => {
  const times: number[] = [];
  const clock = new FakeClock(1_700_000_000_000);
  const { running, emitted, results } = scraping([{ ...SOURCE, scrape_interval: "10s" }], {
    clock,
    fetch: (url, init) => {
      assert.equal(url, "http://node:9100/metrics");
      assert.match(
        new Headers(init.headers).get("accept")!,
        /^application\/openmetrics-text;version=1\.0\.0,text\/plain/,
      );
      times.push(clock.now() - 1_700_000_000_000);
      return Promise.resolve(page(counter(times.length * 10)));
    },
  });
  await clock.advance(35_000);
  assert.deepEqual(times, [0, 10_000, 20_000, 30_000]);
  assert.deepEqual(emitted, ["jobs_total:10|c", "jobs_total:10|c", "jobs_total:10|c"]);
  assert.deepEqual(results("node"), { ok: 4 });
  await running[Symbol.asyncDispose]();
  await clock.advance(60_000);
  assert.equal(times.length, 4);
  assert.equal(clock.sleeping, 0);
});

Deno.test("a scrape that fails keeps what the last one said, is counted, and is told of once", async () => {
  const answers: (() => Promise<Response>)[] = [
    () => Promise.resolve(page(counter(5))),
    () => Promise.reject(new TypeError("refused")),
    () => Promise.resolve(new Response("no", { status: 503 })),
    () => Promise.resolve(new Response("no", { status: 503 })),
    () => Promise.resolve(page("<html>")),
    () => Promise.resolve(page("# TYPE jobs counter\njobs_total 6\n", "application/openmetrics-text; version=1.0.0")),
    () => Promise.resolve(page(counter(9))),
    () => Promise.resolve(page(counter(10))),
  ];
  const { running, emitted, results, reporter, clock } = scraping([SOURCE], { fetch: () => answers.shift()!() });
  await clock.advance(70_000);
  await running[Symbol.asyncDispose]();
  assert.deepEqual(emitted, ["jobs_total:4|c", "jobs_total:1|c"]);
  assert.deepEqual(results("node"), { ok: 3, connection: 1, 503: 2, syntax: 1, incomplete: 1 });
  assert.deepEqual(reporter.lines.map(({ level, message }) => `${level} ${message}`), [
    "warn Cannot scrape node: refused",
    "warn Cannot scrape node: it answers 503",
    "warn Cannot scrape node: Cannot read line 1 of the page: there is no name",
    "warn Cannot scrape node: Cannot read the page: it is cut off, there is no # EOF",
    "info scraping works again",
  ]);
});

Deno.test("a scrape has its time, and one that took longer than intervals leaves those out", async () => {
  let asked = 0;
  const clock = new FakeClock();
  const { running, results } = scraping([{ ...SOURCE, scrape_interval: "10s", scrape_timeout: "4s" }], {
    clock,
    fetch: (_url, { signal }) => {
      asked++;
      return new Promise((_, reject) => signal!.addEventListener("abort", () => reject(new Error("aborted"))));
    },
  });
  await clock.advance(3_999);
  assert.deepEqual(results("node"), {});
  await clock.advance(1);
  assert.deepEqual(results("node"), { timeout: 1 });
  await clock.advance(16_000);
  assert.equal(asked, 3);
  await running[Symbol.asyncDispose](); // in the middle of the third
  assert.deepEqual(results("node"), { timeout: 2 });
  assert.equal(clock.sleeping, 0);
});

Deno.test("each source goes at its own pace, with its own rules", async () => {
  const { running, emitted, results, clock, reporter } = scraping([
    { ...SOURCE, name: "a", scrape_interval: "10s", allowlist: "^go_", tags: ["job:a"] },
    { ...SOURCE, name: "b", scrape_interval: "30s", denylist: "(?i)^GO_" },
  ], { fetch: () => Promise.resolve(page("go_threads 5\nup 1\nbad NaN\n# TYPE x meter\n")) });
  await clock.advance(25_000);
  await running[Symbol.asyncDispose]();
  assert.deepEqual(emitted.toSorted(), [...Array(3).fill("go_threads:5|g|#job:a"), "up:1|g"]);
  assert.deepEqual([results("a"), results("b")], [{ ok: 3 }, { ok: 1 }]);
  const { metrics } = reporter;
  const skipped = metrics.counter("limier_openmetrics_samples_skipped_total", "Scraped samples left out, by reason.");
  assert.equal(skipped.value({ source: "a", reason: "filtered" }), 6);
  assert.equal(skipped.value({ source: "b", reason: "not_finite" }), 1);
});

/** A server on loopback that answers as told. */
function serve(answer: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  return { url: `http://127.0.0.1:${server.addr.port}/metrics`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Waits for the first look at a page to end; how it did. */
async function firstResult(source: object): Promise<string> {
  const clock = new FakeClock();
  const { running, results } = scraping([{ ...source, kind: "openmetrics", name: "one" }], { clock });
  let result: string | undefined;
  while (result === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    [result] = Object.keys(results("one"));
  }
  await running[Symbol.asyncDispose]();
  return result;
}

Deno.test("a page that is compressed is read", async () => {
  await using server = serve(() => {
    const body = new Response("up 1\n".repeat(1_000)).body!.pipeThrough(new CompressionStream("gzip"));
    return new Response(body, { headers: { "content-encoding": "gzip" } });
  });
  assert.equal(await firstResult({ scrape_target: server.url }), "ok");
});

Deno.test("a page that never ends is left at its bound, compressed or not", async () => {
  for (const gzip of [false, true]) {
    await using server = serve(() => {
      const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull: (controller) => controller.enqueue(new TextEncoder().encode("up 1\n".repeat(1_000))),
      });
      return gzip
        ? new Response(endless.pipeThrough(new CompressionStream("gzip")), { headers: { "content-encoding": "gzip" } })
        : new Response(endless);
    });
    assert.equal(await firstResult({ scrape_target: server.url, max_body: "100KiB" }), "too_large");
  }
});

Deno.test("an answer that breaks off is no page", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(4096));
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nup 1\n"));
  })();
  const url = `http://127.0.0.1:${listener.addr.port}/metrics`;
  assert.equal(await firstResult({ scrape_target: url }), "connection");
  await answering;
  listener.close();
});

Deno.test("a target that is not there is a failed scrape", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}/metrics`;
  listener.close();
  assert.equal(await firstResult({ scrape_target: url }), "connection");
});

Deno.test("a target that is silent is left in real time too", async () => {
  await using server = serve((request) =>
    new Promise((resolve) => request.signal.addEventListener("abort", () => resolve(new Response())))
  );
  const { running, results } = scraping([{ ...SOURCE, scrape_target: server.url, scrape_timeout: "20ms" }], {
    clock: realClock,
  });
  while (results("node").timeout === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  await running[Symbol.asyncDispose]();
});
