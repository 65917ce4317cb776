import assert from "node:assert/strict";
import { fromHex, ProtoWriter, toHex } from "../bytes/mod.ts";
import { decodeDigestProto, encodeDigestProto } from "./proto.ts";
import { SketchError, type SketchErrorCode } from "./sketch_error.ts";
import { TDigest } from "./tdigest.ts";

/** {3.5, -2, 0}; numbers that are 0 are left out. */
const EXAMPLE = "0a12 09 00000000000000c0 11 000000000000f03f" + "0a09 11 000000000000f03f" +
  "0a12 09 0000000000000c40 11 000000000000f03f" +
  "11 0000000000005940 19 00000000000000c0 21 0000000000000c40 29 000000000000f07f";

Deno.test("encodeDigestProto() and decodeDigestProto() of three samples", () => {
  const digest = new TDigest();
  for (const value of [3.5, -2, 0]) digest.add(value);
  assert.equal(toHex(encodeDigestProto(digest)), EXAMPLE.replaceAll(" ", ""));
  const copy = decodeDigestProto(fromHex(EXAMPLE)!);
  assert.deepEqual(copy.centroids(), digest.centroids());
  assert.deepEqual(
    [copy.compression, copy.min, copy.max, copy.reciprocalSum, copy.count],
    [100, -2, 3.5, Infinity, 3],
  );
});

Deno.test("decodeDigestProto() of nothing is an empty digest", () => {
  const digest = decodeDigestProto(new Uint8Array(0));
  assert.deepEqual([digest.count, digest.min, digest.max, digest.compression], [0, Infinity, -Infinity, 100]);
  const empty = decodeDigestProto(encodeDigestProto(new TDigest(20)));
  assert.deepEqual([empty.count, empty.min, empty.max, empty.compression], [0, Infinity, -Infinity, 20]);
});

Deno.test("decodeDigestProto() reads back what encodeDigestProto() wrote", () => {
  const digest = new TDigest();
  for (let i = 0; i < 50_000; i++) digest.add(Math.random() - 0.5, 1 / (1 - Math.random()));
  const copy = decodeDigestProto(encodeDigestProto(digest));
  assert.deepEqual(copy.centroids(), digest.centroids());
  assert.deepEqual(
    [copy.min, copy.max, copy.sum, copy.reciprocalSum],
    [digest.min, digest.max, digest.sum, digest.reciprocalSum],
  );
});

Deno.test("decodeDigestProto() passes over unknown fields and samples", () => {
  const hex = "0a1e 11 000000000000f03f 1a08 0000000000000000 3807 09 000000000000f03f" + "7a0161" +
    "11 0000000000005940";
  assert.deepEqual(decodeDigestProto(fromHex(hex)!).centroids(), [{ mean: 1, weight: 1 }]);
});

function centroid(mean: string, weight: string): string {
  return `0a12 09 ${mean} 11 ${weight}`;
}

const ONE = "000000000000f03f";
const NAN = "010000000000f87f";
const INFINITE = "000000000000f07f";
const refused: [what: string, hex: string, code: SketchErrorCode][] = [
  ["a mean of NaN", centroid(NAN, ONE), "sketch.centroid"],
  ["an infinite mean", centroid(INFINITE, ONE), "sketch.centroid"],
  ["a weight of NaN", centroid(ONE, NAN), "sketch.centroid"],
  ["an infinite weight", centroid(ONE, INFINITE), "sketch.centroid"],
  ["a negative weight", centroid(ONE, "000000000000f0bf"), "sketch.centroid"],
  ["no weight", "0a09 09 000000000000f03f", "sketch.centroid"],
  ["an empty centroid", "0a00", "sketch.centroid"],
  ["a centroid that is a number", "0801", "sketch.format"],
  ["a compression that is an integer", "1064", "sketch.format"],
  ["a field of number 0", EXAMPLE + "0001", "sketch.format"],
  ["a key cut off", EXAMPLE + "88", "sketch.truncated"],
  ["a centroid longer than the message", "0a20 11 000000000000f03f", "sketch.truncated"],
  ["a mean longer than its centroid", "0a05 09 000000000000f03f", "sketch.truncated"],
];
for (const [what, hex, code] of refused) {
  Deno.test(`decodeDigestProto() refuses ${what}`, () => {
    assert.throws(() => decodeDigestProto(fromHex(hex)!), (error) => {
      assert.ok(error instanceof SketchError, String(error));
      assert.equal(error.code, code, error.message);
      return true;
    });
  });
}

Deno.test("decodeDigestProto() takes 10000 centroids and refuses 10001", () => {
  const writer = new ProtoWriter();
  for (let i = 0; i < 10_000; i++) writer.message(1, (centroid) => centroid.double(2, 1));
  assert.equal(decodeDigestProto(writer.view()).count, 10_000);
  writer.message(1, (centroid) => centroid.double(2, 1));
  assert.throws(() => decodeDigestProto(writer.view()), { name: "SketchError", code: "sketch.size" });
});

Deno.test("decodeDigestProto() refuses every cut of the example inside a field", () => {
  const bytes = fromHex(EXAMPLE)!;
  const ends = new Set([0, 20, 31, 51, 60, 69, 78]); // where a field ends: a shorter message, but a whole one
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length);
    if (ends.has(length)) decodeDigestProto(cut);
    else assert.throws(() => decodeDigestProto(cut), { name: "SketchError", code: "sketch.truncated" }, `${length}`);
  }
});
