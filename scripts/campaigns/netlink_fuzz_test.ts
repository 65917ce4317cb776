import assert from "node:assert/strict";
import { netlinkFuzz } from "./netlink_fuzz.ts";
import { NetlinkMutator, netlinkSamples } from "./netlink_mutations.ts";

const folder = new URL("../../testdata/inet-diag/", import.meta.url);

Deno.test("NetlinkMutator makes many different mutants and none that is too long", async () => {
  const samples = await netlinkSamples(folder);
  assert.ok(samples.length > 150);
  const mutator = new NetlinkMutator(samples, 7, 1500);
  const seen = new Set<string>();
  for (let i = 0; i < 5_000; i++) {
    const length = mutator.next();
    assert.ok(length >= 0 && length <= 1500);
    seen.add(mutator.buffer.subarray(0, length).toHex());
  }
  assert.ok(seen.size > 4_000, `${seen.size} different ones`);
});

Deno.test("NetlinkMutator refuses to start from nothing", () => {
  assert.throws(() => new NetlinkMutator([], 1, 100), RangeError);
});

Deno.test("a short netlink campaign decodes, or rejects with a reason", async () => {
  const printed: string[] = [];
  const holds = await netlinkFuzz.run({ count: 20_000, seed: 20_261_121 }, (line) => printed.push(line));
  assert.ok(holds, printed.join("\n"));
});
