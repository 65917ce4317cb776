import assert from "node:assert/strict";
import { fromHex, ProtoWriter, toHex } from "../bytes/mod.ts";
import { type Span, spanSample } from "../metric/mod.ts";
import {
  type DecodedSpan,
  decodeSpan,
  encodeSpan,
  float32Parts,
  invalidMetrics,
  MAX_INVALID_KEPT,
} from "./ssf_wire.ts";
import { isWireError } from "./wire_error.ts";

const SPAN_HEX = "1007 1809 288080a8b1e39fe7cb17 3080e5c2a8e49fe7cb17 4203706179 5222 12096a6f62732e646f6e65 " +
  "1d00004040 3d0000803f 420b0a03656e76120470726f64 6001 6a06636861726765";
const LEGACY_HEX = "0806 12077765622e676574 188080a8b1e39fe7cb17 2802 3a060a016b120176 " +
  "4a2908d8d8b0ade9fcbea30c10d9d8b0ade9fcbea30c18d8d8b0ade9fcbea30c2205474554202f28e0c65b 5203776562";

const SAMPLE = spanSample({ metric: "counter", name: "jobs.done", value: 3, tags: { env: "prod" } });
const SPAN: Span = {
  version: 0,
  traceId: 7n,
  id: 9n,
  parentId: 0n,
  startNs: 1_700_000_000_000_000_000n,
  endNs: 1_700_000_000_250_000_000n,
  error: false,
  service: "pay",
  name: "charge",
  indicator: true,
  tags: {},
  metrics: [SAMPLE],
  rootStartNs: 0n,
};
const LEGACY: Span = {
  version: 0,
  traceId: 884671344597019736n,
  id: 884671344597019737n,
  parentId: 884671344597019736n,
  startNs: 1_700_000_000_000_000_000n,
  endNs: 1_700_000_000_001_500_000n,
  error: true,
  service: "web",
  name: "web.get",
  indicator: false,
  tags: { k: "v" },
  metrics: [],
  rootStartNs: 0n,
  resource: "GET /",
  legacy: true,
  legacyStatus: 2,
};

function hex(text: string): Uint8Array {
  const bytes = fromHex(text);
  assert.ok(bytes);
  return bytes;
}

function decoded(bytes: Uint8Array): DecodedSpan {
  const got = decodeSpan(bytes);
  assert.ok(!isWireError(got), isWireError(got) ? got.message : "");
  return got;
}

/** A span around one sample message. */
function spanAround(write: (sample: ProtoWriter) => void): Uint8Array {
  const writer = new ProtoWriter();
  writer.message(10, write);
  return writer.copy();
}

const vectors: [what: string, text: string, span: Span][] = [["a span", SPAN_HEX, SPAN], [
  "the form of 2017",
  LEGACY_HEX,
  LEGACY,
]];
for (const [what, text, span] of vectors) {
  Deno.test(`decodeSpan() reads ${what}`, () => {
    assert.deepEqual(decodeSpan(hex(text)), { span, invalid: [], invalidCount: 0 });
  });
  Deno.test(`encodeSpan() writes ${what} byte for byte`, () => {
    assert.equal(toHex(encodeSpan(span)), text.replaceAll(" ", ""));
  });
  Deno.test(`decodeSpan() answers ${what} cut at every byte`, () => {
    const bytes = hex(text);
    let refused = 0;
    for (let end = 1; end < bytes.length; end++) {
      const got = decodeSpan(bytes.subarray(0, end));
      if (!isWireError(got)) continue;
      assert.equal(got.reason, "processing");
      refused++;
    }
    assert.ok(refused > bytes.length / 2); // only a cut between two fields leaves a message
  });
}

Deno.test("encodeSpan() keeps every field", () => {
  const tags = { host: "a", empty: "", __proto: "b", "naïve": "é" };
  const full: Span = {
    ...SPAN,
    version: -1,
    traceId: (1n << 63n) - 1n,
    id: -(1n << 63n),
    parentId: -1n,
    error: true,
    tags,
    rootStartNs: 1n,
    metrics: [
      { ...SAMPLE, metric: "gauge", value: -0.1015625, scope: "local", unit: "ms", timestampNs: 5n, sampleRate: 0.5 },
      { ...SAMPLE, metric: "histogram", value: 1e-3, scope: "global", tags },
      { ...SAMPLE, metric: "set", value: 0, message: "member" },
      { ...SAMPLE, metric: "status", status: 3, message: "gone", value: 0, tags: {} },
    ],
  };
  const expected = { ...full, metrics: full.metrics.map((s) => ({ ...s, value: Math.fround(s.value) })) };
  assert.deepEqual(decoded(encodeSpan(full)).span, expected);
});

Deno.test("encodeSpan() keeps the old form of an empty span", () => {
  const { legacyStatus: _critical, ...legacy } = LEGACY;
  const empty = { ...legacy, name: "", service: "", traceId: 0n, id: 0n, parentId: 0n, tags: {}, error: false };
  const bare = { ...empty, resource: "", startNs: 0n, endNs: 0n };
  assert.deepEqual(decoded(encodeSpan(bare)).span, bare);
});

