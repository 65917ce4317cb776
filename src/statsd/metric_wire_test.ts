import assert from "node:assert/strict";
import {
  type MetricLine,
  newMetricLine,
  type Reason,
  REASON_MESSAGES,
  REASON_NAMES,
  TYPE_NAMES,
} from "./metric_line.ts";
import { hashLine, parseCommon, READ_AHEAD } from "./metric_scan.ts";
import { forEachValue, parseLine, readNumber } from "./metric_wire.ts";

const utf8 = new TextEncoder();
const text = (b: Uint8Array, start: number, end: number) => new TextDecoder().decode(b.subarray(start, end));

/** Parses a line as a stream would hand it over: its bytes, one LF behind. */
function parse(line: string): { reason: Reason; line: MetricLine; b: Uint8Array } {
  const b = utf8.encode(`${line}\n`);
  const out = newMetricLine();
  return { reason: parseLine(b, 0, b.length - 1, out), line: out, b };
}

interface Read {
  type: typeof TYPE_NAMES[number];
  name: string;
  values: (number | string)[];
  rate?: number;
  tags?: string;
  timestamp?: number;
}
const accepted: [line: string, read: Read][] = [
  ["api.hits:1|c", { type: "counter", name: "api.hits", values: [1] }],
  ["api.hits:-4|c", { type: "counter", name: "api.hits", values: [-4] }],
  ["cpu.idle:93.25|g", { type: "gauge", name: "cpu.idle", values: [93.25] }],
  ["cpu.delta:-7.5|g", { type: "gauge", name: "cpu.delta", values: [-7.5] }],
  ["cpu.delta:+7.5|g", { type: "gauge", name: "cpu.delta", values: [7.5] }],
  ["render:12.75|ms", { type: "timer", name: "render", values: [12.75] }],
  ["bytes:1e3|h", { type: "histogram", name: "bytes", values: [1000] }],
  ["bytes:2.5E-2|h", { type: "histogram", name: "bytes", values: [0.025] }],
  ["dist.size:44|d", { type: "histogram", name: "dist.size", values: [44] }],
  ["x:.5|g", { type: "gauge", name: "x", values: [0.5] }],
  ["x:5.|g", { type: "gauge", name: "x", values: [5] }],
  ["x:007|c", { type: "counter", name: "x", values: [7] }],
  ["x:1e-400|g", { type: "gauge", name: "x", values: [0] }],
  ["x:0.1|g", { type: "gauge", name: "x", values: [0.1] }],
  ["x:123456789012345.6|g", { type: "gauge", name: "x", values: [123456789012345.6] }],
  ["x:9007199254740993|g", { type: "gauge", name: "x", values: [9007199254740992] }],
  ["users:alice|s", { type: "set", name: "users", values: ["alice"] }],
  ["users:10:20|s", { type: "set", name: "users", values: ["10:20"] }],
  ["users:|s", { type: "set", name: "users", values: [""] }],
  ["users:héllo wörld|s", { type: "set", name: "users", values: ["héllo wörld"] }],
  ["lat:1:2:3|h", { type: "histogram", name: "lat", values: [1, 2, 3] }],
  ["n:1:2:3|c|@0.5", { type: "counter", name: "n", values: [1, 2, 3], rate: 0.5 }],
  ["lvl:4:9|g", { type: "gauge", name: "lvl", values: [4, 9] }],
  ["job run:1|c", { type: "counter", name: "job run", values: [1] }],
  ["naïve.café:1|c", { type: "counter", name: "naïve.café", values: [1] }],
  ["a:1|c|@1", { type: "counter", name: "a", values: [1] }],
  ["a:1|c|@1e-1", { type: "counter", name: "a", values: [1], rate: 0.1 }],
  ["a:1|c|#x:1|@0.25", { type: "counter", name: "a", values: [1], rate: 0.25, tags: "x:1" }],
  ["a:1|c|@0.25|#x:1", { type: "counter", name: "a", values: [1], rate: 0.25, tags: "x:1" }],
  ["a:v|s|@0.5", { type: "set", name: "a", values: ["v"], rate: 0.5 }],
  ["a:1|c|#z:1,b,a:2", { type: "counter", name: "a", values: [1], tags: "z:1,b,a:2" }],
  ["a:1|c|#", { type: "counter", name: "a", values: [1] }],
  ["a:1|c|#b|c:0a1b2c", { type: "counter", name: "a", values: [1], tags: "b" }],
  ["a:1|c|c:in-77|e:it-false|card:low", { type: "counter", name: "a", values: [1] }],
  ["a:3|c|T1700000000", { type: "counter", name: "a", values: [3], timestamp: 1700000000 }],
  ["_scratch:1|c", { type: "counter", name: "_scratch", values: [1] }],
];

