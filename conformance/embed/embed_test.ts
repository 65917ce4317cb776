import assert from "node:assert/strict";
import { startAgent } from "../../mod.ts";
import { measure } from "./main.ts";

// Whatever the agent opens and starts has to be gone once it is disposed of.
const SANITIZED = { sanitizeOps: true, sanitizeResources: true, sanitizeExit: true } as const;

interface Value {
  readonly name: string;
  readonly type: string;
  readonly value: number;
  readonly tags: readonly string[];
  readonly interval?: number;
}

/** Totals of rates, last values of gauges, by name and tags: they do not depend on where an interval ended. */
function summed(points: readonly Value[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { name, type, value, tags, interval = 1 } of points) {
    if (/^(?:veneur|limier)\./.test(name)) continue;
    const key = [name, ...tags].join(" ");
    sums[key] = type === "rate" ? (sums[key] ?? 0) + value * interval : value;
  }
  return sums;
}

Deno.test({
  name: "an app that embeds the agent gets the points of its own flushes",
  ...SANITIZED,
  async fn() {
    const { addresses, flushes } = await measure();
    assert.equal(addresses.length, 1);
    assert.match(addresses[0]!, /^udp:\/\/127\.0\.0\.1:[1-9][0-9]*$/);
    assert.deepEqual(flushes.map(summed), [
      { "a.b": 1, "a.b x:1": 2, "lat.max": 6, "lat.min": 4, "lat.count": 2, "lat.50percentile": 5 },
      { "a.b": 10, "over.udp": 7 },
    ]);
    assert.ok(flushes.flat().every(({ host }) => host === "web1"));
  },
});

Deno.test({
  name: "an embedded agent that is disposed of twice is done once",
  ...SANITIZED,
  async fn() {
    const agent = await startAgent({ statsd: { udp_address: "" }, outputs: [] });
    assert.deepEqual(agent.addresses, []);
    await Promise.all([agent[Symbol.asyncDispose](), agent[Symbol.asyncDispose]()]);
    await agent.done;
  },
});

Deno.test({
  name: "an embedded agent refuses a configuration it can't use and leaves nothing behind",
  ...SANITIZED,
  async fn() {
    await assert.rejects(startAgent({ statsd: { intervall: "1s" } }), /interval/);
  },
});
