import type { ProtoReader, ProtoWriter } from "../bytes/mod.ts";
import type { CheckStatus, Span } from "../metric/mod.ts";
import { readTag, tagRecord, writeTags } from "./ssf_tags.ts";
import { utf8 } from "./wire_text.ts";

/** `SSFSample.metric` of a span. */
const TRACE = 6;
/** What an error flag is written as where there is no status; there is no flag in this form. */
const CRITICAL = 2;

/**
 * Reads a span of 2017: `SSFSample {1 metric, 2 name, 3 timestamp ns, 4 message, 5 status, 6 sample_rate, 7 tags,
 * 8 unit, 9 trace, 10 service}`.
 *
 * @throws {ByteError} if the bytes are not that message
 */
export function readLegacySpan(reader: ProtoReader): Span {
  let name = "", service = "";
  let startNs = 0n;
  let status = 0;
  let trace: Trace | undefined;
  const tags = new Map<string, string>();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) reader.int32();
    else if (field === 2) name = utf8(reader.bytes());
    else if (field === 3) startNs = reader.int64();
    else if (field === 4) reader.bytes();
    else if (field === 5) status = reader.int32();
    else if (field === 6) reader.float();
    else if (field === 7) readTag(reader.message(), tags);
    else if (field === 8) reader.bytes();
    else if (field === 9) trace = readTrace(reader.message(), trace);
    else if (field === 10) service = utf8(reader.bytes());
    else reader.skip();
  }
  return {
    version: 0,
    traceId: trace?.traceId ?? 0n,
    id: trace?.id ?? 0n,
    parentId: trace?.parentId ?? 0n,
    startNs,
    endNs: trace === undefined ? 0n : BigInt.asIntN(64, startNs + trace.durationNs),
    error: status !== 0,
    service,
    name,
    indicator: false,
    tags: tagRecord(tags),
    metrics: [],
    rootStartNs: 0n,
    resource: trace?.resource ?? "",
    legacy: true,
    ...(status > 0 && status <= 3 && { legacyStatus: status as CheckStatus }),
  };
}

/** Writes a span of 2017. */
export function writeLegacySpan(span: Span, writer: ProtoWriter): void {
  writer.int32(1, TRACE);
  writer.text(2, span.name); // also when empty: it tells this form from the newer one
  if (span.startNs !== 0n) writer.int64(3, span.startNs);
  const status = span.legacyStatus ?? (span.error ? CRITICAL : 0);
  if (status !== 0) writer.int32(5, status);
  writeTags(7, span.tags, writer);
  writer.message(9, (trace) => {
    const durationNs = span.endNs - span.startNs;
    if (span.traceId !== 0n) trace.int64(1, span.traceId);
    if (span.id !== 0n) trace.int64(2, span.id);
    if (span.parentId !== 0n) trace.int64(3, span.parentId);
    if (span.resource) trace.text(4, span.resource);
    if (durationNs !== 0n) trace.int64(5, durationNs);
  });
  if (span.service !== "") writer.text(10, span.service);
}

interface Trace {
  traceId: bigint;
  id: bigint;
  parentId: bigint;
  resource: string;
  durationNs: bigint;
}

/** `SSFTrace`; a message field that comes twice is merged, as protobuf has it. */
function readTrace(reader: ProtoReader, merged?: Trace): Trace {
  const trace = merged ?? { traceId: 0n, id: 0n, parentId: 0n, resource: "", durationNs: 0n };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) trace.traceId = reader.int64();
    else if (field === 2) trace.id = reader.int64();
    else if (field === 3) trace.parentId = reader.int64();
    else if (field === 4) trace.resource = utf8(reader.bytes());
    else if (field === 5) trace.durationNs = reader.int64();
    else reader.skip();
  }
  return trace;
}
