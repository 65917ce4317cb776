import type { ColumnField } from "../columns.ts";
import { FlowBatch, writeU64 } from "../columns_batch.ts";
import { NativeEncoder } from "../native.ts";
import { resolveSchema } from "../store/mod.ts";
import { enrichedMessage } from "./message.ts";
import { RowEncoder } from "./row_encoder.ts";

// Times are of 50,000 rows, a batch that is full.
const ROWS = 50_000;

/** Flows between addresses of all kinds, completed as metadata, networks and GeoIP do. */
function completedBatch(): FlowBatch {
  const batch = new FlowBatch(ROWS);
  let seed = 1;
  const random = (most: number) => (seed = Math.imul(seed, 1_103_515_245) + 12_345 >>> 0) % most;
  const texts: readonly (readonly [ColumnField, prefix: string, different: number])[] = [
    ["exporterName", "router.example.net ", 20],
    ["exporterSite", "site ", 5],
    ["exporterRegion", "region ", 3],
    ["srcNetName", "network ", 200],
    ["dstNetName", "network ", 200],
    ["srcGeoCity", "City ", 500],
    ["dstGeoCity", "City ", 500],
    ["inIfName", "Ethernet", 40],
    ["outIfName", "Ethernet", 40],
    ["inIfDescription", "Transit: carrier, circuit ", 40],
    ["outIfDescription", "Transit: carrier, circuit ", 40],
    ["inIfProvider", "carrier ", 10],
    ["outIfProvider", "carrier ", 10],
  ];
  const numbers: readonly (readonly [ColumnField, different: number])[] = [
    ["srcNetMask", 25],
    ["dstNetMask", 25],
    ["srcAs", 400_000],
    ["dstAs", 400_000],
    ["srcPort", 65_536],
    ["dstPort", 1_024],
    ["proto", 18],
    ["inIfBoundary", 3],
    ["outIfBoundary", 3],
    ["flowDirection", 3],
  ];
  const others: readonly ColumnField[] = [
    ...["timeReceived", "samplingRate", "exporterAddress", "srcAddr", "dstAddr", "bytes", "packets", "etype"] as const,
    ...["srcCountry", "dstCountry", "inIfSpeed", "outIfSpeed", "forwardingStatus", "dstAsPath"] as const,
  ];
  for (const field of [...texts.map(([field]) => field), ...numbers.map(([field]) => field), ...others]) {
    batch.mark(field);
  }
  for (let row = 0; row < ROWS; row++) {
    for (const [field, prefix, different] of texts) {
      (batch[field] as Uint32Array)[row] = batch.texts.intern(`${prefix}${random(different)}`);
    }
    for (const [field, different] of numbers) (batch[field] as Uint32Array)[row] = random(different);
    batch.timeReceived[row] = 1_700_000_000 + random(5);
    batch.exporterAddress[row] = batch.addresses.intern(Uint32Array.of(0, 0, 0xffff0000, random(20)), 0);
    for (const column of [batch.srcAddr, batch.dstAddr]) column.set([0, 0, 0xffff0000, random(2 ** 32)], 4 * row);
    writeU64(batch.samplingRate, row, 1000);
    writeU64(batch.bytes, row, random(1_000_000));
    writeU64(batch.packets, row, 1 + random(1000));
    batch.etype[row] = 0x0800;
    batch.srcCountry[row] = batch.dstCountry[row] = 0x5246;
    batch.inIfSpeed[row] = batch.outIfSpeed[row] = 100_000;
    batch.forwardingStatus[row] = 64;
    for (let i = random(5); i > 0; i--) batch.dstAsPath.push(row, random(400_000));
  }
  batch.rows = ROWS;
  return batch;
}

const batch = completedBatch();
const { ingested } = resolveSchema();
const encoder = new RowEncoder(enrichedMessage(ingested));
encoder.add(batch);
const octets = encoder.octets.slice();
const copy = new Uint8Array(octets.length);
const native = new NativeEncoder();

const group = `50,000 rows, ${octets.length} octets`;
Deno.bench("floor: write the octets of the messages, one after the other", { group, baseline: true }, () => {
  for (let i = 0; i < octets.length; i++) copy[i] = octets[i]!;
});
Deno.bench("RowEncoder.add()", { group }, () => {
  encoder.clear();
  encoder.add(batch);
});
Deno.bench("NativeEncoder.encode(), for the store", { group }, () => {
  native.encode(batch, ingested);
});
