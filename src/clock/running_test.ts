import assert from "node:assert/strict";
import { startWhole } from "./running.ts";

/** A part that tells what is done with it. */
function partOf(start: () => Promise<void>) {
  const told: string[] = [];
  return {
    told,
    async start() {
      told.push("start");
      await start();
    },
    [Symbol.asyncDispose]() {
      told.push("dispose");
      return Promise.resolve();
    },
  };
}

Deno.test("startWhole() gives the part back once it has started", async () => {
  const part = partOf(() => Promise.resolve());
  assert.equal(await startWhole(part), part);
  assert.deepEqual(part.told, ["start"]);
});

Deno.test("startWhole() stops what a failed start leaves running, and throws what it failed with", async () => {
  const part = partOf(() => Promise.reject(new RangeError("no such address")));
  await assert.rejects(startWhole(part), RangeError);
  assert.deepEqual(part.told, ["start", "dispose"]);
});
