import assert from "node:assert/strict";
import { deflateSync, gzipSync } from "node:zlib";
import { type Encoding, frameMessages, MessageReader, parseEncoding } from "./messages.ts";
import { Code, codeName, type GrpcStatus } from "./status.ts";

const utf8 = new TextEncoder();
const MESSAGES = ["first", "", "third, a little longer", "x".repeat(300)];

/** Messages that a stream of chunks holds, and what is said of it. */
function read(chunks: readonly Uint8Array[], maxBytes = 1000, encoding: Encoding = "identity") {
  const reader = new MessageReader(maxBytes, encoding);
  const messages: string[] = [];
  let refused: GrpcStatus | undefined;
  for (const chunk of chunks) {
    refused = reader.push(chunk, (message) => void messages.push(new TextDecoder().decode(message)));
    if (refused !== undefined) break;
  }
  return { messages, refused: refused ?? reader.end(), heldBytes: reader.heldBytes };
}

function compressed(message: string, compress: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  const framed = frameMessages([compress(utf8.encode(message))]);
  framed[0] = 1;
  return framed;
}

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
  return chunks;
}

Deno.test("frameMessages() puts a flag and a length in front of each", () => {
  assert.deepEqual([...frameMessages([Uint8Array.of(7, 8), new Uint8Array(0)])], [0, 0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0]);
});

Deno.test("MessageReader reads messages wherever their chunks are cut", () => {
  const framed = frameMessages(MESSAGES.map((message) => utf8.encode(message)));
  for (let size = 1; size <= framed.length; size++) {
    const { messages, refused } = read(cut(framed, size));
    assert.deepEqual(messages, MESSAGES, `chunks of ${size}`);
    assert.equal(refused, undefined);
  }
});

Deno.test("MessageReader tells of a stream that ends within a message, wherever it does", () => {
  const framed = frameMessages([utf8.encode("first"), utf8.encode("second")]);
  for (let end = 1; end < framed.length; end++) {
    const { messages, refused } = read([framed.slice(0, end)]);
    if (end === 10) assert.equal(refused, undefined, "between the two");
    else assert.equal(refused?.code, Code.INTERNAL);
    assert.deepEqual(messages, end < 10 ? [] : ["first"]);
  }
});

Deno.test("MessageReader inflates what is compressed, and takes the rest as it is", () => {
  for (const [encoding, compress] of [["gzip", gzipSync], ["deflate", deflateSync]] as const) {
    const stream = [compressed("once", compress), frameMessages([utf8.encode("twice")]), compressed("", compress)];
    assert.deepEqual(read(stream, 1000, encoding), {
      messages: ["once", "twice", ""],
      refused: undefined,
      heldBytes: 0,
    });
  }
});

const refusals: [what: string, stream: Uint8Array, encoding: Encoding, code: keyof typeof Code, message: RegExp][] = [
  ["a flag that is none", Uint8Array.of(2, 0, 0, 0, 0), "identity", "INTERNAL", /flag 2/],
  ["what is compressed without saying how", compressed("x", gzipSync), "identity", "INTERNAL", /does not say how/],
  ["what is not gzip", Uint8Array.of(1, 0, 0, 0, 3, 1, 2, 3), "gzip", "INTERNAL", /not valid gzip/],
  ["zlib for gzip", compressed("x", deflateSync), "gzip", "INTERNAL", /not valid gzip/],
  [
    "a long message",
    frameMessages([new Uint8Array(1001)]),
    "identity",
    "RESOURCE_EXHAUSTED",
    /1001 bytes, the most is 1000/,
  ],
  ["a length that nobody means", Uint8Array.of(0, 255, 255, 255, 255), "identity", "RESOURCE_EXHAUSTED", /4294967295/],
  [
    "a small one that inflates to much",
    compressed("x".repeat(1001), gzipSync),
    "gzip",
    "RESOURCE_EXHAUSTED",
    /inflates/,
  ],
];
for (const [what, stream, encoding, code, message] of refusals) {
  Deno.test(`MessageReader refuses ${what}`, () => {
    for (const size of [1, stream.length]) {
      const { messages, refused } = read(cut(stream, size), 1000, encoding);
      assert.equal(refused && codeName(refused.code), code);
      assert.match(refused!.message, message);
      assert.deepEqual(messages, []);
    }
  });
}

Deno.test("MessageReader ends with what its taker says", () => {
  const nine: GrpcStatus = { code: Code.ABORTED, message: "nine" };
  const reader = new MessageReader(10);
  const taken: number[] = [];
  const stream = frameMessages([Uint8Array.of(1), Uint8Array.of(9), Uint8Array.of(3)]);
  assert.equal(reader.push(stream, ([first]) => (taken.push(first!), first === 9 ? nine : undefined)), nine);
  assert.deepEqual(taken, [1, 9]);
});

Deno.test("MessageReader holds what has arrived, not what is claimed, and gives a large buffer back", () => {
  const reader = new MessageReader(2 ** 30);
  const framed = frameMessages([new Uint8Array(2 ** 20)]);
  framed.set([0, 0x40, 0, 0, 0]); // a gigabyte
  reader.push(framed.slice(0, 100), () => undefined);
  assert.ok(reader.heldBytes <= 1000);
  const other = new MessageReader(2 ** 30);
  const whole = frameMessages([new Uint8Array(2 ** 20)]);
  for (const chunk of cut(whole, 16_384)) other.push(chunk, () => undefined);
  assert.equal(other.heldBytes, 0);
});

Deno.test("MessageReader stands noise", () => {
  let seed = 1;
  const random = () => (seed = seed * 48271 % 2147483647) / 2147483647;
  for (let round = 0; round < 500; round++) {
    const noise = Uint8Array.from({ length: 1 + random() * 200 }, () => random() < 0.7 ? 0 : random() * 256);
    read(cut(noise, 1 + Math.floor(random() * 50)), 500, random() < 0.5 ? "gzip" : "identity");
  }
});

Deno.test("parseEncoding() knows the names of the protocol", () => {
  assert.equal(parseEncoding(undefined), "identity");
  for (const name of ["identity", "deflate", "gzip"]) assert.equal(parseEncoding(name), name);
  for (const name of ["", "snappy", "GZIP", "gzip, deflate"]) assert.equal(parseEncoding(name), undefined);
});
