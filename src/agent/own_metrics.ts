/** What the agent says of itself: counters on `/metrics`, and the `veneur.*` metrics after each flush. */
import type { Observation, OutputConfig } from "../output/mod.ts";
import {
  acceptedLines,
  At,
  FIRST_REFUSAL,
  type FlushReport,
  REFUSALS,
  STATS_LENGTH,
  type StatsdSource,
} from "../statsd/mod.ts";
import type { Registry, SelfMetrics } from "../telemetry/mod.ts";

const NS_PER_MS = 1e6;

/** Shows the source's counts on the agent's page, read when the page is. */
export function exposeStats(registry: Registry, source: Pick<StatsdSource, "stats" | "drops">): void {
  const counter = (name: string, help: string) => registry.counter(`limier_statsd_${name}`, help);
  const plain: [at: keyof typeof At, ReturnType<typeof counter>][] = [
    ["datagrams", counter("datagrams_received_total", "DogStatsD datagrams taken in.")],
    ["bytes", counter("received_bytes_total", "Bytes of DogStatsD datagrams.")],
    ["lines", counter("lines_seen_total", "Lines seen: accepted, rejected and empty ones.")],
    ["empty", counter("lines_empty_total", "Empty lines, which mean nothing.")],
    [
      "samples",
      counter("samples_accepted_total", "Values of accepted metric lines, aggregated or refused by a bound."),
    ],
    [
      "refusedSeries",
      counter("samples_refused_total", "Accepted values whose series met max_series or another bound."),
    ],
    ["imported", counter("series_imported_total", "Series that other instances handed on.")],
    ["refusedEvents", counter("events_refused_total", "Events and checks above what one flush keeps.")],
    ["spans", counter("spans_received_total", "SSF spans taken in.")],
    ["droppedSpans", counter("spans_dropped_total", "Spans that a newer one overwrote before they were flushed.")],
    ["tcpConnects", counter("connections_opened_total", "Stream connections opened.")],
    ["tcpDisconnects", counter("connections_closed_total", "Stream connections closed.")],
    ["tlsFailures", counter("tls_handshake_failures_total", "TLS handshakes that failed.")],
    ["grpcImports", counter("grpc_imports_total", "Calls over gRPC by which other instances handed series on.")],
    ["grpcPackets", counter("grpc_packets_total", "DogStatsD packets that came over gRPC.")],
    ["grpcSpans", counter("grpc_spans_total", "SSF spans that came over gRPC.")],
    ["grpcFailed", counter("grpc_calls_failed_total", "Calls over gRPC that ended with another status than OK.")],
  ];
  const accepted = counter("lines_accepted_total", "Lines accepted: metrics, events and checks.");
  const rejected = counter("lines_rejected_total", "Lines rejected, by reason.");
  const aggregated = counter("samples_aggregated_total", "Values that reached their series.");
  const dropped = counter("datagrams_dropped_total", "Datagrams the kernel dropped for want of room in a socket.");
  const raised = new Map<ReturnType<typeof counter>, Map<string, number>>();
  /** Raises a counter to what a thread has counted. */
  const raiseTo = (to: ReturnType<typeof counter>, value: number, label?: string) => {
    const before = raised.get(to) ?? new Map<string, number>();
    raised.set(to, before);
    const more = value - (before.get(label ?? "") ?? 0);
    if (more < 0) return;
    before.set(label ?? "", value);
    if (label === undefined) to.inc(more);
    else if (more > 0) to.inc(more, { reason: label });
  };
  registry.onCollect(() => {
    const stats = source.stats();
    for (const [at, to] of plain) raiseTo(to, stats[At[at]]!);
    raiseTo(accepted, acceptedLines(stats));
    raiseTo(aggregated, stats[At.samples]! - stats[At.refusedSeries]!);
    raiseTo(dropped, source.drops());
    const byReason = new Map<string, number>();
    for (const [i, { reason }] of REFUSALS.entries()) {
      byReason.set(reason, (byReason.get(reason) ?? 0) + stats[FIRST_REFUSAL + i]!);
    }
    for (const [reason, count] of byReason) raiseTo(rejected, count, reason);
  });
}

/** Sends `veneur.*` metrics, each flush what changed since the last. */
export class VeneurMetrics {
  readonly #self: SelfMetrics;
  readonly #isLocal: boolean;
  readonly #startMs: number;
  #before: Float64Array = new Float64Array(STATS_LENGTH);

  constructor(self: SelfMetrics, options: { isLocal: boolean; startMs: number }) {
    this.#self = self;
    this.#isLocal = options.isLocal;
    this.#startMs = options.startMs;
  }