Deno.test("decodeSpan() takes a missing name from the tag", () => {
  const { span } = decoded(encodeSpan({ ...SPAN, name: "", tags: { a: "1", name: "charge" } }));
  assert.equal(span.name, "charge");
  assert.deepEqual(span.tags, { a: "1" });
  const both = decoded(encodeSpan({ ...SPAN, tags: { name: "other" } })).span;
  assert.equal(both.name, "charge");
  assert.deepEqual(both.tags, { name: "other" });
});

Deno.test("decodeSpan() has a tag __proto__ as a tag, and of equal keys the later one", () => {
  const writer = new ProtoWriter();
  for (const [key, value] of [["__proto__", "x"], ["k", "1"], ["k", "2"]] as const) {
    writer.message(11, (tag) => {
      tag.text(1, key);
      tag.text(2, value);
    });
  }
  const { tags } = decoded(writer.copy()).span;
  assert.deepEqual(Object.entries(tags), [["__proto__", "x"], ["k", "2"]]);
  assert.deepEqual(Object.entries(decoded(encodeSpan({ ...SPAN, tags })).span.tags), Object.entries(tags));
  assert.equal(decoded(encodeSpan({ ...SPAN, name: "" })).span.name, "");
});

const legacyMarks: [what: string, text: string][] = [
  ["a field 2 with a length", "120161"],
  ["a field 6 of 32 bits", "350000803f"],
  ["a field 9", "4a00"],
  ["a field 9 behind the rest", "0806 18 05 5201 61 4a00"],
];
for (const [what, text] of legacyMarks) {
  Deno.test(`decodeSpan() knows the form of 2017 by ${what}`, () => {
    assert.equal(decoded(hex(text)).span.legacy, true);
  });
}
for (const text of ["0801", "1007", "3007", "5200", "6001", "7a00"]) {
  Deno.test(`decodeSpan() takes ${text} for the newer form`, () => {
    assert.equal(decoded(hex(text)).span.legacy, undefined);
  });
}

Deno.test("decodeSpan() merges a trace that comes in two parts", () => {
  const { span } = decoded(hex("1201 61 4a020807 4a021009"));
  assert.equal(span.traceId, 7n);
  assert.equal(span.id, 9n);
});

Deno.test("decodeSpan() passes over fields it does not know", () => {
  const unknown = "7a0161 800101 8501 00000000 8901 0000000000000000 9b01 080a 9c01";
  assert.deepEqual(decoded(hex(SPAN_HEX + unknown)).span, SPAN);
});

Deno.test("decodeSpan() replaces what is not UTF-8", () => {
  assert.equal(decoded(hex("4202 61ff")).span.service, "a\uFFFD");
  assert.equal(decoded(hex("4203 efbbbf")).span.service, "\uFEFF");
});

Deno.test("decodeSpan() refuses nothing at all", () => {
  const got = decodeSpan(new Uint8Array(0));
  assert.ok(isWireError(got));
  assert.equal(got.reason, "zerolength");
});

const notProtobuf: [what: string, text: string][] = [
  ["a field 0", "0001"],
  ["a wire type 7", "0f"],
  ["a length beyond the end", "4205 61"],
  ["a length near 2^32 inside a sample", "5206 12ffffffff0f"],
  ["an endless varint", "10ffffffffffffffffffffff01"],
  ["a group that never ends", "7b 0801"],
  ["a group that never began", "7c"],
  ["a name that is a number", "6801"],
  ["an id that is text", "1a0161"],
  ["samples that are a number", "5001"],
  ["a value that is a double", "5209 190000000000000000"],
  ["text", "666f6f3a317c63"],
];
for (const [what, text] of notProtobuf) {
  Deno.test(`decodeSpan() refuses ${what}`, () => {
    const got = decodeSpan(hex(text));
    assert.ok(isWireError(got));
    assert.equal(got.reason, "processing");
    assert.match(got.message, /^Cannot read the span: not valid protobuf: /);
  });
}

