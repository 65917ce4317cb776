import assert from "node:assert/strict";
import { newDecompressor } from "../../kafka/mod.ts";
import { encodeLz4Frame } from "./lz4_frame.ts";

const noise = crypto.getRandomValues(new Uint8Array(60_000));
const bodies: [what: string, octets: Uint8Array][] = [
  ["one octet", Uint8Array.of(7)],
  ["thirteen equal octets", new Uint8Array(13).fill(1)],
  ["noise", noise],
  ["zeros", new Uint8Array(100_000)],
  ["noise twice, close by", Uint8Array.from([...noise, ...noise])],
  ["long literals and a long match", Uint8Array.from([...noise.subarray(0, 300), ...noise.subarray(0, 299), 1, 2, 3])],
  ["more than a block", Uint8Array.from({ length: 9_000_000 }, (_, i) => i % 11 === 0 ? i >> 8 : i % 251)],
];
for (const [what, octets] of bodies) {
  Deno.test(`encodeLz4Frame() keeps ${what}, as the library of another reads it`, async () => {
    const frame = encodeLz4Frame(octets);
    const decompressor = await newDecompressor();
    const back = decompressor.decompress("lz4", frame, 1 << 24);
    assert.ok(new Uint8Array(back).every((octet, i) => octet === octets[i]) && back.length === octets.length);
    assert.ok(frame.length <= octets.length + 15 + 4 * Math.ceil(octets.length / 4_194_304));
  });
}

Deno.test("encodeLz4Frame() makes zeros small", () => {
  assert.ok(encodeLz4Frame(new Uint8Array(100_000)).length < 500);
});

Deno.test("encodeLz4Frame() of nothing is a descriptor with its checksum, and the end mark", () => {
  assert.equal(encodeLz4Frame(new Uint8Array(0)).toHex(), "04224d18" + "607073" + "00000000");
});