  /** After a flush: what it counted, and what was received since the last. */
  flushed(report: FlushReport, stats: Float64Array, nowMs: number): void {
    const self = this.#self;
    this.#received(stats);
    self.gauge("flush.post_metrics_total", report.points);
    self.timing("flush.total_duration_ns", report.combineMs * NS_PER_MS, ["part:combine"]);
    self.timing("flush.total_duration_ns", report.encodeMs * NS_PER_MS, ["part:post"]);
    for (const [store, series] of Object.entries(report.seriesByStore)) {
      const type = this.#isLocal && (store === "histogram" || store === "timer") ? `local_${store}` : store;
      self.count("worker.metrics_flushed_total", series, [`metric_type:${type}`]);
    }
    if (report.forward !== undefined) self.count("forward.post_metrics_total", report.forward.series);
    self.count("worker.events_flushed_total", report.events);
    self.count("worker.checks_flushed_total", report.checks);
    for (const { service, format, spans, roots } of report.spans) {
      const tags = [`service:${service}`, `ssf_format:${format}`];
      self.count("ssf.spans.received_total", spans, tags);
      if (roots > 0) self.count("ssf.spans.root.received_total", roots, [...tags, "veneurglobalonly"]);
    }
    self.gauge("flush.flush_timestamp_ns", report.timestamp * 1e9);
    self.gauge("uptime_ms", nowMs - this.#startMs);
    self.gauge("mem.heap_alloc_bytes", Deno.memoryUsage().heapUsed);
  }

  /** Counts an import that was refused as a whole. */
  importRefused(cause: string | undefined): void {
    if (cause !== undefined) this.#self.count("import.request_error_total", 1, [`cause:${cause}`]);
  }

  #received(stats: Float64Array): void {
    const self = this.#self;
    const since = (at: number) => stats[at]! - this.#before[at]!;
    const count = (name: string, at: number, tags?: string[]) => {
      if (since(at) > 0) self.count(name, since(at), tags);
    };
    for (const [i, { packetType, reason }] of REFUSALS.entries()) {
      count("packet.error_total", FIRST_REFUSAL + i, [`packet_type:${packetType}`, `reason:${reason}`]);
    }
    count("worker.metrics_processed_total", At.samples, ["worker:1"]);
    count("worker.metrics_imported_total", At.imported, ["worker:1"]);
    for (const cause of ["name", "type", "value", "mismatch", "scope"] as const) {
      count("import.metric_error_total", At[`import${capital(cause)}`], [`cause:${cause}`]);
    }
    count("import.request_error_total", At.grpcImportsMalformed, ["cause:protobuf"]);
    count("tcp.connects", At.tcpConnects);
    count("tcp.disconnects", At.tcpDisconnects);
    count("tcp.tls_handshake_failures", At.tlsFailures);
    count("frames.disconnects", At.frameDisconnects);
    count("worker.ssf.empty_total", At.emptySpans);
    count("ssf.error_total", At.ssfFraming, ["packet_type:unknown", "reason:framing"]);
    count("ssf.error_total", At.ssfProcessing, ["packet_type:unknown", "reason:processing"]);
    count("ssf.error_total", At.ssfZeroLength, ["packet_type:unknown", "reason:zerolength"]);
    count("ssf.error_total", At.ssfInvalidMetrics, [
      "packet_type:ssf_metric",
      "step:extract_metrics",
      "reason:invalid_metrics",
    ]);
    if (!this.#isLocal) {
      const datagrams = since(At.datagrams) - since(At.grpcPackets);
      if (datagrams > 0) self.count("listen.received_per_protocol_total", datagrams, ["protocol:dogstatsd-udp"]);
      count("listen.received_per_protocol_total", At.grpcPackets, ["protocol:dogstatsd-grpc"]);
      count("listen.received_per_protocol_total", At.grpcSpans, ["protocol:ssf-grpc"]);
    }
    this.#before = stats;
  }

  /** A part of a request: its size, its duration, how it ended. */
  observed({ action, contentLength, durationMs, errorCause }: Observation): void {
    const self = this.#self;
    if (contentLength !== undefined) self.histogram(`${action}.content_length_bytes`, contentLength);
    if (durationMs !== undefined) {
      self.timing(`${action}.duration_ns`, durationMs.value * NS_PER_MS, [`part:${durationMs.part}`]);
    }
    if (errorCause !== undefined) self.count(`${action}.error_total`, 1, [`cause:${errorCause}`]);
    // Adds nothing, and keeps the series from being sparse.
    else if (durationMs?.part === "post") self.count(`${action}.error_total`, 0);
  }

  /** How a batch ended at an output. */
  delivered(
    output: OutputConfig,
    kind: string,
    outcome: { delivered: number; rejected: number; failed: number },
  ): void {
    const self = this.#self;
    const sink = [`sink:${output.name}`];
    if (kind === "spans") {
      self.count("sink.spans_flushed_total", outcome.delivered, sink);
      self.count("sink.spans_dropped_total", outcome.rejected + outcome.failed, sink);
      return;
    }
    if (kind !== "points") {
      self.count("sink.events_reported_total", outcome.delivered, sink);
      return;
    }
    self.count("sink.metrics_flushed_total", outcome.delivered, sink);
    self.count("sink.metrics_skipped_total", outcome.rejected, sink);
    self.count("sink.metrics_dropped_total", outcome.failed, sink);
    if (output.kind === "datadog") return;
    self.gauge(`flush.plugins.${output.name}.post_metrics_total`, outcome.delivered);
    self.count(`flush.plugins.${output.name}.error_total`, outcome.failed > 0 ? 1 : 0);
  }
}

function capital<T extends string>(word: T): Capitalize<T> {
  return word.charAt(0).toUpperCase() + word.slice(1) as Capitalize<T>;
}
