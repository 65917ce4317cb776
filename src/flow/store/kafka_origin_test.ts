import assert from "node:assert/strict";
import { blockRows } from "./block_rows.ts";
import { FlowBatch } from "../columns_batch.ts";
import { NativeEncoder } from "../native.ts";
import { firstOffset, kafkaToken, originColumns } from "./kafka_origin.ts";

Deno.test("originColumns() say of each row where it came from", () => {
  const batch = new FlowBatch(3);
  batch.rows = 3;
  const extra = originColumns("flows-v5", 7, BigUint64Array.of(5n, 5n, 0x1_0000_0000n));
  const rows = blockRows(new NativeEncoder().encode(batch, [], 0, 3, extra));
  const row = (KafkaOffset: number) => ({ KafkaTopic: "flows-v5", KafkaPartition: 7, KafkaOffset });
  assert.deepEqual(rows, [row(5), row(5), row(0x1_0000_0000)]);
});

Deno.test("originColumns() refuse a topic whose name is too long", () => {
  assert.throws(() => originColumns("x".repeat(128), 0, BigUint64Array.of(0n)), RangeError);
});

Deno.test("kafkaToken() is the SHA-256 of what a block holds", async () => {
  const ranges = [{ topic: "flows-v5", partition: 3, first: 10, last: 19 }, {
    topic: "flows-v5",
    partition: 4,
    first: 0n,
    last: 0n,
  }];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode("outlet|flows-v5|3:10-19,4:0-0"));
  assert.equal(await kafkaToken("outlet", ranges), new Uint8Array(digest).toHex());
});

const starts: [
  what: string,
  committed: bigint | undefined,
  stored: bigint | undefined,
  end: bigint,
  first: bigint | undefined,
][] = [
  ["nothing known", undefined, undefined, 9n, undefined],
  ["nothing stored", 5n, undefined, 9n, 5n],
  ["stored and committed", 6n, 5n, 9n, 6n],
  ["a commit that was lost", 3n, 5n, 9n, 6n],
  ["never committed", undefined, 5n, 9n, 6n],
  ["all stored, the commit lost", 3n, 8n, 9n, 9n],
  ["committed by hand further on", 8n, 5n, 9n, 8n],
  ["a topic that was made anew", 2n, 900n, 9n, 2n],
];
for (const [what, committed, stored, end, first] of starts) {
  Deno.test(`firstOffset() with ${what}`, () => assert.equal(firstOffset(committed, stored, end), first));
}
