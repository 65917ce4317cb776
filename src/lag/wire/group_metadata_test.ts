import assert from "node:assert/strict";
import { fromHex } from "../../bytes/mod.ts";
import { parseAssignment, parseGroupMetadata } from "./group_metadata.ts";

const FLEXIBLE =
  "0004 09 636f6e73756d6572 00000003 06 72616e6765 04 6d2d31 0000018bcfe56800 02 04 6d2d31 00 04 632d31 " +
  "0a 2f31302e302e302e39 000493e0 00002710 01 1b 0001 00000001 0002 7431 00000002 00000000 00000001 ffffffff 00 00";

Deno.test("parseGroupMetadata() reads the flexible form", () => {
  const parsed = parseGroupMetadata(fromHex(FLEXIBLE)!);
  assert.ok("members" in parsed);
  assert.equal(parsed.protocolType, "consumer");
  assert.equal(parsed.stateMs, 1_700_000_000_000);
  assert.deepEqual(parsed.members, [
    { id: "m-1", clientId: "c-1", clientHost: "/10.0.0.9", assignment: new Map([["t1", [0, 1]]]) },
  ]);
});

Deno.test("parseGroupMetadata() answers every cut of a record with a reason, and takes what only lacks its last tags", () => {
  const whole = fromHex(FLEXIBLE)!;
  for (let length = 0; length < whole.length - 1; length++) {
    assert.ok("reason" in parseGroupMetadata(whole.slice(0, length)), `${length} bytes`);
  }
  assert.ok("members" in parseGroupMetadata(whole.slice(0, -1)));
});

const refused: [hex: string, reason: string][] = [
  ["", "consumer_protocol_version"],
  ["ffff 00000000", "consumer_protocol_version"],
  ["0000 7fffffff", "assignment_topic_count"],
  ["0000 ffffffff", "assignment_topic_count"],
  ["0000 00000001 fffe 00000000", "topic_name"],
  ["0000 00000001 0001 ff 00000000", "topic_name"],
  ["0000 00000001 0001 74 7fffffff", "assignment_partition_count"],
];
for (const [hex, reason] of refused) {
  Deno.test(`parseAssignment() refuses ${hex || "nothing"}`, () => {
    const parsed = parseAssignment(fromHex(hex)!);
    assert.ok(!(parsed instanceof Map));
    assert.equal(parsed.reason, reason);
  });
}

Deno.test("parseAssignment() joins a topic that is named twice", () => {
  const twice = fromHex("0003 00000002 0001 74 00000001 00000000 0001 74 00000001 00000002")!;
  assert.deepEqual(parseAssignment(twice), new Map([["t", [0, 2]]]));
});
