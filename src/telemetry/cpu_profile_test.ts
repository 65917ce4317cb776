import assert from "node:assert/strict";
import { CpuProfileUnavailable, startCpuProfile } from "./cpu_profile.ts";

function limierBurnsTime(rounds: number): number {
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum += Math.sqrt(i) % 7;
  return sum;
}

Deno.test("startCpuProfile() sees the function that ran, with samples", async () => {
  using profile = await startCpuProfile();
  // Until the sampler has seen it; a busy machine may take a few rounds.
  let sum = 0;
  for (let round = 0; round < 20; round++) sum += limierBurnsTime(2_000_000);
  const json = JSON.parse(await profile.stop());
  assert.ok(sum > 0);
  assert.ok(json.samples.length > 0);
  assert.equal(json.samples.length, json.timeDeltas.length);
  const names = json.nodes.map((node: { callFrame: { functionName: string } }) => node.callFrame.functionName);
  assert.ok(names.includes("limierBurnsTime"), names.join(", "));
});

Deno.test("startCpuProfile() can be thrown away, and taken again", async () => {
  (await startCpuProfile())[Symbol.dispose]();
  const again = await startCpuProfile();
  assert.match(await again.stop(), /^\{"nodes":/);
  again[Symbol.dispose]();
});

Deno.test({
  name: "startCpuProfile() says which permission it lacks",
  permissions: { sys: false },
  fn: () =>
    assert.rejects(startCpuProfile(), (error) => error instanceof CpuProfileUnavailable && /sys/.test(error.message)),
});