for (const [sent, read] of accepted) {
  Deno.test(`parseLine() reads ${sent}`, () => {
    const { reason, line, b } = parse(sent);
    assert.equal(REASON_NAMES[reason], "ok");
    assert.deepEqual(describe(b, line), { rate: 1, tags: "", timestamp: 0, ...read });
  });
}

function describe(b: Uint8Array, line: MetricLine) {
  const values: (number | string)[] = [];
  if (TYPE_NAMES[line.type] === "set") values.push(text(b, line.valueStart, line.valueEnd));
  else forEachValue(b, line, (value) => values.push(value));
  assert.equal(values.length, line.valueCount);
  return {
    type: TYPE_NAMES[line.type],
    name: text(b, line.nameStart, line.nameEnd),
    values,
    rate: line.rate,
    tags: text(b, line.tagsStart, line.tagsEnd),
    timestamp: line.timestamp,
  };
}

const refused: [line: string, reason: keyof typeof Reason, says?: string][] = [
  ["plain", "no_colon", "1 colon"],
  ["plain|c", "no_colon"],
  ["pipe|first:1|c", "no_colon"],
  ["plain:1", "no_pipe", "1 pipe"],
  [":1|c", "empty_name", "name cannot be empty"],
  ["a:1|", "no_type", "metric type"],
  ["a:1||@0.1", "no_type"],
  ["a:1|z", "bad_type", "Invalid type"],
  ["a:1|count", "bad_type"],
  ["a:1|m", "bad_type"],
  ["a:1|sm", "bad_type"],
  ["a:x|q", "bad_type"],
  ["a:|g", "bad_value", "Invalid number"],
  ["a:|g", "bad_value", "metric value"],
  ["a:abc|g", "bad_value"],
  ["a:0x10|g", "bad_value"],
  ["a:0x1p4|g", "bad_value"],
  ["a:0b1|g", "bad_value"],
  ["a:1_000|c", "bad_value"],
  ["a: 1|c", "bad_value"],
  ["a:1 |c", "bad_value"],
  ["a:1,5|c", "bad_value"],
  ["a:NaN|h", "bad_value"],
  ["a:-Inf|g", "bad_value"],
  ["a:Infinity|c", "bad_value"],
  ["a:1e999|g", "bad_value"],
  ["a:1e|g", "bad_value"],
  ["a:.|g", "bad_value"],
  ["a:+|g", "bad_value"],
  ["a:--1|g", "bad_value"],
  ["a:1:bad:3|h", "bad_value"],
  ["a:1:|h", "bad_value"],
  ["a::1|h", "bad_value"],
  ["a:x|c|@9", "bad_value"],
  ["a:1|c|", "empty_section", "pipes"],
  ["a:1|c||#x", "empty_section"],
  ["a:1|c|junk", "unknown_section", "unknown section"],
  ["a:1|c|c:", "unknown_section"],
  ["a:1|c|c:x|c:y", "unknown_section"],
  ["a:1|c|@", "bad_rate", "Invalid float for sample rate"],
  ["a:1|c|@ten", "bad_rate"],
  ["a:1|c|@nan", "bad_rate"],
  ["a:1|c|@0", "rate_range", ">0"],
  ["a:1|c|@0.0", "rate_range", "<=1"],
  ["a:1|c|@-0.2", "rate_range"],
  ["a:1|c|@1.0001", "rate_range"],
  ["a:1|c|@0.5|@0.5", "dup_rate", "multiple sample rates"],
  ["a:1|c|#x|#y", "dup_tags", "multiple tag sections"],
  ["a:1|c|#|#", "dup_tags"],
  ["a:1|c|T0", "timestamp", "timestamp"],
  ["a:1|c|Tx", "timestamp"],
  ["a:1|c|T", "timestamp"],
  ["a:1|c|T-5", "timestamp"],
  ["a:1|c|T1|T2", "timestamp"],
  ["a:1|h|T1700000000", "timestamp"],
];
for (const [sent, reason, says = ""] of refused) {
  Deno.test(`parseLine() refuses ${sent} (${says})`, () => {
    const got = parse(sent).reason;
    assert.equal(REASON_NAMES[got], reason);
    assert.ok(REASON_MESSAGES[got]!.includes(says), REASON_MESSAGES[got]!);
  });
}

