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
export type { ForwardOutcome, ForwardParts, ForwardReport } from "./forwarder.ts";
export { percentileSuffix } from "./flush.ts";
export { type GrpcForwardDeps, grpcForwardTarget, newGrpcForwardClient } from "./grpc_forward_client.ts";
export { encodePacket, PACKET_PATHS } from "./grpc_packet_services.ts";
export { Heart, type HeartConfig, type RefusedLine } from "./heart.ts";
export { type ImportAppDeps, newImportApp } from "./import_app.ts";
export { IMPORT_LIMITS, type ImportRequestError } from "./import_body.ts";
export { type MetricLine, MetricType, newMetricLine, Reason, REASON_MESSAGES, REASON_NAMES } from "./metric_line.ts";
export { READ_AHEAD } from "./metric_scan.ts";
export { parseLine } from "./metric_wire.ts";
export { type MemberSource, PROXY_KEYS, type ProxyConfig, type ProxyForm, readProxyConfig } from "./proxy/config.ts";
export { NoDestinationError } from "./proxy/discovery.ts";
export { HashRing } from "./proxy/hash_ring.ts";
export { type IngestProtocol, newProxyMetrics, type ProxyMetrics } from "./proxy/metrics.ts";
export { type Proxy, type ProxyDeps, startProxy } from "./proxy/proxy.ts";
export { newProxyApp } from "./proxy/proxy_app.ts";
export { type ProxyGrpc, startProxyGrpc } from "./proxy/proxy_grpc.ts";
export {
  type Exposition,
  type ExpositionOptions,
  type ExpositionSample,
  type FamilyType,
  parseExposition,
  type SamplePart,
  type SourceConfig,
  sourceSection,
  startScraping,
} from "./openmetrics/mod.ts";
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
export {
  extractContext,
  type HeaderForm,
  injectContext,
  type RootSpanOptions,
  type SpanContext,
  type SpanCounts,
  type SpanDrop,
  type SpanOptions,
  type SpanTags,
  startTracer,
  type Tracer,
  type TracerOptions,
  TraceSpan,
} from "./tracing/mod.ts";
export { isWireError, type WireError } from "./wire_error.ts";
