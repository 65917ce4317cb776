import assert from "node:assert/strict";
import { VENEUR_1_1_KEYS, VENEUR_KEYS, VENEUR_RENAMED } from "./veneur_keys.ts";

const names = VENEUR_KEYS.map(({ key }) => key);

Deno.test("VENEUR_KEYS names each key once", () => assert.equal(new Set(names).size, names.length));

Deno.test("VENEUR_KEYS has all 34 keys of 1.1", () => {
  assert.equal(new Set(VENEUR_1_1_KEYS).size, 34);
  assert.deepEqual(VENEUR_1_1_KEYS.filter((key) => !names.includes(key)), []);
});

Deno.test("VENEUR_RENAMED leads from keys to keys that become the same", () => {
  for (const [old, now] of Object.entries(VENEUR_RENAMED)) {
    const [before, after] = [old, now].map((name) => VENEUR_KEYS.find(({ key }) => key === name));
    assert.ok(before !== undefined && after !== undefined, old);
    assert.deepEqual(before.becomes, after.becomes, old);
    assert.ok(!Object.hasOwn(VENEUR_RENAMED, now), `${now} is not old itself`);
  }
});

Deno.test("VENEUR_KEYS gives every place one key, old names aside", () => {
  const places = VENEUR_KEYS.filter(({ key }) => !Object.hasOwn(VENEUR_RENAMED, key))
    .flatMap(({ becomes }) => "place" in becomes ? [becomes.place] : []);
  assert.equal(new Set(places).size, places.length);
});
