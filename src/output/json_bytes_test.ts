import assert from "node:assert/strict";
import { JsonBytes } from "./json_bytes.ts";

Deno.test("JsonBytes.string() equals JSON.stringify() for any text", () => {
  let seed = 7;
  const random = (below: number) => (seed = seed * 48_271 % 2_147_483_647) % below;
  const alphabet = ['"', "\\", "\n", "\u0000", "\u007f", "é", "🐕", "\ud83d", "\udc15", "a", "b", " ", "/"];
  for (let round = 0; round < 2_000; round++) {
    const text = Array.from({ length: random(20) }, () => alphabet[random(alphabet.length)]).join("");
    const json = new JsonBytes();
    json.ascii("x");
    json.string(text);
    assert.equal(new TextDecoder().decode(json.written), "x" + JSON.stringify(text));
  }
});

Deno.test("JsonBytes grows, and writes again from where it is told", () => {
  const json = new JsonBytes();
  json.ascii("head");
  const long = "y".repeat(10_000);
  for (const text of [long, "é" + long, "short"]) {
    json.rewind(4);
    json.string(text);
    assert.equal(new TextDecoder().decode(json.written), `head"${text}"`);
  }
  assert.equal(json.length, 11);
});
