import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { NoDestinationError, startDiscovery } from "./discovery.ts";

/** Discovery over a list of answers: members, or an error. */
function setup(...answers: (string[] | Error)[]) {
  const clock = new FakeClock();
  const reporter = recordingReporter();
  const looks: [atMs: number, status: string][] = [];
  const rings: (readonly string[])[] = [];
  const find = () => {
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const start = () =>
    startDiscovery(find, 30_000, {
      clock,
      log: reporter,
      onLook: (status) => looks.push([clock.now(), status]),
      onMembers: (members) => rings.push(members),
    });
  return { clock, reporter, looks, rings, start };
}

Deno.test("startDiscovery() looks every interval and tells of changes alone", async () => {
  const { clock, reporter, looks, rings, start } = setup(["b", "a", "b"], ["a", "b"], ["a", "c"]);
  await using _ = await start();
  await clock.advance(60_000);
  assert.deepEqual(looks, [[0, "success"], [30_000, "success"], [60_000, "success"]]);
  assert.deepEqual(rings, [["a", "b"], ["a", "c"]]);
  assert.deepEqual(reporter.lines.at(-1), {
    level: "info",
    message: "destinations changed",
    fields: { destinations: 2, added: ["c"], removed: ["b"] },
  });
});

Deno.test("startDiscovery() keeps the members when a look fails or finds none, and looks again sooner", async () => {
  const { clock, reporter, looks, rings, start } = setup(["a"], new Error("no leader"), [], new Error("x"), ["a", "b"]);
  await using _ = await start();
  await clock.advance(90_000);
  assert.deepEqual(looks, [
    [0, "success"],
    [30_000, "error"],
    [31_000, "empty"],
    [33_000, "error"],
    [37_000, "success"],
    [67_000, "success"],
  ]);
  assert.deepEqual(rings, [["a"], ["a", "b"]]);
  assert.deepEqual(
    reporter.lines.filter(({ level }) => level === "warn").map(({ fields }) => [fields.why, fields.retry_in_ms]),
    [["no leader", 1_000], ["There are no healthy destinations", 2_000], ["x", 4_000]],
  );
});

Deno.test("startDiscovery() waits no longer than the interval after many failures", async () => {
  const { clock, looks, start } = setup(["a"], new Error("down"));
  await using _ = await start();
  await clock.advance(200_000);
  const waits = looks.slice(1).map(([atMs], i) => atMs - looks[i]![0]);
  assert.deepEqual(waits, [30_000, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]);
});

for (const [what, answer] of [["fails", new Error("refused")], ["is empty", []]] as const) {
  Deno.test(`startDiscovery() rejects when the first look ${what}`, async () => {
    const { start } = setup(answer as string[] | Error);
    await assert.rejects(start(), NoDestinationError);
  });
}

Deno.test("startDiscovery() ends when it is disposed, also in the middle of a look", async () => {
  const clock = new FakeClock();
  const reporter = recordingReporter();
  let looks = 0;
  const discovery = await startDiscovery(
    (signal) =>
      looks++ === 0
        ? Promise.resolve(["a"])
        : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    1_000,
    { clock, log: reporter, onLook: () => {}, onMembers: () => {} },
  );
  await clock.advance(1_000);
  assert.equal(looks, 2);
  await discovery[Symbol.asyncDispose]();
  await discovery[Symbol.asyncDispose]();
  await discovery.done;
  assert.equal(clock.sleeping, 0);
  assert.deepEqual(reporter.lines.filter(({ level }) => level === "warn"), []);
});
