import assert from "node:assert/strict";
import { bytesOf, fixturePayloads, V4 } from "./testing.ts";
import { RecordReader } from "./csv_record.ts";
import { encodeMetadata, RecordEncoder } from "./record_line.ts";
import { SocketMessage } from "./wire.ts";
import { rfc3339 } from "./changes.ts";

const TIME_MS = Date.parse("2024-02-29T23:59:59.120Z");
const decoder = new TextDecoder();

function line(bytes: Uint8Array, timeMs = TIME_MS): string {
  const message = new SocketMessage();
  assert.equal(message.load(bytes, 0, bytes.length), 0);
  const encoder = new RecordEncoder();
  encoder.encode(message, timeMs);
  return decoder.decode(encoder.bytes.subarray(0, encoder.length));
}

const RAW = "AgEBAAG7yCLAAAIKAAAAAAAAAAAAAAAAxjNkFwAAAAAAAAAAAAAAAAIAAACId2ZVRDMiEcwAAAAAAAAAqAUAAOgDAABA4gEA";
const rows: [what: string, hex: string, attributes: string][] = [
  [
    "attributes with gaps",
    "050008000000000005000500100000000a0004006375626963000000",
    '[null,null,null,null,"Y3ViaWMA","EA==",null,null,"AA=="]',
  ],
  ["no attributes", "", "[null]"],
  [
    "an empty value",
    "04000e00140003000100000005000000e02e000028230000",
    '[null,null,null,"AQAAAAUAAADgLgAAKCMAAA==",null,null,null,null,null,null,null,null,null,null,""]',
  ],
];
for (const [what, attributes, want] of rows) {
  Deno.test(`RecordEncoder writes a record with ${what}`, () => {
    const timestamp = '{"Timestamp":"2024-02-29T23:59:59.12Z",';
    assert.equal(line(bytesOf(V4, attributes)), `${timestamp}"RawIDM":"${RAW}","Attributes":${want}}\n`);
  });
}

Deno.test("encodeMetadata() writes the first line of a file", () => {
  const metadata = { uuid: "host_1700000000_1122334455667788", sequence: 0, startMs: TIME_MS };
  assert.equal(
    decoder.decode(encodeMetadata(metadata)),
    '{"Timestamp":"0001-01-01T00:00:00Z","Metadata":{"UUID":"host_1700000000_1122334455667788","Sequence":0,' +
      '"StartTime":"2024-02-29T23:59:59.12Z"}}\n',
  );
});

const times: [timeMs: number, text: string][] = [
  [TIME_MS, "2024-02-29T23:59:59.12Z"],
  [TIME_MS - 120, "2024-02-29T23:59:59Z"],
  [TIME_MS - 120 - 9000, "2024-02-29T23:59:50Z"],
  [TIME_MS + 3, "2024-02-29T23:59:59.123Z"],
  [0, "1970-01-01T00:00:00Z"],
];
for (const [timeMs, text] of times) {
  Deno.test(`rfc3339() writes ${text}`, () => assert.equal(rfc3339(timeMs), text));
}

Deno.test("RecordEncoder's lines are read as the sockets they were made of", () => {
  const reader = new RecordReader();
  let count = 0;
  for (const { bytes, start, end } of fixturePayloads()) {
    const message = new SocketMessage();
    if (message.load(bytes, start, end) !== 0) continue;
    const encoder = new RecordEncoder();
    encoder.encode(message, TIME_MS);
    reader.load(decoder.decode(encoder.bytes.subarray(0, encoder.length)), 1);
    const read = reader.message;
    assert.equal(read.cookieLow, message.cookieLow);
    assert.equal(read.highest, message.highest);
    for (let number = 0; number <= message.highest; number++) {
      assert.equal(read.has(number), message.has(number));
      if (!message.has(number)) continue;
      const value = ({ bytes }: SocketMessage, at: number, length: number) => bytes.subarray(at, at + length).toHex();
      assert.equal(
        value(read, read.at(number), read.length(number)),
        value(message, message.at(number), message.length(number)),
      );
    }
    count++;
  }
  assert.ok(count > 10);
});
