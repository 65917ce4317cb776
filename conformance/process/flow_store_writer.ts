/**
 * Stores blocks of a hundred rows in chDB, one after the other, and prints the number of each that is stored; until it is
 * killed, or all are stored: `deno run -A flow_store_writer.ts LIBRARY DIRECTORY FIRST BLOCKS`.
 *
 * @module
 */
import { realClock } from "../../src/clock/mod.ts";
import {
  DEFAULT_CLICKHOUSE,
  FlowBatch,
  kafkaToken,
  NativeEncoder,
  ORIGIN_NAMES,
  originColumns,
  resolveSchema,
  startFlowStore,
  writeU64,
} from "../../src/flow/mod.ts";
import { recordingReporter } from "../../src/telemetry/mod.ts";

const ROWS = 100;

async function main([chdbPath, directory, first, blocks]: string[]): Promise<void> {
  const schema = resolveSchema();
  await using store = startFlowStore(
    { clickhouse: DEFAULT_CLICKHOUSE, store: { chdbPath: chdbPath!, directory: directory! }, schema },
    { clock: realClock, reporter: recordingReporter(), fetch },
  );
  await store.prepare();
  const batch = new FlowBatch(ROWS);
  for (const field of ["timeReceived", "packets", "srcPort"] as const) batch.mark(field);
  batch.timeReceived.fill(Math.floor(Date.now() / 1000), 0, ROWS);
  for (let row = 0; row < ROWS; row++) writeU64(batch.packets, row, 1);
  batch.rows = ROWS;
  const encoder = new NativeEncoder();
  for (let block = Number(first); block < Number(blocks); block++) {
    const offset = block * ROWS;
    const offsets = new BigUint64Array(ROWS).map((_, row) => BigInt(offset + row));
    batch.srcPort.fill(block, 0, ROWS);
    const { stored } = await store.insert({
      octets: encoder.encode(batch, schema.ingested, 0, ROWS, originColumns("flows", 0, offsets)),
      rows: ROWS,
      columns: [...schema.ingested.map(({ name }) => name), ...ORIGIN_NAMES],
      token: await kafkaToken("outlet", [{ topic: "flows", partition: 0, first: offset, last: offset + ROWS - 1 }]),
    });
    if (stored !== ROWS) throw new Error(`Cannot store block ${block}`);
    console.log(block);
  }
}

if (import.meta.main) await main(Deno.args);
