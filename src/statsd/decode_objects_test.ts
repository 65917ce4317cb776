import assert from "node:assert/strict";
import { type SpanSample, spanSample } from "../metric/mod.ts";
import { parseCheck } from "./check_wire.ts";
import { checkObject, errorObject, eventObject, jsonLine, spanObject } from "./decode_objects.ts";
import { parseEvent } from "./event_wire.ts";
import { isWireError, type WireError } from "./wire_error.ts";

const encoder = new TextEncoder();

function parsed<T extends object>(
  parse: (b: Uint8Array, start: number, end: number, receiveTimeS: number) => T | WireError,
  line: string,
): T {
  const bytes = encoder.encode(line);
  const value = parse(bytes, 0, bytes.length, 99);
  assert.ok(!isWireError(value));
  return value;
}

const SAMPLE = spanSample({ metric: "counter", name: "jobs.done", value: 3 });
const SPAN = {
  version: 0,
  traceId: 884671344597019736n,
  id: 884671344597019737n,
  parentId: 0n,
  startNs: 1_700_000_000_000_000_001n,
  endNs: 1_700_000_000_250_000_001n,
  error: false,
  service: "pay",
  name: "charge",
  indicator: true,
  tags: { k: "v" },
  metrics: [SAMPLE],
  rootStartNs: 0n,
};

Deno.test("eventObject() shows what was sent and the defaults, but no receive time", () => {
  assert.deepEqual(eventObject(parsed(parseEvent, "_e{2,3}:Up|yes")), {
    kind: "event",
    title: "Up",
    text: "yes",
    priority: "normal",
    alert_type: "info",
    tags: [],
  });
  const line = "_e{2,3}:Up|yes|d:5|h:db1|k:grp|p:low|s:cron|t:error|#b,a:1|c:ci-1|e:x|card:low";
  assert.deepEqual(eventObject(parsed(parseEvent, line)), {
    kind: "event",
    title: "Up",
    text: "yes",
    timestamp: 5,
    host: "db1",
    aggregation_key: "grp",
    priority: "low",
    source_type: "cron",
    alert_type: "error",
    tags: ["b", "a:1"],
    container: "ci-1",
    external_data: "x",
    cardinality: "low",
  });
});

Deno.test("checkObject() shows what was sent, but no receive time", () => {
  assert.deepEqual(checkObject(parsed(parseCheck, "_sc|db.up|0")), {
    kind: "check",
    name: "db.up",
    status: 0,
    tags: [],
  });
  assert.deepEqual(checkObject(parsed(parseCheck, "_sc|db.up|2|d:5|h:|#z,a|m:x|c:ab12")), {
    kind: "check",
    name: "db.up",
    status: 2,
    timestamp: 5,
    host: "",
    tags: ["z", "a"],
    message: "x",
    container: "ab12",
  });
});

Deno.test("spanObject() shows a span as one line of JSON with exact integers", () => {
  assert.equal(
    jsonLine(spanObject(SPAN)),
    '{"kind":"span","trace_id":"884671344597019736","id":"884671344597019737","parent_id":"0","service":"pay",' +
      '"name":"charge","start_ns":1700000000000000001,"end_ns":1700000000250000001,"error":false,"indicator":true,' +
      '"tags":{"k":"v"},"metrics":[{"kind":"metric","name":"jobs.done","type":"counter","values":[3],"rate":1,' +
      '"tags":[],"scope":"mixed"}]}',
  );
});

Deno.test("spanObject() adds what the form of 2017 has", () => {
  const object = spanObject({ ...SPAN, legacy: true, resource: "GET /", metrics: [] });
  assert.equal(object.legacy, true);
  assert.equal(object.resource, "GET /");
  assert.ok(!("legacy" in spanObject(SPAN)));
});

const samples: [what: string, sample: Partial<SpanSample>, expected: object][] = [
  ["a set's member", { metric: "set", value: 0, message: "alice" }, {
    kind: "metric",
    name: "jobs.done",
    type: "set",
    values: ["alice"],
    rate: 1,
    tags: [],
    scope: "mixed",
  }],
  [
    "what tags will do",
    {
      metric: "histogram",
      tags: { veneursinkonly: "kafka", host: "h9", device: "", veneurlocalonly: "", b: "1" },
      unit: "ms",
      timestampNs: 1_700_000_000_999_999_999n,
    },
    {
      kind: "metric",
      name: "jobs.done",
      type: "histogram",
      values: [3],
      rate: 1,
      tags: ["b:1", "device:", "host:h9", "veneursinkonly:kafka"],
      scope: "local",
      host: "h9",
      device: "",
      sinks: ["kafka"],
      timestamp: 1_700_000_000n,
      timestamp_ns: 1_700_000_000_999_999_999n,
      unit: "ms",
    },
  ],
  ["a status as a check", { metric: "status", status: 2, message: "down", tags: { b: "1", a: "1" } }, {
    kind: "check",
    name: "jobs.done",
    status: 2,
    tags: ["a:1", "b:1"],
    message: "down",
  }],
];
for (const [what, sample, expected] of samples) {
  Deno.test(`spanObject() shows ${what}`, () => {
    assert.deepEqual(spanObject({ ...SPAN, metrics: [{ ...SAMPLE, ...sample }] }).metrics, [expected]);
  });
}

Deno.test("errorObject() has the reason as code, and where", () => {
  const error = { reason: "framing", message: "Cannot read the frame: its version is 1, not 0" };
  assert.deepEqual(errorObject(error), { kind: "error", code: "framing", message: error.message });
  assert.deepEqual(Object.keys(errorObject(error, { record: 2, at: 7 })), ["kind", "code", "message", "record", "at"]);
});

const lines: [value: Parameters<typeof jsonLine>[0], line: string][] = [
  [{ a: 18_446_744_073_709_551_615n, b: [-1n, 1.5, "x\n\u2028"], c: {}, d: null, e: true }, ""],
  [[], "[]"],
  ["é\u0000", '"é\\u0000"'],
  [JSON.parse('{"__proto__":"x"}'), '{"__proto__":"x"}'],
];
lines[0]![1] = '{"a":18446744073709551615,"b":[-1,1.5,"x\\n\u2028"],"c":{},"d":null,"e":true}';
for (const [value, line] of lines) {
  Deno.test(`jsonLine() writes ${line}`, () => assert.equal(jsonLine(value), line));
}
