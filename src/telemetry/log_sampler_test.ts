import assert from "node:assert/strict";
import { FakeClock } from "../clock/mod.ts";
import { newLogSampler } from "./log_sampler.ts";
import { recordingReporter } from "./recording_reporter.ts";

Deno.test("newLogSampler() passes so many lines a second and tells how many it left out", async () => {
  const clock = new FakeClock();
  const reporter = recordingReporter();
  const log = newLogSampler(reporter, clock).sampled("statsd.rejected", 3);
  let made = 0;
  for (let i = 0; i < 8; i++) log.debug("Rejected", () => ({ i, made: ++made }));
  assert.equal(made, 3);
  await clock.advance(1_000);
  log.warn("Rejected", { i: 8 });
  log.warn("Rejected");
  assert.deepEqual(
    reporter.lines.map(({ level, fields }) => [level, fields]),
    [
      ["debug", { i: 0, made: 1 }],
      ["debug", { i: 1, made: 2 }],
      ["debug", { i: 2, made: 3 }],
      ["warn", { i: 8, suppressed: 5 }],
      ["warn", {}],
    ],
  );
});

Deno.test("newLogSampler() keeps keys apart, ten lines a second each", () => {
  const reporter = recordingReporter();
  const sampler = newLogSampler(reporter, new FakeClock());
  for (let i = 0; i < 12; i++) {
    sampler.sampled("a").info("a");
    sampler.sampled("b").error("b");
  }
  assert.equal(reporter.lines.filter((line) => line.message === "a").length, 10);
  assert.equal(reporter.lines.filter((line) => line.level === "error").length, 10);
});

Deno.test("newLogSampler() holds a bounded number of keys", () => {
  const sampler = newLogSampler(recordingReporter(), new FakeClock());
  for (let i = 0; i < 1_000; i++) sampler.sampled(`key ${i}`);
  const shared = sampler.sampled("one more");
  assert.equal(sampler.sampled("and another"), shared);
  assert.notEqual(sampler.sampled("key 7"), shared);
});
