import assert from "node:assert/strict";
import { fromHex, toHex } from "../bytes/mod.ts";
import { decodeDigestGob, decodeSetGob, encodeDigestGob, encodeSetGob } from "./gob.ts";
import { HyperLogLogV1 } from "./hyperloglog_v1.ts";
import { SketchError, type SketchErrorCode } from "./sketch_error.ts";
import { TDigest } from "./tdigest.ts";

const text = new TextEncoder();

/** {3.5, -2, 0} as servers from 1.1 to 8.0 write it. */
const EXAMPLE = Uint8Array.from(
  atob(
    "Df+FAgEC/4YAAf+CAAA3/4EDAQEIQ2VudHJvaWQB/4IAAQMBBE1lYW4BCAABBldlaWdodAEIAAEHU2FtcGxlcwH/hAAAABf/gwIBAQlbXWZsb2F0" +
      "NjQB/4QAAQgAABr/hgADAf/AAf7wPwAC/vA/AAH+DEAB/vA/AAUIAP5ZQAQIAP/ABQgA/gxA",
  ),
  (char) => char.charCodeAt(0),
);

/** Messages from hex, each given its length. */
function messages(...payloads: string[]): string {
  return payloads.map((payload) => {
    const bytes = fromHex(payload)!;
    return toHex(Uint8Array.of(bytes.length)) + toHex(bytes);
  }).join("");
}

/** The payloads of the example, so that a test can change one. */
const SLICE = "ff85 02 01 02 ff86 00 01 ff82 00 00";
const CENTROID = "ff81 03 01 01 08 43656e74726f6964 01 ff82 00 01 03 01 04 4d65616e 01 08 00" +
  "01 06 576569676874 01 08 00 01 07 53616d706c6573 01 ff84 00 00 00";
const FLOATS = "ff83 02 01 01 09 5b5d666c6f61743634 01 ff84 00 01 08 00 00";
const TYPES = [SLICE, CENTROID, FLOATS];
const VALUES = "ff86 00 03  01 ffc0 01 fef03f 00   02 fef03f 00   01 fe0c40 01 fef03f 00";
const NUMBERS = ["08 00 fe5940", "08 00 ffc0", "08 00 fe0c40"];

Deno.test("decodeDigestGob() reads the example", () => {
  assert.equal(toHex(EXAMPLE), messages(...TYPES, VALUES, ...NUMBERS));
  assert.equal(EXAMPLE.length, 138);
  const digest = decodeDigestGob(EXAMPLE);
  assert.deepEqual(digest.centroids(), [{ mean: -2, weight: 1 }, { mean: 0, weight: 1 }, { mean: 3.5, weight: 1 }]);
  assert.deepEqual(
    [digest.compression, digest.min, digest.max, digest.reciprocalSum, digest.count, digest.quantile(0.5)],
    [100, -2, 3.5, 0, 3, 0.375],
  );
});

Deno.test("encodeDigestGob() writes the example, with the reciprocal sum unless told otherwise", () => {
  const digest = decodeDigestGob(EXAMPLE);
  assert.equal(toHex(encodeDigestGob(digest, "1.1")), toHex(EXAMPLE));
  assert.equal(toHex(encodeDigestGob(digest)), toHex(EXAMPLE) + "03080000");
  const sampled = new TDigest();
  for (const value of [3.5, -2, 0]) sampled.add(value);
  assert.equal(toHex(encodeDigestGob(sampled, "1.1")), toHex(EXAMPLE));
  assert.equal(decodeDigestGob(encodeDigestGob(sampled)).reciprocalSum, Infinity);
});

Deno.test("encodeDigestGob() of no samples", () => {
  const bytes = encodeDigestGob(new TDigest());
  assert.equal(
    toHex(bytes),
    messages(...TYPES, "ff86 00 00", "08 00 fe5940", "08 00 fef07f", "08 00 fef0ff", "08 00 00"),
  );
  const digest = decodeDigestGob(bytes);
  assert.deepEqual([digest.count, digest.min, digest.max], [0, Infinity, -Infinity]);
});

Deno.test("decodeDigestGob() reads back what encodeDigestGob() wrote", () => {
  const digest = new TDigest();
  for (let i = 0; i < 50_000; i++) digest.add((Math.random() - 0.5) * 10 ** (i % 9), 1 / (1 - Math.random()));
  for (const value of [Number.MIN_VALUE, Number.MAX_VALUE, 1e-300, 255, 256, 127, 128]) digest.add(value);
  const copy = decodeDigestGob(encodeDigestGob(digest));
  assert.deepEqual(copy.centroids(), digest.centroids());
  assert.deepEqual(
    [copy.min, copy.max, copy.sum, copy.reciprocalSum],
    [digest.min, digest.max, digest.sum, digest.reciprocalSum],
  );
  assert.ok(Math.abs(copy.count / digest.count - 1) < 1e-12);
  assert.equal(toHex(encodeDigestGob(copy)), toHex(encodeDigestGob(digest)));
});

