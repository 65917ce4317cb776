import assert from "node:assert/strict";
import { fromHex } from "../../bytes/mod.ts";
import { newCommitScan, parseCommitValue, scanCommitKey, scanCommitValue } from "./commit.ts";
import { uuidText } from "./field_cursor.ts";
import { int64Of } from "./int64.ts";
import { parseKey } from "./key.ts";
import { REASONS } from "./reason.ts";

const TIME = "0000018bcfe56800";
const ID = "00112233445566778899aabbccddeeff";

/** Values in all versions, with what makes each odd. */
const VALUES = [
  `0000 00000000000020b4 0000 ${TIME}`,
  `0001 0000000000000064 0002 6d64 ${TIME} 0000018bd50bc400`,
  `0002 0000000000000065 ffff ${TIME}`,
  `0003 0020000000000001 ffffffff 0000 ${TIME}`,
  `0003 000000000000002a 00000005 fffe ${TIME}`,
  `0004 000000000000002a 00000005 00 ${TIME} 00`,
  `0004 000000000000002a 00000005 03 6d64 ${TIME} 01 00 10 ${ID}`,
  `0004 000000000000002a 00000005 01 ${TIME} 02 00 10 ${ID} 03 02 0102`,
  `0004 0000000000000007 00000000 8001${"6d".repeat(127)}${TIME} 00`,
  `0004 0000000000000007 00000000 ffffffff7f ${TIME} 00`,
  `0004 0000000000000007 00000000 ffffffffff01 ${TIME} 00`,
  `0003 ffffffffffffffff ffffffff 0000 ${TIME}`,
  `0005 000000000000002a 00000005 01 ${TIME} 00`,
  `ffff 000000000000002a 0000 ${TIME}`,
];

for (const hex of VALUES) {
  Deno.test(`scanCommitValue() agrees with parseCommitValue() at every cut of ${hex.slice(0, 40)}`, () => {
    const whole = fromHex(hex)!;
    for (let length = 0; length <= whole.length; length++) {
      const value = whole.slice(0, length);
      const scan = newCommitScan();
      const code = scanCommitValue(new DataView(value.buffer), 0, length, scan);
      const parsed = parseCommitValue(value);
      if ("kind" in parsed) {
        assert.equal(REASONS[code], parsed.reason, `${length} bytes`);
        continue;
      }
      assert.equal(code, 0, `${length} bytes`);
      assert.equal(int64Of(scan.offsetHigh, scan.offsetLow), parsed.offset);
      assert.equal(int64Of(scan.timestampHigh, scan.timestampLow), parsed.commitMs);
      if (scan.topicIdAt >= 0) {
        assert.equal(uuidText(value.subarray(scan.topicIdAt, scan.topicIdAt + 16)), parsed.topicId);
      } else if (scan.topicIdAt === -1) assert.equal(parsed.topicId, undefined);
    }
  });
}

const KEYS = [
  "0001 0006 6f7264657273 0009 6576656e74732e7631 00000007",
  "0000 0000 0000 ffffffff dead",
  "0001 ffff 0002 7431 00000000",
  "0001 0002 6731 fffe 00000000",
];
for (const hex of KEYS) {
  Deno.test(`scanCommitKey() agrees with parseKey() at every cut of ${hex}`, () => {
    const whole = fromHex(hex)!;
    for (let length = 2; length <= whole.length; length++) {
      const key = whole.slice(0, length);
      const scan = newCommitScan();
      const code = scanCommitKey(new DataView(key.buffer), 2, length, scan);
      const parsed = parseKey(key);
      if (parsed.kind === "fault") {
        assert.equal(REASONS[code], parsed.reason, `${length} bytes`);
        continue;
      }
      assert.equal(code, 0);
      assert.ok(parsed.kind === "offset");
      const text = (start: number, end: number) => new TextDecoder().decode(key.subarray(start, end));
      assert.equal(text(scan.groupStart, scan.groupEnd), parsed.group);
      assert.equal(text(scan.topicStart, scan.topicEnd), parsed.topic);
      assert.equal(scan.partition, parsed.partition);
    }
  });
}
