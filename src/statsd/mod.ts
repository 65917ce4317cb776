/**
 * The statsd source: DogStatsD and SSF in, aggregates out.
 *
 * @example What a datagram says
 * ```ts
 * import { decodeDatagram } from "@limier/limier/statsd";
 *
 * const datagram = new TextEncoder().encode("page.views:1|c|@0.5|#env:prod\nbad");
 * for (const item of decodeDatagram(datagram, 1700000000, { metricMaxLength: 8192, extendTags: [] })) {
 *   console.log(item.kind, item.name ?? item.code); // "metric page.views", then "error no_colon"
 * }
 * ```
 *
 * @module
 */
export { formatAddress, type ListenAddress, parseHostPort, parseListenAddress } from "./address.ts";
export { type BackendConfig, coreConfig } from "./backend.ts";
export { type Aggregate, AGGREGATES, readStatsdConfig, STATSD_KEYS, type StatsdConfig } from "./config.ts";
export { AggregationCore, type CoreConfig, type CoreDeps, type FlushReport, type Published } from "./core.ts";
export { type DecodeConfig, decodeDatagram, decodeSsf } from "./decode.ts";
export { checkObject, errorObject, eventObject, jsonLine, type JsonObject, type JsonValue } from "./decode_objects.ts";
export { checkPacket, eventPacket, mergeTags, metricPacket } from "./emit_wire.ts";
export { type ForwardClientDeps, newForwardClient } from "./forward_client.ts";
export type { ForwardOutcome, ForwardReport } from "./forwarder.ts";
export { percentileSuffix } from "./flush.ts";
export { Heart, type HeartConfig, type RefusedLine } from "./heart.ts";
export { type ImportAppDeps, newImportApp } from "./import_app.ts";
export { IMPORT_LIMITS, type ImportRequestError } from "./import_body.ts";
export { type MetricLine, MetricType, newMetricLine, Reason, REASON_MESSAGES, REASON_NAMES } from "./metric_line.ts";
export { READ_AHEAD } from "./metric_scan.ts";
export { parseLine } from "./metric_wire.ts";
export { startStatsd, type StatsdDeps, type StatsdSource } from "./source.ts";
export type { SpanCount, SsfFormat } from "./spans.ts";
export { encodeFrame, FrameReader } from "./ssf_frames.ts";
export { type DecodedSpan, decodeSpan, encodeSpan, float32Parts, invalidMetrics } from "./ssf_wire.ts";
export {
  acceptedLines,
  At,
  FIRST_REFUSAL,
  newStats,
  REFUSALS,
  rejectedLines,
  STATS_LENGTH,
  sumStats,
} from "./stats.ts";
export { isWireError, type WireError } from "./wire_error.ts";
