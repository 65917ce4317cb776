/** What `limier decode` shows of DogStatsD and SSF: bytes in, one object an item out. Pure. */
import { parseCheck } from "./check_wire.ts";
import { checkObject, errorObject, eventObject, type JsonObject, spanObject } from "./decode_objects.ts";
import { parseEvent } from "./event_wire.ts";
import {
  type MetricLine,
  MetricType,
  newMetricLine,
  Reason,
  REASON_MESSAGES,
  REASON_NAMES,
  TYPE_NAMES,
} from "./metric_line.ts";
import { forEachValue, parseLine } from "./metric_wire.ts";
import { FrameReader } from "./ssf_frames.ts";
import { decodeSpan, invalidMetrics } from "./ssf_wire.ts";
import { canonicalTags, SCOPE_NAMES, tagEffects } from "./tags.ts";
import { isWireError } from "./wire_error.ts";

/** What decoding needs to know of the configuration. */
export interface DecodeConfig {
  readonly metricMaxLength: number;
  readonly extendTags: readonly string[];
}

const LF = 0x0a, CR = 0x0d;

/** Decodes the lines of one datagram. `timeS` stands in where an event or check brings no time. */
export function* decodeDatagram(b: Uint8Array, timeS: number, config: DecodeConfig): Generator<JsonObject> {
  let end = b.length;
  const tooLong = end > config.metricMaxLength;
  if (tooLong) end = b.lastIndexOf(LF, config.metricMaxLength - 1) + 1;
  let number = 0;
  let at = 0;
  while (at < end) {
    const lf = b.indexOf(LF, at);
    const lineEnd = lf < 0 || lf > end ? end : lf;
    number++;
    const stop = lineEnd > at && b[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (stop > at) yield decodeLine(b, at, stop, timeS, config, number);
    at = lineEnd + 1;
  }
  if (tooLong) {
    yield errorObject({
      reason: "toolong",
      message: `Cannot read all ${b.length} bytes: metric_max_length is ${config.metricMaxLength}`,
    }, { at: end, line: number + 1, packet_type: "unknown" });
  }
}

function decodeLine(
  b: Uint8Array,
  start: number,
  end: number,
  timeS: number,
  config: DecodeConfig,
  number: number,
): JsonObject {
  const head = latin1(b.subarray(start, Math.min(end, start + 4)));
  if (head.startsWith("_e{")) {
    const event = parseEvent(b, start, end, timeS);
    return isWireError(event)
      ? errorObject(event, { at: start, line: number, packet_type: "event" })
      : eventObject(event);
  }
  if (head === "_sc" || head === "_sc|") {
    const check = parseCheck(b, start, end, timeS);
    return isWireError(check)
      ? errorObject(check, { at: start, line: number, packet_type: "service_check" })
      : checkObject(check);
  }
  const line = newMetricLine();
  const reason = parseLine(b, start, end, line);
  if (reason === Reason.ok) return metricObject(b, line, config.extendTags);
  return errorObject(
    { reason: REASON_NAMES[reason]!, message: REASON_MESSAGES[reason]! },
    { at: start, line: number, packet_type: "metric" },
  );
}

const text = new TextDecoder("utf-8", { ignoreBOM: true });

/** A metric line as `limier decode` shows it. */
function metricObject(b: Uint8Array, line: MetricLine, extendTags: readonly string[]): JsonObject {
  const slice = (start: number, end: number) => text.decode(b.subarray(start, end));
  const values: (number | string)[] = [];
  if (line.type === MetricType.set) values.push(slice(line.valueStart, line.valueEnd));
  else forEachValue(b, line, (value) => values.push(value));
  const { tags, scope } = canonicalTags(slice(line.tagsStart, line.tagsEnd), extendTags);
  const { host, device, sinks } = tagEffects(tags);
  return {
    kind: "metric",
    name: slice(line.nameStart, line.nameEnd),
    type: line.distribution ? "distribution" : TYPE_NAMES[line.type],
    values,
    rate: line.rate,
    tags,
    scope: SCOPE_NAMES[scope],
    ...(host === undefined ? {} : { host }),
    ...(device === undefined ? {} : { device }),
    ...(line.timestamp === 0 ? {} : { timestamp: line.timestamp }),
    ...(line.containerStart < 0 ? {} : { container: slice(line.containerStart, line.containerEnd) }),
    ...(line.externalStart < 0 ? {} : { external_data: slice(line.externalStart, line.externalEnd) }),
    ...(line.cardinalityStart < 0 ? {} : { cardinality: slice(line.cardinalityStart, line.cardinalityEnd) }),
    ...(sinks === undefined ? {} : { sinks }),
  };
}

/** Decodes one protobuf span, or frames of spans where the first byte is 0, which no protobuf starts with. */
export function* decodeSsf(b: Uint8Array): Generator<JsonObject> {
  if (b[0] !== 0) {
    yield* decodeSpanBytes(b);
    return;
  }
  const reader = new FrameReader();
  reader.push(b);
  for (let frame = reader.next(); frame !== null; frame = reader.next()) {
    if ("reason" in frame) {
      yield errorObject(frame);
      return;
    }
    yield* decodeSpanBytes(frame);
  }
  const torn = reader.end();
  if (torn !== null) yield errorObject(torn);
}

function* decodeSpanBytes(b: Uint8Array): Generator<JsonObject> {
  const decoded = decodeSpan(b);
  if (isWireError(decoded)) {
    yield errorObject(decoded);
    return;
  }
  yield spanObject(decoded.span);
  for (const error of invalidMetrics(decoded)) yield errorObject(error);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