Deno.test("REASON_MESSAGES has a message for every refusal", () => {
  assert.equal(REASON_MESSAGES.length, REASON_NAMES.length);
  assert.ok(REASON_MESSAGES.slice(1).every((message) => message.startsWith("Cannot read the metric: ")));
});

const numbers: [text: string, value: number][] = [
  ["+5", 5],
  ["-0", -0],
  ["1e3", 1000],
  ["1E-3", 0.001],
  ["1e+2", 100],
  ["1.7976931348623157e308", Number.MAX_VALUE],
  ["5e-324", Number.MIN_VALUE],
  ["", NaN],
  ["1e309", NaN],
  ["e5", NaN],
  ["0o7", NaN],
  ["1e5.0", NaN],
  ["١", NaN],
];
for (const [sent, value] of numbers) {
  Deno.test(`readNumber() reads "${sent}" as ${value}`, () => {
    const b = utf8.encode(sent);
    assert.ok(Object.is(readNumber(b, 0, b.length), value));
  });
}

/** Small numbers that follow from `seed` alone. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return ((state ^ state >>> 13) >>> 0) % below;
  };
}

/** Parses the first line of `b` the short way, with what stands behind it made different each time. */
function parsesCommon(b: Uint8Array, out: MetricLine): boolean {
  const room = new Uint8Array(b.length + READ_AHEAD).fill(0x3a);
  room.set(b);
  return parseCommon(room, new DataView(room.buffer), 0, out);
}

Deno.test("parseCommon() agrees with parseLine() on whatever it takes, and takes nothing else", () => {
  const next = random(20_261_121);
  const lines = [...accepted.map(([line]) => line), ...refused.map(([line]) => line)];
  const alphabet = ":|#@,.+-0123456789eEcghmsdT\r\n_ax";
  let taken = 0;
  for (let round = 0; round < 200_000; round++) {
    const chars = [...lines[next(lines.length)]!];
    for (let edits = next(4); edits > 0; edits--) {
      const at = next(chars.length + 1);
      const char = alphabet[next(alphabet.length)]!;
      if (next(2) === 0) chars.splice(at, 1, char);
      else chars.splice(at, next(2), char);
    }
    const b = utf8.encode(`${chars.join("")}\n`);
    const end = b.indexOf(0x0a);
    const common = newMetricLine(), whole = newMetricLine();
    if (!parsesCommon(b, common)) continue;
    taken++;
    const shown = JSON.stringify(text(b, 0, end));
    assert.equal(common.lineEnd, end, shown);
    assert.equal(REASON_NAMES[parseLine(b, 0, end, whole)], "ok", shown);
    assert.deepEqual(describe(b, common), describe(b, whole), shown);
    assert.ok(Object.is(common.value, whole.value), shown);
    assert.equal(common.hash, hashLine(b, whole), shown);
  }
  assert.ok(taken > 20_000, `${taken} lines took the short way`);
});

Deno.test("parseCommon() takes the lines that clients send most", () => {
  for (const sent of ["a.b:1|c", "a:1.5|ms|@0.1|#x:1,y", "u:alice|s|#t", "g:-3|g|#a"]) {
    assert.ok(parsesCommon(utf8.encode(`${sent}\n`), newMetricLine()), sent);
  }
});
