import assert from "node:assert/strict";
import { parseCheck } from "./check_wire.ts";
import {
  type CheckFields,
  checkPacket,
  type EmittedType,
  type EventFields,
  eventPacket,
  mergeTags,
  metricPacket,
} from "./emit_wire.ts";
import { parseEvent } from "./event_wire.ts";
import { isWireError } from "./wire_error.ts";

const encoder = new TextEncoder();

const metrics: [value: number | bigint | string, type: EmittedType, tags: string[], packet: string][] = [
  [1, "c", [], "n:1|c"],
  [16_777_217n, "c", [], "n:16777217|c"],
  [(1n << 63n) - 1n, "c", [], "n:9223372036854775807|c"],
  [-(1n << 63n), "c", [], "n:-9223372036854775808|c"],
  [-0.5, "g", ["a:1", "bare"], "n:-0.5|g|#a:1,bare"],
  [1e21, "g", [], "n:1e+21|g"],
  [1500, "ms", [], "n:1500.000000|ms"],
  [0.000001, "ms", [], "n:0.000001|ms"],
  [8_500_000_000.123456, "ms", [], "n:8500000000.123456|ms"],
  [2n, "ms", [], "n:2.000000|ms"],
  ["alice", "s", ["k:a:b"], "n:alice|s|#k:a:b"],
  ["", "s", [], "n:|s"],
  ["a:b,c", "s", [], "n:a:b,c|s"],
];
for (const [value, type, tags, packet] of metrics) {
  Deno.test(`metricPacket() writes ${packet}`, () => assert.equal(metricPacket("n", value, type, tags), packet));
}

const refusedMetrics: [what: string, ...args: Parameters<typeof metricPacket>][] = [
  ["an empty name", "", 1, "c"],
  ["a colon in the name", "a:b", 1, "c"],
  ["a pipe in the name", "a|b", 1, "c"],
  ["a line feed in the name", "a\nb", 1, "c"],
  ["NaN", "a", NaN, "g"],
  ["Infinity", "a", Infinity, "ms"],
  ["text for a number", "a", "1", "c"],
  ["a pipe in a member", "a", "x|y", "s"],
  ["a line feed in a member", "a", "x\ny", "s"],
  ["a comma in a tag", "a", 1, "c", ["a,b"]],
  ["a pipe in a tag", "a", 1, "c", ["a|b"]],
  ["a carriage return at the end", "a", 1, "c", ["a\r"]],
];
for (const [what, ...args] of refusedMetrics) {
  Deno.test(`metricPacket() refuses ${what}`, () => assert.throws(() => metricPacket(...args), RangeError));
}

const ALL_EVENT_PARTS = {
  timestamp: 1_700_000_000,
  hostname: "db1",
  aggregationKey: "grp",
  priority: "low",
  sourceType: "cron",
  alertType: "error",
  tags: ["b", "a:1"],
};
const events: [fields: EventFields, packet: string][] = [
  [{ title: "Up", text: "yes" }, "_e{2,3}:Up|yes"],
  [{ title: "é", text: "naïve" }, "_e{2,6}:é|naïve"],
  [{ title: "Up", text: "one\ntwo" }, "_e{2,8}:Up|one\\ntwo"],
  [{ title: "a\nb", text: "x" }, "_e{4,1}:a\\nb|x"],
  [{ title: "a|b", text: "c|d" }, "_e{3,3}:a|b|c|d"],
  [{ title: "Up", text: "yes", hostname: "", tags: [] }, "_e{2,3}:Up|yes|h:"],
  [
    { title: "Up", text: "yes", ...ALL_EVENT_PARTS },
    "_e{2,3}:Up|yes|d:1700000000|h:db1|k:grp|p:low|s:cron|t:error|#b,a:1",
  ],
];
for (const [fields, packet] of events) {
  Deno.test(`eventPacket() writes ${packet}, which is read back`, () => {
    assert.equal(eventPacket(fields), packet);
    const bytes = encoder.encode(packet);
    const event = parseEvent(bytes, 0, bytes.length, 1);
    assert.ok(!isWireError(event));
    assert.equal(event.text, fields.text);
    assert.equal(event.host, fields.hostname);
    assert.equal(event.aggregationKey, fields.aggregationKey);
    assert.deepEqual(event.tags, fields.tags ?? []);
  });
}

const refusedEvents: [what: string, fields: Partial<EventFields>][] = [
  ["an empty title", { title: "" }],
  ["an empty text", { text: "" }],
  ["half a second", { timestamp: 0.5 }],
  ["a time before 1970", { timestamp: -1 }],
  ["a priority of its own", { priority: "high" }],
  ["an alert type of its own", { alertType: "fatal" }],
  ["a pipe in the host", { hostname: "a|b" }],
  ["a line feed in the key", { aggregationKey: "a\nb" }],
  ["a comma in a tag", { tags: ["a,b"] }],
  ["a carriage return at the end", { text: "x\r" }],
];
for (const [what, fields] of refusedEvents) {
  Deno.test(`eventPacket() refuses ${what}`, () => {
    assert.throws(() => eventPacket({ title: "Up", text: "yes", ...fields }), RangeError);
  });
}

const checks: [fields: CheckFields, packet: string][] = [
  [{ name: "db.up", status: 0 }, "_sc|db.up|0"],
  [{ name: "db.up", status: 1, message: "" }, "_sc|db.up|1|m:"],
  [
    { name: "db.up", status: 2, timestamp: 5, hostname: "db1", tags: ["role:rw"], message: "replica\nlag m: 5" },
    "_sc|db.up|2|d:5|h:db1|#role:rw|m:replica\\nlag m: 5",
  ],
];
for (const [fields, packet] of checks) {
  Deno.test(`checkPacket() writes ${packet}, which is read back`, () => {
    assert.equal(checkPacket(fields), packet);
    const bytes = encoder.encode(packet);
    const check = parseCheck(bytes, 0, bytes.length, 1);
    assert.ok(!isWireError(check));
    assert.equal(check.status, fields.status);
    assert.equal(check.message, fields.message);
  });
}

const refusedChecks: [what: string, fields: Partial<CheckFields>][] = [
  ["an empty name", { name: "" }],
  ["a pipe in the name", { name: "a|b" }],
  ["the status 4", { status: 4 }],
  ["the status -1", { status: -1 }],
  ["the status 0.5", { status: 0.5 }],
  ["a pipe in the message", { message: "a|b" }],
];
for (const [what, fields] of refusedChecks) {
  Deno.test(`checkPacket() refuses ${what}`, () => {
    assert.throws(() => checkPacket({ name: "db.up", status: 0, ...fields }), RangeError);
  });
}

Deno.test("mergeTags() lets later keys win, in their place", () => {
  assert.deepEqual(mergeTags(["a:1", "b", "c:x:y"], ["d:1", "a:2", ""], ["b:3"]), ["c:x:y", "d:1", "a:2", "b:3"]);
  assert.deepEqual(mergeTags(), []);
});
