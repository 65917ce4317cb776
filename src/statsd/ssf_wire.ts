import { ByteError, ProtoReader, ProtoWriter, WireType } from "../bytes/mod.ts";
import type { CheckStatus, Span, SpanSample } from "../metric/mod.ts";
import { readLegacySpan, writeLegacySpan } from "./ssf_legacy.ts";
import { readTag, tagRecord, writeTags } from "./ssf_tags.ts";
import { quoted, type WireError } from "./wire_error.ts";
import { utf8 } from "./wire_text.ts";

/** A sample that was left out of its span. */
export interface InvalidSample {
  /** Its place among the span's samples as sent, from 0. */
  readonly index: number;
  readonly why: string;
}

/** A span and what was wrong inside it. */
export interface DecodedSpan {
  /** Its `metrics` are the valid ones. */
  readonly span: Span;
  /** The first {@link MAX_INVALID_KEPT} of the others. */
  readonly invalid: readonly InvalidSample[];
  /** How many samples were left out. */
  readonly invalidCount: number;
}

/** How many invalid samples of one span are described: 16 MiB may hold 8 million, two bytes each. */
export const MAX_INVALID_KEPT = 32;

const METRICS = ["counter", "gauge", "histogram", "set", "status"] as const;
const SCOPES = ["mixed", "local", "global"] as const;

/**
 * Decodes one protobuf `SSFSpan`, or one message of the form of 2017 (`SSFSample` around an `SSFTrace`), and normalises
 * it: an empty name is taken from the tag `name`, which then goes; a sample rate of 0 is 1; a set's value is 0.
 *
 * The two forms are told apart by wire type: only the old one has a field 2 with a length, a field 6 of 32 bits, or a
 * field 9. Of the old form, which carries no values, only the span is taken; its error flag is a status other than OK.
 *
 * Fields not known are passed over; a known field of another type makes the message invalid. Text that is not UTF-8
 * becomes U+FFFD. Reasons of a refusal: `zerolength`, `processing`.
 */
export function decodeSpan(bytes: Uint8Array): DecodedSpan | WireError {
  if (bytes.length === 0) return { reason: "zerolength", message: "Cannot read the span: it has zero length" };
  try {
    if (isLegacy(bytes)) {
      return { span: named(readLegacySpan(new ProtoReader(bytes))), invalid: [], invalidCount: 0 };
    }
    return readSpan(new ProtoReader(bytes));
  } catch (error) {
    if (!(error instanceof ByteError)) throw error;
    return { reason: "processing", message: `Cannot read the span: not valid protobuf: ${error.message}` };
  }
}

/** The invalid samples of a span as refusals with the reason `invalid_metrics`. */
export function invalidMetrics({ invalid, invalidCount }: DecodedSpan): WireError[] {
  const errors = invalid.map(({ index, why }) => ({
    reason: "invalid_metrics",
    message: `Cannot use sample ${index} of the span: ${why}`,
  }));
  if (invalidCount > invalid.length) {
    const message = `Cannot use ${invalidCount - invalid.length} more samples of the span: they are invalid too`;
    errors.push({ reason: "invalid_metrics", message });
  }
  return errors;
}

/**
 * Encodes a span in the form it came in; fields that have their default value are left out, but for the sample rate.
 *
 * Values and rates travel as 32-bit floats: whole numbers are exact up to 2^24, others keep 7 digits, and what exceeds
 * 3.4e38 arrives as infinity and is refused. `float32Parts()` says how a larger count is sent exactly. The old form
 * has no place for samples, and writes an error as its status, CRITICAL where it has none.
 */
export function encodeSpan(span: Span): Uint8Array<ArrayBuffer> {
  const writer = new ProtoWriter();
  if (span.legacy) {
    writeLegacySpan(span, writer);
    return writer.copy();
  }
  if (span.version !== 0) writer.int32(1, span.version);
  if (span.traceId !== 0n) writer.int64(2, span.traceId);
  if (span.id !== 0n) writer.int64(3, span.id);
  if (span.parentId !== 0n) writer.int64(4, span.parentId);
  if (span.startNs !== 0n) writer.int64(5, span.startNs);
  if (span.endNs !== 0n) writer.int64(6, span.endNs);
  if (span.error) writer.bool(7, true);
  if (span.service !== "") writer.text(8, span.service);
  for (const sample of span.metrics) writer.message(10, (inner) => writeSample(sample, inner));
  writeTags(11, span.tags, writer);
  if (span.indicator) writer.bool(12, true);
  if (span.name !== "") writer.text(13, span.name);
  if (span.rootStartNs !== 0n) writer.int64(14, span.rootStartNs);
  return writer.copy();
}

/**
 * Splits a count into at most three samples' values that are exact as 32-bit floats and add up to it: 16777217 is
 * 16777216 and 1. `count` is a signed 64-bit number; 0 is one value, 0.
 */
