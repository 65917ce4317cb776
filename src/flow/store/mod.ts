/**
 * Where flows are kept: ClickHouse over HTTP, or chDB in the process. Tables are made and changed as they should be, blocks
 * are stored once, statements that only read are answered.
 *
 * @module
 */
export {
  CLICKHOUSE_KEYS,
  type ClickhouseConfig,
  COMPRESSIONS,
  DEFAULT_CLICKHOUSE,
  DEFAULT_SCHEMA,
  DEFAULT_STORE,
  readClickhouseConfig,
  readSchemaConfig,
  readStoreConfig,
  requireStore,
  type Resolution,
  SCHEMA_KEYS,
  type SchemaConfig,
  STORE_KEYS,
  type StoreConfig,
} from "./config.ts";
export { type CustomDictionary } from "./custom_dictionaries.ts";
export { blockRowCount, blockRows, type BlockValue } from "./block_rows.ts";
export { DICTIONARY_PATH } from "./dictionary_objects.ts";
export { ChdbEndpoint } from "./chdb_endpoint.ts";
export { type InsertHead, type StatementOptions, type StoreEndpoint, StoreError } from "./endpoint.ts";
export { HttpEndpoint } from "./http_endpoint.ts";
export { type RowBlock } from "./insert_batch.ts";
export { firstOffset, kafkaToken, type OffsetRange, ORIGIN_NAMES, originColumns } from "./kafka_origin.ts";
export { MemoryStore, type StoredRow } from "./memory_store.ts";
export { type MigrationReport } from "./migrate.ts";
export { BlockError, rowBinaryOf } from "./native_block.ts";
export { rawTable } from "./objects.ts";
export { MigrationError } from "./plan.ts";
export { type FlowSchema, resolveSchema, resolveSchemaSection, type SchemaColumn, SchemaError } from "./schema.ts";
export { readingFault } from "./statement.ts";
export {
  type FlowStore,
  type FlowStoreConfig,
  type FlowStoreDeps,
  type InsertOutcome,
  startFlowStore,
} from "./store.ts";
export { newStoreApp, type StoreAppDeps } from "./store_app.ts";
