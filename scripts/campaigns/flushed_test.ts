import assert from "node:assert/strict";
import { sumFlushed } from "./flushed.ts";

const rate = (name: string, value: number, timestamp = 10) =>
  JSON.stringify({ kind: "point", name, type: "rate", value, timestamp, tags: [], interval: 10 });

Deno.test("sumFlushed() adds counters and the counts of timers, each by its interval", async () => {
  const lines = [
    rate("web.requests.0001", 0.7),
    rate("web.requests.0001", 0.3, 20),
    rate("load.unique.x000000001", 12.1),
    rate("web.latency.0002.count", 0.5),
    rate("other", 5),
    JSON.stringify({ kind: "point", name: "web.requests.0001", type: "gauge", value: 3, timestamp: 20, tags: [] }),
    "",
  ];
  assert.deepEqual(await sumFlushed(lines), {
    lines: 6,
    flushes: 2,
    counterTotal: 7 + 3 + 121,
    timerSamples: 5,
    uneven: 0,
  });
});

for (
  const line of [rate("web.requests.0001", 0.77), JSON.stringify({ name: "web.requests.1", type: "rate", value: 1 })]
) {
  Deno.test(`sumFlushed() does not add up ${line}`, async () => {
    const { uneven, counterTotal } = await sumFlushed([line]);
    assert.deepEqual({ uneven, counterTotal }, { uneven: 1, counterTotal: 0 });
  });
}

Deno.test("sumFlushed() refuses what is no JSON", async () => {
  await assert.rejects(sumFlushed(["half a li"]), SyntaxError);
});