const invalidSamples: [what: string, write: (sample: ProtoWriter) => void, why: RegExp][] = [
  ["nothing", () => {}, /name is empty/],
  ["an empty name", (s) => s.float(3, 1), /name is empty/],
  ["the type 5", (s) => (s.int32(1, 5), s.text(2, "x")), /type is 5/],
  ["the type -1", (s) => (s.int32(1, -1), s.text(2, "x")), /type is -1/],
  ["the value NaN", (s) => (s.text(2, "x"), s.float(3, NaN)), /value is NaN/],
  ["the value -Infinity", (s) => (s.text(2, "x"), s.float(3, -Infinity)), /value is -Infinity/],
  ["a value beyond 32 bits", (s) => (s.text(2, "x"), s.float(3, 1e39)), /value is Infinity/],
  ["the rate NaN", (s) => (s.text(2, "x"), s.float(7, NaN)), /sample rate is NaN/],
  ["the rate Infinity", (s) => (s.text(2, "x"), s.float(7, Infinity)), /sample rate is Infinity/],
  ["a rate above 1", (s) => (s.text(2, "x"), s.float(7, 1.5)), /sample rate is 1\.5/],
  ["a rate below 0", (s) => (s.text(2, "x"), s.float(7, -0.5)), /sample rate is -0\.5/],
  ["a status of status 4", (s) => (s.int32(1, 4), s.text(2, "x"), s.int32(6, 4)), /status is 4/],
];
for (const [what, write, why] of invalidSamples) {
  Deno.test(`decodeSpan() leaves out a sample with ${what}, and keeps the others`, () => {
    const writer = new ProtoWriter();
    writer.bytes(10, hex("12 01 61"));
    writer.message(10, write);
    writer.bytes(10, hex("12 01 62"));
    const got = decoded(writer.copy());
    assert.deepEqual(got.span.metrics.map((sample) => sample.name), ["a", "b"]);
    assert.equal(got.invalidCount, 1);
    assert.equal(got.invalid[0]?.index, 1);
    assert.match(got.invalid[0].why, why);
    assert.match(invalidMetrics(got)[0]?.message ?? "", /^Cannot use sample 1 of the span: /);
  });
}

Deno.test("decodeSpan() normalises samples", () => {
  const sample = (write: (sample: ProtoWriter) => void) => decoded(spanAround(write)).span.metrics[0];
  assert.equal(sample((s) => s.text(2, "x"))?.sampleRate, 1);
  assert.equal(sample((s) => (s.text(2, "x"), s.float(7, 0.1)))?.sampleRate, 0.10000000149011612);
  assert.equal(sample((s) => (s.text(2, "x"), s.float(3, 0.1)))?.value, 0.10000000149011612);
  assert.equal(sample((s) => (s.int32(1, 3), s.text(2, "x"), s.float(3, 7)))?.value, 0);
  assert.equal(sample((s) => (s.text(2, "x"), s.int32(10, 9)))?.scope, "mixed");
  assert.equal(sample((s) => (s.text(2, "x"), s.int32(6, 9)))?.status, 3);
  assert.deepEqual(sample((s) => s.text(2, "x"))?.tags, {});
});

Deno.test("decodeSpan() counts all invalid samples and describes some", () => {
  const count = MAX_INVALID_KEPT + 10;
  const got = decoded(hex("5200".repeat(count)));
  assert.equal(got.invalidCount, count);
  assert.equal(got.invalid.length, MAX_INVALID_KEPT);
  const errors = invalidMetrics(got);
  assert.equal(errors.length, MAX_INVALID_KEPT + 1);
  assert.match(errors.at(-1)?.message ?? "", /10 more samples/);
  assert.ok(errors.every((error) => error.reason === "invalid_metrics"));
});

/** A small generator, so that a failure can be repeated. */
function randomNumbers(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
}

Deno.test("decodeSpan() answers 20,000 damaged messages, and what it takes can be written and read again", () => {
  const below = randomNumbers(20170301);
  const originals = [hex(SPAN_HEX), hex(LEGACY_HEX), encodeSpan({ ...SPAN, tags: { a: "b", c: "d" } })];
  let taken = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = originals[round % originals.length]!.slice();
    for (let edits = below(4); edits >= 0; edits--) bytes[below(bytes.length)] = below(256);
    const got = decodeSpan(bytes.subarray(0, 1 + below(bytes.length)));
    if (isWireError(got)) {
      assert.equal(got.reason, "processing");
      continue;
    }
    taken++;
    if (!got.span.legacy) {
      assert.deepEqual(decoded(encodeSpan({ ...got.span, version: 1 })).span.metrics, got.span.metrics);
    }
  }
  assert.ok(taken > 1_000);
});

Deno.test("float32Parts() adds up exactly, in at most three values that a float holds", () => {
  assert.deepEqual(float32Parts(0n), [0]);
  assert.deepEqual(float32Parts(16_777_216n), [16_777_216]);
  assert.deepEqual(float32Parts(16_777_217n), [16_777_216, 1]);
  const below = randomNumbers(7);
  const counts = [(1n << 63n) - 1n, -(1n << 63n), -1n, 9_007_199_254_740_993n];
  for (let i = 0; i < 1_000; i++) {
    const bits = BigInt(below(2 ** 32)) << 32n | BigInt(below(2 ** 32));
    counts.push(BigInt.asIntN(64, bits) >> BigInt(below(60)));
  }
  for (const count of counts) {
    const parts = float32Parts(count);
    assert.ok(parts.length <= 3);
    assert.ok(parts.every((part) => Math.fround(part) === part));
    assert.equal(parts.reduce((sum, part) => sum + BigInt(part), 0n), count);
  }
});
