import assert from "node:assert/strict";
import { type ParsedEvent, parseEvent } from "./event_wire.ts";
import { isWireError, type WireError } from "./wire_error.ts";

const NOW_S = 1_700_000_123;
const encoder = new TextEncoder();

/** Parses the line from the middle of a buffer that has other bytes around it, as a datagram does. */
function parse(line: string | Uint8Array): ParsedEvent | WireError {
  const bytes = typeof line === "string" ? encoder.encode(line) : line;
  const around = new Uint8Array(bytes.length + 8).fill(0x7c);
  around.set(bytes, 3);
  return parseEvent(around, 3, 3 + bytes.length, NOW_S);
}

const DEFAULTS = { timestamp: NOW_S, timestampSent: false, priority: "normal", alertType: "info", tags: [] };

const accepted: [line: string, expected: object][] = [
  ["_e{5,7}:Start|v2 live", { title: "Start", text: "v2 live" }],
  ["_e{5,7}:Start|a|b|c d", { title: "Start", text: "a|b|c d" }],
  ["_e{2,6}:é|naïve", { title: "é", text: "naïve" }],
  ["_e{2,8}:Up|one\\ntwo", { title: "Up", text: "one\ntwo" }],
  ["_e{2,3}:Up|yes|d:1700000000|h:db1|k:grp|p:low|s:cron|t:error|#b,a:1", {
    title: "Up",
    text: "yes",
    timestamp: 1_700_000_000,
    timestampSent: true,
    host: "db1",
    aggregationKey: "grp",
    priority: "low",
    sourceType: "cron",
    alertType: "error",
    tags: ["b", "a:1"],
  }],
  ["_e{2,3}:Up|yes|#a|t:success|d:0|p:normal", {
    title: "Up",
    text: "yes",
    timestamp: 0,
    timestampSent: true,
    alertType: "success",
    tags: ["a"],
  }],
  ["_e{2,3}:Up|yes|#,b,,a,b,", { title: "Up", text: "yes", tags: ["b", "a", "b"] }],
  ["_e{2,3}:Up|yes|#", { title: "Up", text: "yes" }],
  ["_e{2,3}:Up|yes|h:", { title: "Up", text: "yes", host: "" }],
  ["_e{2,3}:Up|yes|k:|s:", { title: "Up", text: "yes", aggregationKey: "", sourceType: "" }],
  ["_e{2,3}:Up|yes|#veneurlocalonly,host:x", { title: "Up", text: "yes", tags: ["veneurlocalonly", "host:x"] }],
  ["_e{2,3}:Up|yes|c:ci-1|e:it-false|card:low", {
    title: "Up",
    text: "yes",
    container: "ci-1",
    externalData: "it-false",
    cardinality: "low",
  }],
  ["_e{2,3}:Up|yes|card:|e:", { title: "Up", text: "yes", cardinality: "", externalData: "" }],
  ["_e{3,3}:a|b|c|d", { title: "a|b", text: "c|d" }],
  ["_e{3,1}:||||||t:info", { title: "|||", text: "|", alertType: "info" }],
  ["_e{4,3}:a\\nb|yes", { title: "a\\nb", text: "yes" }],
  ["_e{002,03}:Up|yes", { title: "Up", text: "yes" }],
  ["_e{3,3}:\uFEFF|yes", { title: "\uFEFF", text: "yes" }],
  ["_e{3,3}:a:b|c:d", { title: "a:b", text: "c:d" }],
  ["_e{2,3}:Up|yes|k:a:b,c", { title: "Up", text: "yes", aggregationKey: "a:b,c" }],
];
for (const [line, expected] of accepted) {
  Deno.test(`parseEvent() reads ${JSON.stringify(line)}`, () => {
    assert.deepEqual(parse(line), { ...DEFAULTS, ...expected });
  });
}

