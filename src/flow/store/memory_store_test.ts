import assert from "node:assert/strict";
import { MemoryStore } from "./memory_store.ts";
import { resolveSchema } from "./schema.ts";
import { FlowBatch } from "../columns_batch.ts";
import { blockOf } from "./testing.ts";

Deno.test("MemoryStore keeps rows, those of one token once", async () => {
  const batch = new FlowBatch(2);
  batch.mark("dstPort");
  batch.dstPort.set([53, 443]);
  batch.rows = 2;
  const told: unknown[] = [];
  const store = new MemoryStore((row) => told.push(row));
  const schema = resolveSchema();
  for (const token of ["a", "a", "b"]) {
    assert.deepEqual(await store.insert(blockOf(batch, schema, token)), { stored: 2, failed: 0 });
  }
  const rows = [53, 443].map((DstPort) => ({ kind: "row", row: { DstPort } }));
  assert.deepEqual(store.rows, [...rows, ...rows]);
  assert.deepEqual(told, store.rows);
});
