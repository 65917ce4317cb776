import { resolveSchema } from "./schema.ts";
import { COMPRESSIONS } from "./config.ts";
import { compressBody } from "./body_compression.ts";
import { insertBatch } from "./insert_batch.ts";
import { rowBinaryOf } from "./native_block.ts";
import { blockOf } from "./testing.ts";
import { FlowBatch, writeU64 } from "../columns_batch.ts";

const ROWS = 50_000;

/** Flows between random addresses over a few interfaces. */
function usualBatch(): FlowBatch {
  const batch = new FlowBatch(ROWS);
  const fields = [
    "timeReceived",
    "srcAddr",
    "dstAddr",
    "bytes",
    "packets",
    "srcPort",
    "dstPort",
    "etype",
    "proto",
    "inIfName",
  ];
  for (const field of fields) batch.mark(field as "srcAddr");
  const random = (most: number) => Math.floor(Math.random() * most);
  for (let row = 0; row < ROWS; row++) {
    batch.timeReceived[row] = 1_700_000_000 + random(5);
    for (const column of [batch.srcAddr, batch.dstAddr]) column.set([0, 0, 0xffff0000, random(2 ** 32)], 4 * row);
    writeU64(batch.bytes, row, random(1_000_000));
    writeU64(batch.packets, row, 1 + random(1000));
    batch.srcPort[row] = random(65_536);
    batch.dstPort[row] = [443, 80, 53][random(3)]!;
    batch.etype[row] = 0x0800;
    batch.proto[row] = [6, 17][random(2)]!;
    batch.inIfName[row] = batch.texts.intern(`if${random(40)}`);
  }
  batch.rows = ROWS;
  return batch;
}

const schema = resolveSchema();
const { octets, columns } = blockOf(usualBatch(), schema);
const block = octets as Uint8Array<ArrayBuffer>;
const head = { table: "flows", columns, rows: ROWS };

for (const kind of COMPRESSIONS) {
  const { body } = await compressBody(kind, block);
  Deno.bench(
    `compressBody() ${kind}: 50 000 rows, ${block.length} octets to ${body.length}`,
    async () => void await compressBody(kind, block),
  );
}
Deno.bench("insertBatch(): 50 000 rows", () => void insertBatch(head, block, 0));
Deno.bench("rowBinaryOf(): 50 000 rows", () => void rowBinaryOf(block));
