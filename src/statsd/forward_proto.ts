/** Series on their way to a global instance, as `metricpb.Metric` messages: the form of gRPC. Pure. */
import { ByteError, ProtoReader, ProtoWriter } from "../bytes/mod.ts";
import { decodeDigestProto, HyperLogLog, HyperLogLogV1, SketchError, writeDigestProto } from "../sketch/mod.ts";
import type { ForwardedSeries, ForwardedValue, ImportCause } from "./forward_wire.ts";
import { compareUtf8 } from "./tags.ts";

/** `metricpb.Type`, by its numbers. */
const TYPES = ["counter", "gauge", "histogram", "set", "timer"] as const;
/** `metricpb.Scope`, by its numbers. */
const SCOPES = ["mixed", "local", "global"] as const;

/** Fields of `metricpb.Metric`. */
const Field = { name: 1, tags: 2, type: 3, counter: 5, gauge: 6, histogram: 7, set: 8, scope: 9 } as const;

/** A metric that can't be imported: skipped and counted. */
export interface RefusedMetric {
  readonly cause: ImportCause;
  readonly message: string;
}

/**
 * Encodes one series as a `metricpb.Metric`.
 *
 * @throws {TypeError} for a set of the older generation, which this form has no place for
 */
export function encodeMetric({ name, tags, isGlobal, value }: ForwardedSeries): Uint8Array<ArrayBuffer> {
  const out = new ProtoWriter();
  out.text(Field.name, name);
  for (const tag of tags) out.text(Field.tags, tag);
  const type = TYPES.indexOf(value.type);
  if (type !== 0) out.varint(Field.type, type);
  writeValue(out, value);
  if (isGlobal || value.type === "counter" || value.type === "gauge") out.varint(Field.scope, SCOPES.indexOf("global"));
  return out.copy();
}

function writeValue(out: ProtoWriter, value: ForwardedValue): void {
  switch (value.type) {
    case "counter":
      return out.message(Field.counter, (inner) => value.total === 0n ? undefined : inner.int64(1, value.total));
    case "gauge":
      return out.message(Field.gauge, (inner) => value.value === 0 ? undefined : inner.double(1, value.value));
    case "set": {
      const { sketch } = value;
      if (sketch instanceof HyperLogLogV1) throw new TypeError("Cannot encode a set of the older generation for gRPC");
      return out.message(Field.set, (inner) => inner.bytes(1, sketch.encode()));
    }
    default:
      return out.message(
        Field.histogram,
        (inner) => inner.message(1, (digest) => writeDigestProto(digest, value.digest)),
      );
  }
}

/** Decodes one `metricpb.Metric`. Never throws for what it is given. */
export function decodeMetric(bytes: Uint8Array): ForwardedSeries | RefusedMetric {
  try {
    return readMetric(new ProtoReader(bytes));
  } catch (error) {
    if (!(error instanceof ByteError || error instanceof SketchError)) throw error;
    return refused("value", error.message);
  }
}

/** The metrics of a `forwardrpc.MetricList`; `undefined` when it is no such message. */
export function decodeMetricList(bytes: Uint8Array): (ForwardedSeries | RefusedMetric)[] | undefined {
  const metrics: (ForwardedSeries | RefusedMetric)[] = [];
  try {
    const reader = new ProtoReader(bytes);
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) metrics.push(decodeMetric(reader.bytes()));
      else reader.skip();
    }
  } catch (error) {
    if (!(error instanceof ByteError)) throw error;
    return undefined;
  }
  return metrics;
}

/** A `forwardrpc.MetricList` of metrics that are encoded already. */
export function encodeMetricList(metrics: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new ProtoWriter();
  for (const metric of metrics) out.bytes(1, metric);
  return out.copy();
}

function readMetric(reader: ProtoReader): ForwardedSeries | RefusedMetric {
  let name = "", type = 0, scope = 0;
  let kind: "counter" | "gauge" | "histogram" | "set" | undefined;
  let value: Uint8Array = new Uint8Array(0);
  const tags: string[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case Field.name:
        name = reader.text();
        break;
      case Field.tags:
        tags.push(reader.text());
        break;
      case Field.type:
        type = reader.int32();
        break;
      case Field.scope:
        scope = reader.int32();
        break;
      case Field.counter:
      case Field.gauge:
      case Field.histogram:
      case Field.set:
        kind = KINDS[field];
        value = reader.bytes(); // of a oneof the last one counts
        break;
      default:
        reader.skip();
    }
  }
  const typeName = TYPES[type];
  if (name === "") return refused("name", "its name is empty");
  if (typeName === undefined) return refused("type", `there is no type ${type}`);
  if (SCOPES[scope] === undefined || scope === SCOPES.indexOf("local")) {
    return refused("scope", `its scope is ${scope}`);
  }
  if (kind === undefined) return refused("value", "it has no value");
  if (kind !== (typeName === "timer" ? "histogram" : typeName)) {
    return refused("mismatch", `it is a ${typeName} with the value of a ${kind}`);
  }
  const read = readValue(typeName, value);
  if ("cause" in read) return read;
  return {
    name,
    tags: [...new Set(tags.filter((tag) => tag !== ""))].sort(compareUtf8),
    isGlobal: SCOPES[scope] === "global",
    value: read,
  };
}

const KINDS = {
  [Field.counter]: "counter",
  [Field.gauge]: "gauge",
  [Field.histogram]: "histogram",
  [Field.set]: "set",
} as const;

/** @throws {ByteError | SketchError} */
function readValue(type: typeof TYPES[number], bytes: Uint8Array): ForwardedValue | RefusedMetric {
  const reader = new ProtoReader(bytes);
  const found = reader.next() === 1;
  switch (type) {
    case "counter":
      return { type, total: found ? reader.int64() : 0n };
    case "gauge": {
      const value = found ? reader.double() : 0;
      return Number.isFinite(value) ? { type, value } : refused("value", `a gauge can't be ${value}`);
    }
    case "set":
      return { type, sketch: HyperLogLog.decode(found ? reader.bytes() : new Uint8Array(0)) };
    default:
      return digestValue(type, found ? reader.bytes() : new Uint8Array(0));
  }
}

function digestValue(type: "histogram" | "timer", bytes: Uint8Array): ForwardedValue | RefusedMetric {
  const digest = decodeDigestProto(bytes);
  return digest.count > 0 ? { type, digest } : refused("value", "its digest is empty");
}

function refused(cause: ImportCause, why: string): RefusedMetric {
  return { cause, message: `Cannot import the metric: ${why}` };
}
