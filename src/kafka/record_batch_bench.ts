import { crc32c } from "../bytes/mod.ts";
import { newDecompressor } from "./compression.ts";
import { ANONYMOUS, encodeRecordBatch, forEachRecord, readRecordBatches } from "./record_batch.ts";
import { RecordBuilder } from "./record_builder.ts";

// A batch as __consumer_offsets has them in thousands: 1,000 commits, keys of 35 and values of 40 bytes.
const RECORDS = 1_000;
const key = new Uint8Array(35).fill(65);
const value = new Uint8Array(40).fill(66);

function build(): RecordBuilder {
  const builder = new RecordBuilder();
  for (let i = 0; i < RECORDS; i++) builder.append(1_700_000_000_000 + i, key, value);
  return builder;
}

const bytes = encodeRecordBatch(await build().seal("none"), ANONYMOUS);
const decompressor = await newDecompressor();

Deno.bench("floor: the checksum alone", { group: "read 1,000 records", baseline: true }, () => {
  crc32c(bytes.subarray(21));
});

let sum = 0;
Deno.bench("readRecordBatches() and forEachRecord()", { group: "read 1,000 records" }, () => {
  for (const batch of readRecordBatches(bytes, decompressor).batches) {
    forEachRecord(batch, (record) => {
      sum += record.valueEnd - record.keyStart;
    });
  }
});

Deno.bench("RecordBuilder, and encodeRecordBatch()", { group: "write 1,000 records" }, async () => {
  encodeRecordBatch(await build().seal("none"), ANONYMOUS);
});
