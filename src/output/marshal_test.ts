import assert from "node:assert/strict";
import { marshal } from "./marshal.ts";
import { testDeps } from "./testing.ts";

Deno.test("marshal() returns the body, and tells how long it took", async () => {
  const deps = testDeps();
  const body = await marshal(deps, "flush", async () => {
    await deps.clock.advance(20);
    return Uint8Array.of(1);
  });
  assert.deepEqual(body, Uint8Array.of(1));
  assert.deepEqual(deps.observations, [{ action: "flush", durationMs: { part: "marshal", value: 20 } }]);
});

Deno.test("marshal() tells nothing of a body that could not be made", async () => {
  const deps = testDeps();
  await assert.rejects(marshal(deps, "flush", () => Promise.reject(new RangeError("too long"))), RangeError);
  assert.deepEqual(deps.observations, []);
});
