/**
 * What windows take: fills those of GROUPS groups, each of PARTITIONS partitions of one of TOPICS topics, to their last interval
 * and prints the bytes that the process grew by, a partition.
 *
 *     deno run -A scripts/bench/lag_memory.ts GROUPS PARTITIONS TOPICS
 *
 * @module
 */
import { LagStore, newRequest, OffsetsLog, STORAGE_DEFAULTS } from "../../src/lag/mod.ts";
import { commitRecord, groupName, topicName } from "../load/offset_commits.ts";

const CLUSTER = "bench";
const NOW_MS = 1_700_000_000_000;

function measure(groups: number, partitions: number, topics: number): void {
  const before = residentBytes();
  const store = new LagStore(STORAGE_DEFAULTS, [CLUSTER]);
  store.setTime(NOW_MS);
  for (let n = 0; n < STORAGE_DEFAULTS.intervals; n++) {
    for (let topic = 0; topic < topics; topic++) {
      for (let partition = 0; partition < partitions; partition++) {
        const end = { topic: topicName(topic), partition, topicPartitionCount: partitions, offset: 6_000 };
        store.handle(newRequest("StorageSetBrokerOffset", { cluster: CLUSTER, ...end, timestamp: NOW_MS + n }));
      }
    }
  }
  const stream = new OffsetsLog(store, CLUSTER).stream();
  const batch = { isControl: false, isTransactional: false, producerId: -1n };
  let order = 1;
  // One record is written over and over: what it is made of is not what is measured.
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  const record = { bytes, offset: 0, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 };
  for (let n = 0; n < STORAGE_DEFAULTS.intervals; n++) {
    for (let group = 0; group < groups; group++) {
      const { key, value } = commitRecord(groupName(group), topicName(group % topics), 0, 5_000 + n, NOW_MS + n);
      bytes.set(key);
      bytes.set(value, key.length);
      record.keyEnd = record.valueStart = key.length;
      record.valueEnd = key.length + value.length;
      stream.take(batch, (_, take) => {
        for (let partition = 0; partition < partitions; partition++) {
          view.setInt32(key.length - 4, partition);
          record.offset = order++;
          take(record);
        }
      });
    }
  }
  const after = residentBytes();
  console.log(
    `${store.partitions} partitions of ${groups} groups, ${topics * partitions} of topics, full: ` +
      `${Math.round((after - before) / store.partitions)} bytes a partition`,
  );
}

/** Resident memory once the collector has been over it. */
function residentBytes(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Deno.memoryUsage().rss;
}

if (import.meta.main) {
  const [groups = 10_000, partitions = 100, topics = 100] = Deno.args.map(Number);
  measure(groups, partitions, topics);
}