const readable: [what: string, hex: string][] = [
  [
    "other type numbers, one above 127",
    messages(
      "fe0145 02 01 02 fe0146 00 01 ff90 00 00", // -163 = slice 163 of 72
      CENTROID.replace("ff81", "ff8f").replaceAll("ff84", "ff92").replace("ff82", "ff90"),
      FLOATS.replace("ff83", "ff91").replace("ff84", "ff92"),
      VALUES.replace("ff86", "fe0146"),
      ...NUMBERS,
    ),
  ],
  ["types in another order", messages(FLOATS, CENTROID, SLICE, VALUES, ...NUMBERS)],
  ["a type nobody uses", messages("ff95 04 01 02 ff96 00 01 06 01 04 00 00", ...TYPES, VALUES, ...NUMBERS)],
  [
    "fields in another order",
    messages(
      SLICE,
      "ff81 03 01 02 ff82 00 01 02 01 06 576569676874 01 08 00 01 04 4d65616e 01 08 00 00 00",
      "ff86 00 03  01 fef03f 01 ffc0 00   01 fef03f 00   01 fef03f 01 fe0c40 00",
      ...NUMBERS,
    ),
  ],
  [
    "samples in a centroid",
    messages(...TYPES, VALUES.replace("01 fef03f 00", "01 fef03f 01 02 fef03f fe0c40 00"), ...NUMBERS),
  ],
];
for (const [what, hex] of readable) {
  Deno.test(`decodeDigestGob() reads ${what}`, () => {
    assert.equal(toHex(encodeDigestGob(decodeDigestGob(fromHex(hex)!), "1.1")), toHex(EXAMPLE));
  });
}

const refused: [what: string, hex: string, code: SketchErrorCode][] = [
  ["a mean of NaN", messages(...TYPES, VALUES.replace("ffc0", "f8010000000000f87f"), ...NUMBERS), "sketch.centroid"],
  ["an infinite mean", messages(...TYPES, VALUES.replace("fe0c40", "fef07f"), ...NUMBERS), "sketch.centroid"],
  ["no weight", messages(...TYPES, VALUES.replace("02 fef03f 00", "00"), ...NUMBERS), "sketch.centroid"],
  ["a negative weight", messages(...TYPES, VALUES.replace("02 fef03f", "02 fef0bf"), ...NUMBERS), "sketch.centroid"],
  ["an infinite weight", messages(...TYPES, VALUES.replace("02 fef03f", "02 fef07f"), ...NUMBERS), "sketch.centroid"],
  ["a fourth number and a fifth", toHex(EXAMPLE) + messages("08 00 00", "08 00 00"), "sketch.trailing"],
  ["a byte after the end", toHex(EXAMPLE) + messages("08 00 00") + "00", "sketch.trailing"],
  ["a byte after a number", messages(...TYPES, VALUES, "08 00 fe5940 00", ...NUMBERS.slice(1)), "sketch.format"],
  ["a byte after the centroids", messages(...TYPES, VALUES + "00", ...NUMBERS), "sketch.format"],
  ["a number of integer type", messages(...TYPES, VALUES, "06 00 05", ...NUMBERS.slice(1)), "sketch.format"],
  ["two numbers only", messages(...TYPES, VALUES, ...NUMBERS.slice(1)), "sketch.truncated"],
  ["centroids of no defined type", messages(VALUES, ...NUMBERS), "sketch.format"],
  ["centroids that are numbers", messages("ff85 02 02 08 00 00", "ff86 00 01 fef03f", ...NUMBERS), "sketch.format"],
  ["a type defined twice", messages(...TYPES, FLOATS, VALUES, ...NUMBERS), "sketch.format"],
  ["a type of unknown kind", messages("ff85 08 00"), "sketch.format"],
  [
    "a field a struct does not have",
    messages(...TYPES, VALUES.replace("02 fef03f", "05 fef03f"), ...NUMBERS),
    "sketch.format",
  ],
  ["more centroids than bytes", messages(...TYPES, "ff86 00 fe2000 00", ...NUMBERS), "sketch.truncated"],
  ["a count beyond 53 bits", messages(...TYPES, "ff86 00 f8ffffffffffffffff", ...NUMBERS), "sketch.format"],
  ["a number of nine bytes", messages(...TYPES, "ff86 00 f7010203040506070809", ...NUMBERS), "sketch.format"],
  ["an empty message", "00", "sketch.format"],
  ["a message of type 0", "020000", "sketch.format"],
  ["text", toHex(text.encode("not a gob at all")), "sketch.truncated"],
  [
    "a type that contains itself without end",
    messages("ff81 03 02 01 01 01 78 01 ff82 00 00 00", SLICE, "ff86 00 01" + "01".repeat(60)),
    "sketch.format",
  ],
];
for (const [what, hex, code] of refused) {
  Deno.test(`decodeDigestGob() refuses ${what}`, () => {
    assert.throws(() => decodeDigestGob(fromHex(hex)!), (error) => {
      assert.ok(error instanceof SketchError, String(error));
      assert.equal(error.code, code, error.message);
      return true;
    });
  });
}

