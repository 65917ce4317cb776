import assert from "node:assert/strict";
import { type Point, type Span, spanSample } from "../metric/mod.ts";
import { checkLine, eventLine, pointLine, spanLine } from "./lines.ts";

const point: Point = { name: "a.b", type: "rate", value: 1.1, timestamp: 7, tags: ["x:1"], host: "web1", interval: 10 };

const points: [changes: Partial<Point>, line: string][] = [
  [
    {},
    '{"kind":"point","name":"a.b","type":"rate","value":1.1,"timestamp":7,"tags":["x:1"],"host":"web1","interval":10}',
  ],
  [
    { type: "gauge", interval: 0, host: "" },
    '{"kind":"point","name":"a.b","type":"gauge","value":1.1,"timestamp":7,"tags":["x:1"]}',
  ],
  [
    { tags: ["device:sda", "host:db1", 'q"'], interval: 0 },
    '{"kind":"point","name":"a.b","type":"rate","value":1.1,"timestamp":7,"tags":["q\\""],"host":"db1","device":"sda"}',
  ],
];
for (const [changes, line] of points) {
  Deno.test(`pointLine() writes ${line}`, () => assert.equal(pointLine({ ...point, ...changes }), line));
}

Deno.test("eventLine() writes what decode shows of an event", () => {
  assert.equal(
    eventLine({ title: "t", text: "x\ny", timestamp: 7, priority: "normal", alertType: "info", tags: ["b", "a"] }),
    '{"kind":"event","title":"t","text":"x\\ny","timestamp":7,"priority":"normal","alert_type":"info","tags":["b","a"]}',
  );
  assert.equal(
    eventLine({
      title: "t",
      text: "",
      timestamp: 7,
      host: "h",
      aggregationKey: "k",
      priority: "low",
      sourceType: "s",
      alertType: "error",
      tags: [],
    }),
    '{"kind":"event","title":"t","text":"","timestamp":7,"host":"h","aggregation_key":"k","priority":"low","source_type":"s","alert_type":"error","tags":[]}',
  );
});

Deno.test("checkLine() writes what decode shows of a check", () => {
  assert.equal(
    checkLine({ name: "up", status: 3, timestamp: 7, tags: [], message: "m" }),
    '{"kind":"check","name":"up","status":3,"timestamp":7,"tags":[],"message":"m"}',
  );
});

Deno.test("spanLine() keeps 64-bit integers whole", () => {
  const span: Span = {
    version: 0,
    traceId: 884671344597019736n,
    id: 2n,
    parentId: 0n,
    startNs: 1700000010000000001n,
    endNs: 1700000010000000003n,
    error: false,
    service: "pay",
    name: "charge",
    indicator: true,
    tags: { a: "1" },
    metrics: [
      spanSample({ metric: "counter", name: "c", value: 3, tags: { env: "prod" } }),
      spanSample({ metric: "set", name: "s", message: "bob", sampleRate: 0.5, unit: "u", scope: "global" }),
    ],
    rootStartNs: 0n,
    legacy: true,
    resource: "GET /",
  };
  assert.equal(
    spanLine(span),
    '{"kind":"span","trace_id":"884671344597019736","id":"2","parent_id":"0","service":"pay","name":"charge",' +
      '"start_ns":1700000010000000001,"end_ns":1700000010000000003,"error":false,"indicator":true,"tags":{"a":"1"},"metrics":[' +
      '{"kind":"metric","name":"c","type":"counter","values":[3],"rate":1,"tags":["env:prod"],"scope":"mixed"},' +
      '{"kind":"metric","name":"s","type":"set","values":["bob"],"rate":0.5,"tags":[],"scope":"global","unit":"u"}],' +
      '"legacy":true,"resource":"GET /"}',
  );
});
