/**
 * Flows of routers and switches: NetFlow v5 and v9, IPFIX and sFlow v5 to columns, and columns to blocks for ClickHouse.
 *
 * @example A datagram of NetFlow v5 and its one row
 * ```ts
 * import assert from "node:assert/strict";
 * import { FlowBatch, formatAddress, NetflowDecoder, parseAddressWords, readU64 } from "./mod.ts";
 *
 * const payload = Uint8Array.fromHex(
 *   "000500010036ee806553f1000ee6b2800000000700004064c0000201c6336407cb0071fe000300040000000a000020d0" +
 *     "0036c7700036ea98c93b01bb001b0620fbf4fbf518160000",
 * );
 * const batch = new FlowBatch();
 * const { rows, errors } = new NetflowDecoder().decode({
 *   payload,
 *   source: parseAddressWords("192.0.2.250")!,
 *   timeS: 1_700_000_100,
 *   timestampSource: "input",
 *   decapsulation: "none",
 *   useSourceAddress: false,
 * }, batch);
 * assert.deepEqual([rows, errors.length], [1, 0]);
 * assert.equal(formatAddress(batch.srcAddr), "192.0.2.1");
 * assert.equal(readU64(batch.bytes, 0), 8400);
 * ```
 *
 * @module
 */
export { formatAddress, parseAddressWords } from "./address.ts";
export {
  Boundary,
  type Column,
  type ColumnField,
  type ColumnGroup,
  columnIds,
  COLUMNS,
  type ColumnStorage,
  COMPUTED_COLUMNS,
  type ComputedColumn,
  FlowDirection,
} from "./columns.ts";
export { type BatchField, type FieldArray, fieldIds, FlowBatch, readU64, writeU64 } from "./columns_batch.ts";
export { ListColumn } from "./columns_list.ts";
export { AddressPool, MAPPED_WORD, TextPool } from "./columns_pool.ts";
export {
  type Datagram,
  type Decapsulation,
  DECAPSULATIONS,
  TIMESTAMP_SOURCES,
  type TimestampSource,
  type Trace,
  type TracedTemplate,
} from "./decode/datagram.ts";
export { NetflowDecoder, type NetflowOptions } from "./decode/netflow.ts";
export {
  type CountedError,
  type FlowError,
  NetflowError,
  Outcome,
  SAMPLE_TYPES,
  SampleType,
  SET_TYPES,
  SetType,
  SflowError,
} from "./decode/outcome.ts";
export { restoreState, type SavedState, saveState } from "./decode/saved_state.ts";
export { SflowDecoder } from "./decode/sflow.ts";
export {
  Domain,
  Exporter,
  FlowState,
  type Owned,
  type Rate,
  type RateKind,
  STATE_LIMITS,
  type StateLimits,
} from "./decode/state.ts";
export { Template, VARIABLE } from "./decode/template.ts";
export { FlowShower, type PacketFacts, type ShownObject, type ShownValue, type ShowOptions } from "./decode_input.ts";
export {
  FLOW_KEYS,
  type FlowConfig,
  hasFlow,
  isSameFlow,
  type OutletConfig,
  readFlowConfig,
  readFlowScenarioConfig,
} from "./config.ts";
export { flowSection } from "./effective.ts";
export { type EnrichedMessage, enrichedMessage, type MessageField } from "./kafka_output/message.ts";
export { type EnrichedSchemaDeps, newEnrichedSchemaApp } from "./kafka_output/schema_app.ts";
export { readInletConfig } from "./inlet/config.ts";
export { type Inlet, type InletDeps, type InletSink, startInlet } from "./inlet/inlet.ts";
export { type Parcel } from "./inlet/parcel.ts";
export { ParcelPorts } from "./inlet/parcel_ports.ts";
export { FlowScenario, type PlayedFlows } from "./scenario.ts";
export { type FlowDeps, type FlowSource, startFlow } from "./source.ts";
export { INPUT_SETTINGS, type InputSettings, readInputSettings } from "./input_settings.ts";
export { type CaptureProblem, isCapture, readCapture, type UdpDatagram } from "./pcap.ts";
export { rowObject, type RowValue } from "./row_object.ts";
export { type ExtraColumn, NativeEncoder } from "./native.ts";
export { sampledHeaders, USUAL_FIELDS, USUAL_RECORD, usualRecords, usualTemplate } from "./sample_datagrams.ts";
export {
  blockRowCount,
  blockRows,
  type BlockValue,
  ChdbEndpoint,
  CLICKHOUSE_KEYS,
  type ClickhouseConfig,
  DEFAULT_CLICKHOUSE,
  DEFAULT_SCHEMA,
  DEFAULT_STORE,
  DICTIONARY_PATH,
  firstOffset,
  type FlowSchema,
  type FlowStore,
  type FlowStoreConfig,
  type FlowStoreDeps,
  HttpEndpoint,
  type InsertHead,
  type InsertOutcome,
  kafkaToken,
  MemoryStore,
  type MigrationReport,
  newStoreApp,
  type OffsetRange,
  ORIGIN_NAMES,
  originColumns,
  rawTable,
  readClickhouseConfig,
  readingFault,
  readSchemaConfig,
  readStoreConfig,
  requireStore,
  resolveSchema,
  resolveSchemaSection,
  rowBinaryOf,
  type RowBlock,
  SCHEMA_KEYS,
  type SchemaConfig,
  startFlowStore,
  STORE_KEYS,
  type StoreAppDeps,
  type StoreConfig,
  type StoredRow,
  type StoreEndpoint,
  StoreError,
} from "./store/mod.ts";
