import assert from "node:assert/strict";
import { ByteError, fromHex, toHex } from "../../bytes/mod.ts";
import type { Point } from "../../metric/mod.ts";
import { OutputEncoder } from "../encode.ts";
import { outputConfig } from "../testing.ts";
import { OtlpEncoder, otlpRequest, readOtlpResponse } from "./otlp_encode.ts";

const TIME = 1_700_000_010;
const gauge: Point = { name: "lat.max", type: "gauge", value: 100, timestamp: TIME, tags: [], host: "h" };

function request(...points: readonly Point[]): string {
  const [batch] = new OutputEncoder(outputConfig(), new OtlpEncoder()).points(points, TIME);
  return batch === undefined ? "" : toHex(otlpRequest(batch));
}

const text = (value: string) => toHex(new TextEncoder().encode(value));

Deno.test("otlpRequest() writes the bytes of an ExportMetricsServiceRequest", () => {
  const hits: Point = { ...gauge, name: "hits", type: "rate", value: 0.5, interval: 10, total: 5, tags: ["dc:eu"] };
  assert.equal(
    request(hits, gauge),
    "0a78" + // resource_metrics
      "0a120a100a09" + text("host.name") + "12030a01" + text("h") +
      "1262" + "0a080a06" + text("limier") + // scope_metrics, scope
      "12350a04" + text("hits") + "3a2d" + // a sum
      "0a27" + "1100002a36fe9c9717" + "1900e4358a009d9717" + "210000000000001440" + // from, to, 5
      "3a0a0a02" + text("dc") + "12040a02" + text("eu") +
      "10011801" + // delta, monotonic
      "121f0a07" + text("lat.max") + "2a14" + // a gauge
      "0a12" + "1900e4358a009d9717" + "210000000000005940", // at, 100
  );
});

/** A data point's attribute with its key and length. */
function attribute(key: string, value: string): string {
  const any = "0a" + length(text(value)) + text(value);
  const pair = "0a" + length(text(key)) + text(key) + "12" + length(any) + any;
  return "3a" + length(pair) + pair;
}

const length = (hex: string) => toHex(Uint8Array.of(hex.length / 2));

const attributes: [tags: string[], written: string][] = [
  [["a:1", "a:2"], attribute("a", "2")],
  [["b:1", "a:2"], attribute("a", "2") + attribute("b", "1")],
  [["bare"], attribute("bare", "")],
  [["e:"], attribute("e", "")],
  [["url:http://a:80/"], attribute("url", "http://a:80/")],
  [["device:sda"], attribute("device", "sda")],
  [[":x", "", "veneursinkonly:otlp"], ""],
];
for (const [tags, written] of attributes) {
  Deno.test(`OtlpEncoder makes attributes of ${JSON.stringify(tags)}`, () => {
    assert.ok(request({ ...gauge, tags }).endsWith("210000000000005940" + written));
  });
}

Deno.test("OtlpEncoder calls what went down not monotonic, and knows no start without an interval", () => {
  const count: Point = { ...gauge, name: "n", type: "count", value: -3 };
  assert.ok(request(count).endsWith("1900e4358a009d9717" + "2100000000000008c0" + "1001"));
  assert.ok(request({ ...count, value: 0 }).endsWith("210000000000000000" + "10011801"));
});

Deno.test("otlpRequest() puts each host's points under a resource of its own", () => {
  const hex = request(gauge, { ...gauge, host: "i" }, { ...gauge, name: "b", tags: ["host:h"] }, {
    name: "c",
    type: "gauge",
    value: 1,
    timestamp: TIME,
    tags: [],
  });
  const resource = (host: string) => "0a120a100a09" + text("host.name") + "12030a01" + text(host);
  const at = (part: string) => hex.indexOf(part);
  assert.equal(hex.split(text("host.name")).length - 1, 2);
  const order = [
    at(resource("h")),
    at("0a07" + text("lat.max")),
    at("0a01" + text("b")),
    at(resource("i")),
    at("0a00" + "12"), // the resource of what has no host
    at("0a01" + text("c")),
  ];
  assert.deepEqual(order, [...order].sort((a, b) => a - b));
  assert.ok(order[0]! >= 0);
});

Deno.test("OtlpEncoder leaves out what has no name or is not finite", () => {
  assert.equal(request({ ...gauge, name: "" }, { ...gauge, value: NaN }, { ...gauge, value: Infinity }), "");
});

const responses: [hex: string, rejected: number, message: string][] = [
  ["", 0, ""],
  ["0a00", 0, ""],
  ["0a0b0802" + "1207" + text("no room"), 2, "no room"],
  ["0a04" + "1202" + text("hm"), 0, "hm"],
  ["0a0b08" + "ffffffffffffffffff01", 0, ""], // -1
  ["1801" + "0a04" + "08021801", 2, ""], // fields of a later version
];
for (const [hex, rejected, message] of responses) {
  Deno.test(`readOtlpResponse() reads ${hex || "nothing"}`, () => {
    assert.deepEqual(readOtlpResponse(fromHex(hex)!), { rejected, message });
  });
}

for (const hex of ["0a", "0a05", "0a020a", "08", "7b7d", "0a0208"]) {
  Deno.test(`readOtlpResponse() refuses ${hex}`, () => {
    assert.throws(() => readOtlpResponse(fromHex(hex)!), ByteError);
  });
}