export function float32Parts(count: bigint): number[] {
  const parts: number[] = [];
  let left = count;
  do {
    const part = Math.fround(Number(left)); // rounds to 24 bits, so each step leaves at least 23 bits less
    parts.push(part);
    left -= BigInt(part);
  } while (left !== 0n);
  return parts;
}

function isLegacy(bytes: Uint8Array): boolean {
  const reader = new ProtoReader(bytes);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2 && reader.wireType === WireType.bytes) return true;
    if (field === 6 && reader.wireType === WireType.fixed32) return true;
    if (field === 9) return true;
    reader.skip();
  }
  return false;
}

/** `SSFSpan`. */
function readSpan(reader: ProtoReader): DecodedSpan {
  let version = 0;
  let traceId = 0n, id = 0n, parentId = 0n, startNs = 0n, endNs = 0n, rootStartNs = 0n;
  let error = false, indicator = false;
  let service = "", name = "";
  const tags = new Map<string, string>();
  const metrics: SpanSample[] = [];
  const invalid: InvalidSample[] = [];
  let samples = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) version = reader.int32();
    else if (field === 2) traceId = reader.int64();
    else if (field === 3) id = reader.int64();
    else if (field === 4) parentId = reader.int64();
    else if (field === 5) startNs = reader.int64();
    else if (field === 6) endNs = reader.int64();
    else if (field === 7) error = reader.bool();
    else if (field === 8) service = utf8(reader.bytes());
    else if (field === 10) {
      const sample = readSample(reader.message());
      if (typeof sample !== "string") metrics.push(sample);
      else if (invalid.length < MAX_INVALID_KEPT) invalid.push({ index: samples, why: sample });
      samples++;
    } else if (field === 11) readTag(reader.message(), tags);
    else if (field === 12) indicator = reader.bool();
    else if (field === 13) name = utf8(reader.bytes());
    else if (field === 14) rootStartNs = reader.int64();
    else reader.skip();
  }
  const span: Span = {
    version,
    traceId,
    id,
    parentId,
    startNs,
    endNs,
    error,
    service,
    name,
    indicator,
    tags: tagRecord(tags),
    metrics,
    rootStartNs,
  };
  return { span: named(span), invalid, invalidCount: samples - metrics.length };
}

/** `SSFSample`; a text says why it is not valid. */
function readSample(reader: ProtoReader): SpanSample | string {
  let type = 0, status = 0, scope = 0;
  let name = "", message = "", unit = "";
  let value = 0, sampleRate = 0;
  let timestampNs = 0n;
  const tags = new Map<string, string>();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) type = reader.int32();
    else if (field === 2) name = utf8(reader.bytes());
    else if (field === 3) value = reader.float();
    else if (field === 4) timestampNs = reader.int64();
    else if (field === 5) message = utf8(reader.bytes());
    else if (field === 6) status = reader.int32();
    else if (field === 7) sampleRate = reader.float();
    else if (field === 8) readTag(reader.message(), tags);
    else if (field === 9) unit = utf8(reader.bytes());
    else if (field === 10) scope = reader.int32();
    else reader.skip();
  }
  const metric = METRICS[type];
  if (name === "") return "its name is empty";
  if (metric === undefined) return `its type is ${type}, types are 0 to 4, its name is ${quoted(name)}`;
  if (!Number.isFinite(value)) return `its value is ${value}, its name is ${quoted(name)}`;
  const rate = sampleRate === 0 ? 1 : sampleRate;
  if (!(rate > 0 && rate <= 1)) {
    return `its sample rate is ${rate}, it must be >0 and <=1, its name is ${quoted(name)}`;
  }
  const known = status >= 0 && status <= 3;
  if (metric === "status" && !known) return `its status is ${status}, it must be 0 to 3, its name is ${quoted(name)}`;
  return {
    metric,
    name,
    value: metric === "set" ? 0 : value,
    timestampNs,
    message,
    status: known ? status as CheckStatus : 3, // only a status sample means it
    sampleRate: rate,
    tags: tagRecord(tags),
    unit,
    scope: SCOPES[scope] ?? "mixed",
  };
}

function named(span: Span): Span {
  if (span.name !== "" || !Object.hasOwn(span.tags, "name")) return span;
  const { name = "", ...tags } = span.tags;
  return { ...span, name, tags };
}

function writeSample(sample: SpanSample, writer: ProtoWriter): void {
  const type = METRICS.indexOf(sample.metric);
  const scope = SCOPES.indexOf(sample.scope);
  if (type !== 0) writer.int32(1, type);
  if (sample.name !== "") writer.text(2, sample.name);
  if (sample.value !== 0) writer.float(3, sample.value);
  if (sample.timestampNs !== 0n) writer.int64(4, sample.timestampNs);
  if (sample.message !== "") writer.text(5, sample.message);
  if (sample.status !== 0) writer.int32(6, sample.status);
  writer.float(7, sample.sampleRate);
  writeTags(8, sample.tags, writer);
  if (sample.unit !== "") writer.text(9, sample.unit);
  if (scope !== 0) writer.int32(10, scope);
}
