import assert from "node:assert/strict";
import { parseCheck, type ParsedCheck } from "./check_wire.ts";
import { isWireError, type WireError } from "./wire_error.ts";

const NOW_S = 1_700_000_123;
const encoder = new TextEncoder();

/** Parses the line from the middle of a buffer that has other bytes around it, as a datagram does. */
function parse(line: string): ParsedCheck | WireError {
  const bytes = encoder.encode(line);
  const around = new Uint8Array(bytes.length + 8).fill(0x7c);
  around.set(bytes, 3);
  return parseCheck(around, 3, 3 + bytes.length, NOW_S);
}

const DEFAULTS = { name: "db.up", status: 0, timestamp: NOW_S, timestampSent: false, tags: [] };

const accepted: [line: string, expected: object][] = [
  ["_sc|db.up|0", {}],
  ["_sc|db.up|1", { status: 1 }],
  ["_sc|db.up|3", { status: 3 }],
  ["_sc|db.up|2|d:1700000000|h:db1|#role:rw|m:replica\\nlag", {
    status: 2,
    timestamp: 1_700_000_000,
    timestampSent: true,
    host: "db1",
    tags: ["role:rw"],
    message: "replica\nlag",
  }],
  ["_sc|db.up|1|m:bad m\\: x", { status: 1, message: "bad m: x" }],
  ["_sc|db.up|0|m:x|c:ab12", { message: "x", container: "ab12" }],
  ["_sc|db.up|0|m:x|card:low|e:q|c:ab12", { message: "x", container: "ab12", externalData: "q", cardinality: "low" }],
  ["_sc|db.up|0|c:ab12|m:x", { message: "x", container: "ab12" }],
  ["_sc|db.up|0|c:ab12|m:x|e:q", { message: "x", container: "ab12", externalData: "q" }],
  ["_sc|db.up|0|m:", { message: "" }],
  ["_sc|db.up|0|m:a:b m:c #d", { message: "a:b m:c #d" }],
  ["_sc|db.up|0|#z,a,,z|h:", { tags: ["z", "a", "z"], host: "" }],
  ["_sc|naïve:up x|0", { name: "naïve:up x" }],
];
for (const [line, expected] of accepted) {
  Deno.test(`parseCheck() reads ${JSON.stringify(line)}`, () => {
    assert.deepEqual(parse(line), { ...DEFAULTS, ...expected });
  });
}

const refused: [line: string, reason: string, message: RegExp][] = [
  ["_sc|db.up|0|m:x|h:y", "message_last", /message must be the last/],
  ["_sc|db.up|4", "status", /status.*"4"/],
  ["_sc|db.up|00", "status", /status.*"00"/],
  ["_sc|db.up", "status", /status/],
  ["_sc||0", "empty_name", /empty name/],

  ["_sc", "prefix", /_sc/],
  ["", "prefix", /_sc/],
  ["_scratch|x|0", "prefix", /_sc/],
  ["sc|db.up|0", "prefix", /_sc/],
  ["_sc|", "empty_name", /empty name/],
  ["_sc||", "empty_name", /empty name/],
  ["_sc|db.up|", "status", /status.*""/],
  ["_sc|db.up||#a", "status", /status/],
  ["_sc|db.up|-1", "status", /status/],
  ["_sc|db.up|OK", "status", /status/],
  ["_sc|db.up| 0", "status", /status/],
  ["_sc|db.up|0|", "empty_section", /pipe/],
  ["_sc|db.up|0||m:x", "empty_section", /pipe/],
  ["_sc|db.up|0|m:x|", "empty_section", /pipe/],
  ["_sc|db.up|0|d:", "date", /date/],
  ["_sc|db.up|0|d:soon", "date", /date/],
  ["_sc|db.up|0|d:1e9", "date", /date/],
  ["_sc|db.up|0|d:1|d:2", "dup", /multiple date sections/],
  ["_sc|db.up|0|h:a|h:b", "dup", /multiple hostname sections/],
  ["_sc|db.up|0|#a|#b", "dup", /multiple tag sections/],
  ["_sc|db.up|0|m:x|c:a|c:b", "dup", /multiple container sections/],
  ["_sc|db.up|0|m:x|m:y", "message_last", /message must be the last/],
  ["_sc|db.up|0|m:x|c:a|#b", "message_last", /message must be the last/],
  ["_sc|db.up|0|m:a|b", "message_last", /message must be the last/],
  ["_sc|db.up|0|c:", "container", /container/],
  ["_sc|db.up|0|m:x|c:", "container", /container/],
  ["_sc|db.up|0|k:x", "unknown", /unrecognized metadata section/],
  ["_sc|db.up|0|p:low", "unknown", /unrecognized metadata section/],
  ["_sc|db.up|0|zzz", "unknown", /unrecognized metadata section/],
];
for (const [line, reason, message] of refused) {
  Deno.test(`parseCheck() refuses ${JSON.stringify(line)}`, () => {
    const got = parse(line);
    assert.ok(isWireError(got));
    assert.equal(got.reason, reason);
    assert.match(got.message, message);
  });
}

Deno.test("parseCheck() answers every cut of a line", () => {
  const line = encoder.encode("_sc|db.up|2|d:1700000000|h:db1|#role:rw|m:replica\\nlag|c:ab12");
  for (let end = 0; end <= line.length; end++) {
    const got = parseCheck(line, 0, end, NOW_S);
    assert.ok(isWireError(got) || got.name === "db.up" && got.status === 2, `cut at ${end}`);
  }
});
