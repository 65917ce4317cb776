import assert from "node:assert/strict";
import { constants, zstdCompressSync } from "node:zlib";
import { decompressZstd, ZstdError } from "./zstd_frames.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const text = Array.from({ length: 40_000 }, (_, i) => `line ${i} ${(i * 2_654_435_761) >>> 0}\n`).join("");
const packed = (content: string, params: Record<number, number> = {}) =>
  new Uint8Array(zstdCompressSync(encode(content), { params: { [constants.ZSTD_c_checksumFlag]: 1, ...params } }));
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

/** Text, and what was thrown behind it. */
function read(bytes: Uint8Array): [text: string, error: ZstdError | undefined] {
  const decoder = new TextDecoder();
  let got = "";
  try {
    for (const piece of decompressZstd(bytes)) got += decoder.decode(piece, { stream: true });
  } catch (error) {
    assert.ok(error instanceof ZstdError);
    return [got, error];
  }
  return [got, undefined];
}

const skippable = (content: Uint8Array) =>
  join(Uint8Array.of(0x57, 0x2a, 0x4d, 0x18, content.length, 0, 0, 0), content);
const whole: [what: string, bytes: Uint8Array, text: string][] = [
  ["an empty file", new Uint8Array(), ""],
  ["one frame", packed(text), text],
  ["a frame without a checksum", packed(text, { [constants.ZSTD_c_checksumFlag]: 0 }), text],
  ["a frame that does not tell its size", packed(text, { [constants.ZSTD_c_contentSizeFlag]: 0 }), text],
  ["a frame with a window of 128 MiB", packed("a\n", { [constants.ZSTD_c_windowLog]: 27 }), "a\n"],
  ["an empty frame", Uint8Array.fromHex("28b52ffd240001000099e9d851"), ""],
  ["frames one behind the other", join(packed("a\n"), packed(""), packed(text), packed("z\n")), `a\n${text}z\n`],
  ["skippable frames", join(skippable(encode("abc")), packed("a\n"), skippable(encode(""))), "a\n"],
  ["a block that repeats one byte", packed("a".repeat(200_000)), "a".repeat(200_000)],
];

for (const [what, bytes, want] of whole) {
  Deno.test(`decompressZstd() reads ${what}`, () => assert.deepEqual(read(bytes), [want, undefined]));
}

Deno.test("decompressZstd() gives what can be had of a file cut off at any byte, and says that it was", () => {
  const first = packed("first\n");
  const file = join(first, packed(text.slice(0, 2000)), packed(text));
  let longest = 0;
  for (let length = 1; length < file.length; length += length < 400 ? 1 : 997) {
    const [got, error] = read(file.subarray(0, length));
    const isBetween = length === first.length || `first\n${text.slice(0, 2000)}` === got && error === undefined;
    if (!isBetween) {
      assert.match(error?.message ?? "no error", /^Cannot decompress the zstd frame at byte \d+: the file ends/);
    }
    assert.ok(`first\n${text.slice(0, 2000)}${text}`.startsWith(got));
    assert.ok(length < first.length || got.startsWith("first\n"));
    longest = Math.max(longest, got.length);
  }
  assert.ok(longest > text.length / 2, `only ${longest} characters of the last frame were given`);
});

const broken: [what: string, bytes: Uint8Array, text: string, message: RegExp][] = [
  ["text", encode("{}\n{}\n"), "", /at byte 0: no frame begins there/],
  ["what follows a frame", join(packed("a\n"), encode("more")), "a\n", /at byte \d+: no frame begins there/],
  ["two bytes that follow a frame", join(packed("a\n"), encode("mo")), "a\n", /: no frame begins there/],
  ["a wrong checksum", packed("a\n").map((byte, i, all) => i === all.length - 1 ? byte ^ 1 : byte), "", /checksum/],
  ["a block of a type that is reserved", Uint8Array.fromHex("28b52ffd2400070000"), "", /no frame begins there/],
];

for (const [what, bytes, want, message] of broken) {
  Deno.test(`decompressZstd() refuses ${what}`, () => {
    const [got, error] = read(bytes);
    assert.equal(got, want);
    assert.match(error?.message ?? "no error", message);
  });
}

Deno.test("decompressZstd() throws nothing but ZstdError, whatever the bytes", () => {
  const file = join(packed("a\n"), packed(text.slice(0, 3000)));
  let seed = 1;
  const random = (below: number) => (seed = seed * 48_271 % 2_147_483_647) % below;
  for (let i = 0; i < 2000; i++) {
    const bytes = file.slice(0, 1 + random(file.length));
    for (let n = random(4); n >= 0; n--) bytes[random(bytes.length)] = random(256);
    read(bytes);
  }
});
