import assert from "node:assert/strict";
import { BatchBuilder, batchBytes, type Check, type Event, type Point } from "../../metric/mod.ts";
import { batchOf, eventTexts } from "../testing.ts";
import { DatadogEncoder } from "./datadog_encode.ts";

const encoder = new DatadogEncoder();

function encoded(write: (out: BatchBuilder) => boolean): string {
  const out = new BatchBuilder("points", 0);
  assert.equal(write(out), true);
  out.endEvent();
  return eventTexts(out.build())[0]!;
}

const pageViews: Point = {
  name: "page.views",
  type: "rate",
  value: 1.1,
  timestamp: 1700000010,
  tags: ["env:prod", "dc:eu"],
  host: "web1",
  interval: 10,
  total: 11,
};
const latMax: Point = {
  name: "lat.max",
  type: "gauge",
  value: 100,
  timestamp: 1700000010,
  tags: ["dc:eu"],
  host: "web1",
};

Deno.test("DatadogEncoder.point() writes the two series of a body", () => {
  const series = [pageViews, latMax].map((point) => encoded((out) => encoder.point(point, out)));
  const body = new TextDecoder().decode(batchBytes(batchOf("points", ...series), '{"series":[', ",", "]}"));
  assert.equal(
    body,
    '{"series":[{"metric":"page.views","points":[[1700000010,1.1]],"tags":["env:prod","dc:eu"],"type":"rate",' +
      '"host":"web1","interval":10},{"metric":"lat.max","points":[[1700000010,100]],"tags":["dc:eu"],"type":"gauge",' +
      '"host":"web1"}]}',
  );
});

const POINT = '{"metric":"m","points":[[7,1]]';
const points: [what: string, changes: Partial<Point>, json: string][] = [
  ["leaves out what is empty", {}, `${POINT},"type":"gauge"}`],
  ["leaves out an empty host", { host: "" }, `${POINT},"type":"gauge"}`],
  [
    "takes the host from the last host: tag",
    { host: "a", tags: ["host:b", "x", "host:c"] },
    `${POINT},"tags":["x"],"type":"gauge","host":"c"}`,
  ],
  ["sends no host for an empty host: tag", { host: "a", tags: ["host:"] }, `${POINT},"type":"gauge"}`],
  [
    "takes the device from its tag",
    { tags: ["device:sda", "host:h"] },
    `${POINT},"type":"gauge","host":"h","device_name":"sda"}`,
  ],
  ["lets an empty device: tag win over the device", { device: "sda", tags: ["device:"] }, `${POINT},"type":"gauge"}`],
  [
    "keeps tags that only look magic",
    { tags: ["host", "hosts:a", "devices:b", "veneursinkonlyx:c"] },
    `${POINT},"tags":["host","hosts:a","devices:b","veneursinkonlyx:c"],"type":"gauge"}`,
  ],
  [
    "never shows where a point is routed",
    { tags: ["a", "veneursinkonly:dd", "veneursinkonly"] },
    `${POINT},"tags":["a"],"type":"gauge"}`,
  ],
  ["keeps the interval of rates only", { interval: 10 }, `${POINT},"type":"gauge"}`],
  ["writes counts as such", { type: "count", interval: 10 }, `${POINT},"type":"count","interval":10}`],
  ["leaves out an interval below a second", { type: "rate", interval: 0 }, `${POINT},"type":"rate"}`],
];
for (const [what, changes, json] of points) {
  Deno.test(`DatadogEncoder.point() ${what}`, () => {
    const point: Point = { name: "m", type: "gauge", value: 1, timestamp: 7, tags: [], ...changes };
    // A new encoder, and one that remembers another point, must agree.
    assert.equal(encoded((out) => new DatadogEncoder().point(point, out)), json);
    assert.equal(encoded((out) => encoder.point(point, out)), json);
  });
}

const texts = [
  "plain",
  'quo"te',
  "back\\slash",
  "tab\tnl\n",
  "\u0001",
  "zwölf 🐕",
  "lone \ud800 half",
  "\u2028\u007f",
  "",
];
for (const text of texts) {
  Deno.test(`DatadogEncoder writes ${JSON.stringify(text)} as JSON does`, () => {
    const point: Point = { name: text, type: "gauge", value: 1, timestamp: 7, tags: [text + "x"], host: text + "h" };
    const want = { metric: text, points: [[7, 1]], tags: [text + "x"], type: "gauge", host: text + "h" };
    assert.equal(encoded((out) => encoder.point(point, out)), JSON.stringify(want));
  });
}

for (const value of [0, -0, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, 0.1 + 0.2, -1.5, 2 ** 53]) {
  Deno.test(`DatadogEncoder writes ${value} as JSON does`, () => {
    const json = encoded((out) => encoder.point({ ...latMax, value }, out));
    assert.equal(json.includes(`[[1700000010,${JSON.stringify(value)}]]`), true, json);
  });
}

for (const value of [NaN, Infinity, -Infinity]) {
  Deno.test(`DatadogEncoder.point() refuses ${value}`, () => {
    assert.equal(encoder.point({ ...latMax, value }, new BatchBuilder("points", 0)), false);
  });
}

Deno.test("DatadogEncoder.event() writes all members in order", () => {
  const event: Event = {
    title: "deploy",
    text: "line 1\nline 2",
    timestamp: 1700000001,
    host: "web1",
    aggregationKey: "k",
    priority: "low",
    sourceType: "jenkins",
    alertType: "success",
    tags: ["b", "a:1", "veneursinkonly:x"],
  };
  assert.equal(
    encoded((out) => encoder.event(event, out)),
    '{"msg_title":"deploy","msg_text":"line 1\\nline 2","timestamp":1700000001,"host":"web1","aggregation_key":"k",' +
      '"priority":"low","source_type_name":"jenkins","alert_type":"success","tags":["b","a:1"]}',
  );
});

Deno.test("DatadogEncoder.event() leaves out what is empty", () => {
  const event: Event = { title: "t", text: "", timestamp: 0, priority: "normal", alertType: "info", tags: [] };
  assert.equal(
    encoded((out) => encoder.event(event, out)),
    '{"msg_title":"t","msg_text":"","priority":"normal","alert_type":"info"}',
  );
});

Deno.test("DatadogEncoder.check() writes all members in order", () => {
  const check: Check = { name: "db.up", status: 2, timestamp: 5, host: "h", tags: ["a"], message: "m" };
  assert.equal(
    encoded((out) => encoder.check(check, out)),
    '{"check":"db.up","status":2,"host_name":"h","timestamp":5,"tags":["a"],"message":"m"}',
  );
});

Deno.test("DatadogEncoder.check() always has a host_name", () => {
  const check: Check = { name: "db.up", status: 0, timestamp: 0, tags: [] };
  assert.equal(encoded((out) => encoder.check(check, out)), '{"check":"db.up","status":0,"host_name":""}');
});