const refused: [line: string, reason: string, message: RegExp][] = [
  ["_e{1,5}:é|naïve", "title_len", /title length.* 1 bytes, found 2/],
  ["_e{2,3}:Up|no", "text_len", /text length.* 3 bytes, found 2/],
  ["_e{0,3}:|yes", "title_len", /title length.*"0"/],
  ["_e{2}:Up|yes", "no_comma", /comma/],
  ["_e{x,3}:Up|yes", "title_len", /title length.*"x"/],
  ["_e{2,3}:Up|yes|p:urgent", "priority", /priority "urgent"/],
  ["_e{2,3}:Up|yes|t:fatal", "alert", /alert level "fatal"/],
  ["_e{2,3}:Up|yes|d:soon", "date", /date "soon"/],
  ["_e{2,3}:Up|yes|q:1", "unknown", /unrecognized metadata section/],
  ["_e{2,3}:Up|yes|#a|#b", "dup", /multiple tag sections/],
  ["_e{2,3}:Up|yes|", "empty_section", /pipes/],

  ["_e{3,3}", "no_colon", /colon/],
  ["_e{", "no_colon", /colon/],
  ["_e{3,3}|a:b", "no_colon", /colon/],
  ["_e{3,3:abc|def", "wrapper", /_e\{\} wrapper/],
  ["_e{3,3}x:abc|def", "wrapper", /_e\{\} wrapper/],
  ["_e{:abc|def", "wrapper", /_e\{\} wrapper/],
  ["_e3,3}:abc|def", "wrapper", /_e\{\} wrapper/],
  ["_e{}:abc|def", "no_comma", /comma/],
  ["_e{,}:abc|def", "title_len", /title length.*""/],
  ["_e{-3,3}:abc|def", "title_len", /title length/],
  ["_e{+3,3}:abc|def", "title_len", /title length/],
  ["_e{3.0,3}:abc|def", "title_len", /title length/],
  ["_e{ 3,3}:abc|def", "title_len", /title length/],
  ["_e{0x3,3}:abc|def", "title_len", /title length/],
  ["_e{2,3}:abc|def", "title_len", /said to be 2 bytes, found 3/],
  ["_e{4,3}:abc|def", "title_len", /said to be 4 bytes, found 3/],
  ["_e{99,3}:abc|def", "title_len", /title length/],
  ["_e{99999999999999999999999,3}:abc|def", "title_len", /title length/],
  ["_e{3,3,3}:abc|def", "text_len", /text length.*"3,3"/],
  ["_e{3,}:abc|def", "text_len", /text length.*""/],
  ["_e{3,0}:abc|", "text_len", /text length.*"0"/],
  ["_e{3,-1}:abc|def", "text_len", /text length/],
  ["_e{3,2}:abc|def", "text_len", /said to be 2 bytes, found 3/],
  ["_e{3,9}:abc|def|t:info", "text_len", /said to be 9 bytes, found 3/],
  ["_e{3,3}:foo", "no_text", /text/],
  ["_e{3,3}:foo|", "text_len", /text length/],
  ["_e{3,3}:foo|bar||", "empty_section", /pipes/],
  ["_e{3,3}:foo|bar||t:info", "empty_section", /pipes/],
  ["_e{3,3}:foo|bar|t:info|", "empty_section", /pipes/],
  ["_e{3,3}:foo|bar|d:", "date", /date/],
  ["_e{3,3}:foo|bar|d:1.5", "date", /date/],
  ["_e{3,3}:foo|bar|d:-5", "date", /date/],
  ["_e{3,3}:foo|bar|d:99999999999999999", "date", /date/],
  ["_e{3,3}:foo|bar|p:", "priority", /priority/],
  ["_e{3,3}:foo|bar|p:Low", "priority", /priority/],
  ["_e{3,3}:foo|bar|t:", "alert", /alert level/],
  ["_e{3,3}:foo|bar|d:1|d:1", "dup", /multiple date sections/],
  ["_e{3,3}:foo|bar|h:a|h:b", "dup", /multiple hostname sections/],
  ["_e{3,3}:foo|bar|k:a|k:b", "dup", /multiple aggregation key sections/],
  ["_e{3,3}:foo|bar|p:low|p:low", "dup", /multiple priority sections/],
  ["_e{3,3}:foo|bar|s:a|s:b", "dup", /multiple source sections/],
  ["_e{3,3}:foo|bar|t:info|t:info", "dup", /multiple alert sections/],
  ["_e{3,3}:foo|bar|t:info|t:bad", "dup", /multiple alert sections/],
  ["_e{3,3}:foo|bar|c:a|c:b", "dup", /multiple container sections/],
  ["_e{3,3}:foo|bar|e:a|e:b", "dup", /multiple external data sections/],
  ["_e{3,3}:foo|bar|card:a|card:b", "dup", /multiple cardinality sections/],
  ["_e{3,3}:foo|bar|c:", "container", /container/],
  ["_e{3,3}:foo|bar|m:x", "unknown", /unrecognized metadata section/],
  ["_e{3,3}:foo|bar|h", "unknown", /unrecognized metadata section/],
  ["_e{3,3}:foo|bar|d:soon|q:1", "date", /date/],
  ["_e{3,3}:foo|bar|q:1|d:soon", "unknown", /unrecognized/],
];
for (const [line, reason, message] of refused) {
  Deno.test(`parseEvent() refuses ${JSON.stringify(line)}`, () => {
    const got = parse(line);
    assert.ok(isWireError(got));
    assert.equal(got.reason, reason);
    assert.match(got.message, message);
  });
}

Deno.test("parseEvent() decodes after cutting, with U+FFFD for what is not UTF-8", () => {
  const line = encoder.encode("_e{2,2}:??|xy|#?");
  line.set([0xff, 0xc3], 8);
  line[15] = 0xe2;
  const event = parse(line);
  assert.ok(!isWireError(event));
  assert.equal(event.title, "\uFFFD\uFFFD");
  assert.deepEqual(event.tags, ["\uFFFD"]);
});

Deno.test("parseEvent() repeats only a bounded part of a packet in its message", () => {
  const got = parse(`_e{3,3}:foo|bar|${"x".repeat(8000)}`);
  assert.ok(isWireError(got));
  assert.ok(got.message.length < 200);
});

Deno.test("parseEvent() answers every cut of a line", () => {
  const line = encoder.encode("_e{2,3}:Up|yes|d:1700000000|h:db1|k:grp|p:low|s:cron|t:error|#b,a:1|c:x");
  for (let end = 0; end <= line.length; end++) {
    const got = parseEvent(line, 0, end, NOW_S);
    assert.ok(isWireError(got) || got.title === "Up" && got.text === "yes", `cut at ${end}`);
  }
});
