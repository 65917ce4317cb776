import assert from "node:assert/strict";
import { fromHex, toHex } from "../bytes/mod.ts";
import { encodeFrame, FrameReader, MAX_FRAME_BYTES } from "./ssf_frames.ts";
import { isWireError, type WireError } from "./wire_error.ts";

const FRAME_HEX = "000000004b1007" + "1809288080a8b1e39fe7cb173080e5c2a8e49fe7cb17420370617952221209" +
  "6a6f62732e646f6e651d000040403d0000803f420b0a03656e76120470726f6460016a06636861726765";

function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Feeds `stream` in pieces of `size` bytes and gives the payloads, copied, and how it ended. */
function read(stream: Uint8Array, size: number, maxBytes?: number): { payloads: string[]; error: WireError | null } {
  const frames = new FrameReader(maxBytes);
  const payloads: string[] = [];
  const piece = new Uint8Array(size); // reused, as a socket's buffer is
  for (let at = 0; at < stream.length; at += size) {
    const part = stream.subarray(at, at + size);
    piece.set(part);
    frames.push(piece.subarray(0, part.length));
    for (let next = frames.next(); next !== null; next = frames.next()) {
      if (isWireError(next)) return { payloads, error: next };
      payloads.push(toHex(next));
    }
  }
  return { payloads, error: frames.end() };
}

function payload(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => i * 7 + size);
}

Deno.test("encodeFrame() and FrameReader agree with a recorded frame", () => {
  const frame = fromHex(FRAME_HEX)!;
  const got = read(frame, frame.length);
  assert.deepEqual(got, { payloads: [FRAME_HEX.slice(10)], error: null });
  assert.equal(toHex(encodeFrame(frame.subarray(5))), FRAME_HEX);
});

const sizes = [0, 1, 75, 4, 0, 300, 70_000, 5, 65_536, 2, 1_000];
const stream = concat(...sizes.map((size) => encodeFrame(payload(size))));
const expected = sizes.map((size) => toHex(payload(size)));
for (const piece of [1, 2, 3, 5, 7, 64, 1_000, 4_096, 65_536, 1_000_000]) {
  Deno.test(`FrameReader gives the same frames in pieces of ${piece}`, () => {
    assert.deepEqual(read(stream, piece), { payloads: expected, error: null });
  });
}

Deno.test("FrameReader gives many frames of one push, and the cut one after the next", () => {
  const frames = new FrameReader();
  const whole = concat(...Array.from({ length: 1_000 }, (_, i) => encodeFrame(payload(i % 90))));
  frames.push(whole.subarray(0, -1));
  let count = 0;
  while (frames.next() !== null) count++;
  assert.equal(count, 999);
  frames.push(whole.subarray(-1));
  assert.deepEqual(frames.next(), payload(999 % 90));
  assert.equal(frames.next(), null);
  assert.equal(frames.end(), null);
});

Deno.test("FrameReader keeps frames that are not taken at once", () => {
  const frames = new FrameReader();
  const taken: number[] = [];
  for (let i = 0; i < 500; i++) {
    frames.push(encodeFrame(payload(i)));
    frames.push(encodeFrame(payload(i)));
    taken.push((frames.next() as Uint8Array).length);
  }
  for (let next = frames.next(); next !== null; next = frames.next()) taken.push((next as Uint8Array).length);
  assert.deepEqual(taken, Array.from({ length: 1_000 }, (_, i) => i >> 1));
  assert.equal(frames.end(), null);
});

Deno.test("FrameReader takes the longest frame and refuses one byte more", () => {
  const limit = 100;
  assert.equal(read(encodeFrame(payload(limit)), 9, limit).error, null);
  const got = read(encodeFrame(payload(limit + 1)), 1, limit);
  assert.deepEqual(got.payloads, []);
  assert.match(got.error?.message ?? "", /length is 101 bytes, the most is 100/);
});

const refused: [what: string, hex: string, message: RegExp][] = [
  ["a version 1", "01", /version is 1, not 0/],
  ["text", "666f6f3a317c630a", /version is 102/],
  ["a length above 16 MiB", "0001000001", /length is 16777217 bytes/],
  ["the longest length there is", "00ffffffff", /length is 4294967295 bytes/],
  ["a version 2 behind a frame", "0000000001aa02", /version is 2/],
];
for (const [what, hex, message] of refused) {
  for (const piece of [1, 100]) {
    Deno.test(`FrameReader refuses ${what}, in pieces of ${piece}`, () => {
      const { error } = read(fromHex(hex)!, piece);
      assert.equal(error?.reason, "framing");
      assert.match(error.message, message);
    });
  }
}

Deno.test("FrameReader stays refused", () => {
  const frames = new FrameReader();
  frames.push(Uint8Array.of(9));
  const error = frames.next();
  assert.ok(error !== null && isWireError(error));
  frames.push(encodeFrame(payload(3)));
  assert.equal(frames.next(), error);
  assert.equal(frames.end(), error);
});

Deno.test("FrameReader.end() tells the end between frames from one inside a frame", () => {
  const frame = encodeFrame(payload(20));
  for (let end = 0; end <= frame.length; end++) {
    const { error } = read(frame.subarray(0, end), 4);
    if (end === 0 || end === frame.length) assert.equal(error, null);
    else assert.equal(error?.reason, "framing", `cut at ${end}`);
  }
});

Deno.test("encodeFrame() refuses what no reader takes", () => {
  assert.throws(() => encodeFrame(new Uint8Array(MAX_FRAME_BYTES + 1)), RangeError);
});

Deno.test("FrameReader does not allocate what a frame only claims", () => {
  const readers = Array.from({ length: 1_000 }, () => new FrameReader());
  const before = Deno.memoryUsage().external;
  for (const frames of readers) {
    frames.push(fromHex("0000ffffff" + "00".repeat(100))!);
    assert.equal(frames.next(), null);
  }
  const grown = Deno.memoryUsage().external - before;
  assert.ok(grown < 16 * 2 ** 20, `${grown} bytes for 1000 readers`); // claimed: 16 GiB
});

Deno.test("FrameReader reads a 4 MiB frame and small ones after it one byte at a time", () => {
  const big = encodeFrame(payload(4 * 2 ** 20));
  const frames = new FrameReader();
  for (let at = 0; at < big.length; at++) {
    assert.equal(frames.next(), null);
    frames.push(big.subarray(at, at + 1));
  }
  assert.equal((frames.next() as Uint8Array).length, 4 * 2 ** 20);
  for (const size of [3, 0, 9]) {
    for (const byte of encodeFrame(payload(size))) frames.push(Uint8Array.of(byte));
    assert.deepEqual(frames.next(), payload(size));
  }
});
