/** The stored offsets, once inserts that nobody waits for any more have ended. */
import type { Clock } from "../../clock/mod.ts";
import type { FlowStore } from "../store/mod.ts";

/** What of a store is asked. */
export type OffsetsStore = Pick<FlowStore, "query" | "storedOffsets" | "schema">;

/** Inserts into the ingestion table of whoever does them. */
const RUNNING =
  "SELECT query_id FROM system.processes WHERE is_initial_query AND query ILIKE 'INSERT INTO%flows\\_%\\_raw%'";
const LOOK_MS = 50;
const PATIENCE_MS = 10_000;

/**
 * Reads the highest offset stored of each partition. A worker that was killed may have left an insert that the server still
 * executes: what runs now is waited for, so that its rows are among those that are stored.
 *
 * @throws {StoreError} when no server answers
 */
export async function settledOffsets(
  store: OffsetsStore,
  topic: string,
  clock: Clock,
): Promise<ReadonlyMap<number, bigint>> {
  const before = await runningInserts(store);
  const endMs = clock.monotonic() + PATIENCE_MS;
  for (let left = before; left.size > 0 && clock.monotonic() < endMs;) {
    await clock.sleep(LOOK_MS);
    left = left.intersection(await runningInserts(store));
  }
  return await store.storedOffsets(topic);
}

async function runningInserts(store: OffsetsStore): Promise<Set<string>> {
  try {
    const answer = new TextDecoder().decode(await store.query(RUNNING));
    return new Set(answer.split("\n").filter((line) => line !== ""));
  } catch {
    return new Set(); // whoever may not look at the server's processes does without
  }
}
