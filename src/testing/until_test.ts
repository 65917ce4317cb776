import assert from "node:assert/strict";
import { until } from "./until.ts";

Deno.test("until() asks again until the answer is yes", async () => {
  let asked = 0;
  await until(() => ++asked === 3);
  await until(() => Promise.resolve(++asked === 5));
  assert.equal(asked, 5);
});

Deno.test("until() waits for nothing that is so already", async () => {
  let asked = 0;
  await until(() => ++asked > 0);
  assert.equal(asked, 1);
});

Deno.test("until() passes on what the question ends with", async () => {
  await assert.rejects(until(() => Promise.reject(new RangeError("no such thing"))), RangeError);
});