function manyCentroids(count: number): TDigest {
  const slots = Float64Array.from({ length: 2 * count }, (_, i) => i % 2 === 0 ? i / 2 : 1);
  return TDigest.from({
    compression: 100,
    min: 0,
    max: count - 1,
    reciprocalSum: 0,
    slots,
    mains: count,
    temps: 0,
  });
}

Deno.test("decodeDigestGob() takes 10000 centroids and refuses 10001", () => {
  assert.equal(decodeDigestGob(encodeDigestGob(manyCentroids(10_000))).count, 10_000);
  assert.throws(() => decodeDigestGob(encodeDigestGob(manyCentroids(10_001))), { code: "sketch.size" });
});

const ALPHA =
  "030a0000 060600fd040000 03060012 03020001 13ff87040101 03736574 01ff88000106010200 00 0aff880001fc022b189601" +
  "03060000 030a0000 03060000";

Deno.test("encodeSetGob() and decodeSetGob() of one member", () => {
  const sketch = new HyperLogLogV1();
  sketch.insert(text.encode("alpha"));
  assert.equal(toHex(encodeSetGob(sketch)), ALPHA.replaceAll(" ", ""));
  const copy = decodeSetGob(fromHex(ALPHA)!);
  assert.equal(copy.estimate(), 1);
  copy.insert(text.encode("alpha"));
  copy.insert(text.encode("beta"));
  assert.equal(copy.estimate(), 2);
});

for (const count of [0, 100, 2_621, 2_622, 50_000, 300_000]) {
  Deno.test(`decodeSetGob() reads back ${count} members`, () => {
    const sketch = new HyperLogLogV1();
    const random = new Uint32Array(4);
    for (let i = 0; i < count; i++) {
      crypto.getRandomValues(random);
      sketch.insertHash(random[0]!, random[1]!);
    }
    const bytes = encodeSetGob(sketch);
    const copy = decodeSetGob(bytes);
    assert.equal(copy.estimate(), sketch.estimate());
    assert.deepEqual(encodeSetGob(copy), bytes);
    assert.equal(copy.sparse() === null, count === 300_000);
  });
}

const refusedSets: [what: string, hex: string, code: SketchErrorCode][] = [
  ["another precision", ALPHA.replace("03060012", "0306000e"), "sketch.precision"],
  ["another number of registers", ALPHA.replace("060600fd040000", "060600fd020000"), "sketch.precision"],
  ["an impossible key", ALPHA.replace("fc022b1896", "fc0f2b1896"), "sketch.key"],
  ["a key of 0", ALPHA.replace("0aff880001fc022b189601", "06ff8800010001"), "sketch.key"],
  ["a key of 40 bits", ALPHA.replace("0aff880001fc022b189601", "0bff880001fb01022b189601"), "sketch.key"],
  ["a list that is not there", ALPHA.replace("03060000 030a", "03060001 030a"), "sketch.truncated"],
  ["dense registers that are not there", "030a0000 060600fd040000 03060012 03020000", "sketch.size"],
  ["a value after the end", ALPHA + "03060000", "sketch.trailing"],
  ["a map of other types", ALPHA.replace("0106010200", "0106010600"), "sketch.format"],
  ["a digest", toHex(EXAMPLE), "sketch.format"],
];
for (const [what, hex, code] of refusedSets) {
  Deno.test(`decodeSetGob() refuses ${what}`, () => {
    assert.throws(() => decodeSetGob(fromHex(hex)!), (error) => {
      assert.ok(error instanceof SketchError, String(error));
      assert.equal(error.code, code, error.message);
      return true;
    });
  });
}

const decoders: [name: string, bytes: Uint8Array, decode: (bytes: Uint8Array) => unknown][] = [
  ["decodeDigestGob", EXAMPLE, decodeDigestGob],
  ["decodeSetGob", fromHex(ALPHA)!, decodeSetGob],
];
for (const [name, example, decode] of decoders) {
  Deno.test(`${name}() refuses every cut of its example`, () => {
    for (let length = 0; length < example.length; length++) {
      assert.throws(() => decode(example.subarray(0, length)), SketchError, `${length} bytes`);
    }
  });
  Deno.test(`${name}() meets noise with a SketchError or a value`, () => {
    let seed = 7;
    const next = () => (seed = Math.imul(seed, 1103515245) + 12345 | 0) >>> 16 & 0xff;
    for (let round = 0; round < 5000; round++) {
      const bytes = example.slice();
      for (let i = 0; i < 1 + round % 4; i++) bytes[next() % bytes.length] = next();
      try {
        decode(bytes);
      } catch (error) {
        assert.ok(error instanceof SketchError, `${toHex(bytes)}: ${error}`);
      }
    }
  });
}
