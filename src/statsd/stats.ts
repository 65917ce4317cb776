/**
 * What an ingesting thread counts. One Float64Array over shared memory a thread: the thread alone writes it, anyone reads
 * it at any time. Counts are whole numbers below 2^53, which holds 285 years of a billion a second.
 */
import { REASON_NAMES } from "./metric_line.ts";

const EVENT_REASONS = [
  "no_colon",
  "wrapper",
  "no_comma",
  "title_len",
  "text_len",
  "no_text",
  "empty_section",
  "date",
  "priority",
  "alert",
  "dup",
  "unknown",
  "container",
] as const;
const CHECK_REASONS = [
  "prefix",
  "empty_name",
  "status",
  "empty_section",
  "date",
  "dup",
  "message_last",
  "unknown",
  "container",
] as const;

/** The kinds of line an error is counted under. */
export type PacketType = "metric" | "event" | "service_check" | "unknown";

/** A counted reason for refusing a line. */
export interface Refusal {
  readonly packetType: PacketType;
  readonly reason: string;
}

const SCALARS = [
  "datagrams",
  "bytes",
  "lines",
  "empty",
  "metrics",
  "events",
  "checks",
  "samples",
  "refusedSeries",
  "refusedEvents",
  "drops",
  "spans",
  "rootSpans",
  "emptySpans",
  "droppedSpans",
  "ssfFraming",
  "ssfProcessing",
  "ssfZeroLength",
  "ssfInvalidMetrics",
  "tcpConnects",
  "tcpDisconnects",
  "tlsFailures",
  "frameDisconnects",
  "receiveErrors",
  "imported",
  "importName",
  "importType",
  "importValue",
  "importMismatch",
  "importScope",
  "grpcPackets",
  "grpcSpans",
  "grpcImports",
  "grpcImportsMalformed",
  "grpcFailed",
] as const;

/** Names of the plain counts. `samples` are those accepted; `refusedSeries` of them met a bound. */
export type Scalar = (typeof SCALARS)[number];

/** Where each plain count stands. */
export const At = Object.fromEntries(SCALARS.map((name, i) => [name, i])) as Readonly<Record<Scalar, number>>;

/** Every refusal that can be counted, at `FIRST_REFUSAL + i`. */
export const REFUSALS: readonly Refusal[] = [
  ...REASON_NAMES.map((reason) => ({ packetType: "metric" as const, reason })),
  ...EVENT_REASONS.map((reason) => ({ packetType: "event" as const, reason })),
  ...CHECK_REASONS.map((reason) => ({ packetType: "service_check" as const, reason })),
  { packetType: "unknown", reason: "toolong" },
];

/** Where the refusals start. */
export const FIRST_REFUSAL = SCALARS.length;
/** Where the metric reason `Reason.x` is counted: `FIRST_METRIC_REFUSAL + Reason.x`. */
export const FIRST_METRIC_REFUSAL = FIRST_REFUSAL;
/** Where an oversize datagram or line is counted. */
export const TOO_LONG = FIRST_REFUSAL + REFUSALS.length - 1;

/** Counts in one array. */
export const STATS_LENGTH = FIRST_REFUSAL + REFUSALS.length;

const byName = new Map(REFUSALS.map((r, i) => [`${r.packetType} ${r.reason}`, FIRST_REFUSAL + i]));

/** Where a refusal is counted. */
export function refusalAt(packetType: PacketType, reason: string): number {
  const at = byName.get(`${packetType} ${reason}`);
  if (at === undefined) throw new RangeError(`Cannot count ${packetType} ${reason}: no such refusal`);
  return at;
}

/** Counts for one thread, all 0. Shared, so that other threads can read them. */
export function newStats(): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(STATS_LENGTH * 8));
}

/** The sum of several threads' counts. */
export function sumStats(all: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(STATS_LENGTH);
  for (const stats of all) for (let i = 0; i < STATS_LENGTH; i++) sum[i]! += stats[i]!;
  return sum;
}

/** Lines accepted: metrics, events and checks. */
export function acceptedLines(stats: Float64Array): number {
  return stats[At.metrics]! + stats[At.events]! + stats[At.checks]!;
}

/** Lines refused, for whatever reason. */
export function rejectedLines(stats: Float64Array): number {
  let sum = 0;
  for (let i = FIRST_REFUSAL; i < STATS_LENGTH; i++) sum += stats[i]!;
  return sum;
}
