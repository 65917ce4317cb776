import assert from "node:assert/strict";
import { fromHex, toHex } from "../bytes/mod.ts";
import { healthMethods } from "./health.ts";
import { Code } from "./status.ts";

const methods = healthMethods(["veneur"]);
const check = methods["/grpc.health.v1.Health/Check"]!;
const watch = methods["/grpc.health.v1.Health/Watch"]!;

/** What Check answers: bytes in hex, or a code. */
function checked(hex: string): string | Code {
  assert.ok(check.kind === "unary");
  const call = check.newCall();
  const refused = call.message(fromHex(hex)!);
  if (refused !== undefined) return refused.code;
  const answer = call.end();
  return answer instanceof Uint8Array ? toHex(answer) : answer.code;
}

Deno.test("healthMethods() answers for the whole server and for services it knows", () => {
  assert.equal(checked(""), "0801");
  assert.equal(checked("0a0676656e657572"), "0801", "veneur");
  assert.equal(checked("0a017810011a00"), Code.NOT_FOUND, "x, and fields of later versions");
  assert.equal(checked("0a05"), Code.INTERNAL, "half a request");
});

Deno.test("healthMethods() tells those that watch what they do not know, and the end", () => {
  assert.ok(watch.kind === "watch");
  assert.deepEqual(watch.first(fromHex("")!), Uint8Array.of(8, 1));
  assert.deepEqual(watch.first(fromHex("0a0178")!), Uint8Array.of(8, 3));
  assert.deepEqual(watch.last(fromHex("")!), Uint8Array.of(8, 2));
  assert.deepEqual(watch.last(fromHex("0a0178")!), Uint8Array.of(8, 3));
  const refused = watch.first(fromHex("0a05")!);
  assert.ok("code" in refused && refused.code === Code.INTERNAL);
});
