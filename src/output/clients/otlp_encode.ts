import { ProtoReader, ProtoWriter } from "../../bytes/mod.ts";
import type { Batch, BatchBuilder, Point } from "../../metric/mod.ts";
import type { Encoder } from "../contract.ts";
import { resolveIdentity } from "../magic_tags.ts";
import { intervalTotal, oncePerSeries } from "./series_points.ts";

/** Fields of opentelemetry/proto/metrics/v1/metrics.proto and the messages it uses. */
const REQUEST = { resourceMetrics: 1 } as const;
const RESOURCE_METRICS = { resource: 1, scopeMetrics: 2 } as const;
const RESOURCE = { attributes: 1 } as const;
const SCOPE_METRICS = { scope: 1, metrics: 2 } as const;
const SCOPE = { name: 1 } as const;
const METRIC = { name: 1, gauge: 5, sum: 7 } as const;
const GAUGE = { dataPoints: 1 } as const;
const SUM = { dataPoints: 1, temporality: 2, isMonotonic: 3 } as const;
const DATA_POINT = { startTimeNs: 2, timeNs: 3, asDouble: 4, attributes: 7 } as const;
const KEY_VALUE = { key: 1, value: 2 } as const;
const ANY_VALUE = { text: 1 } as const;
const RESPONSE = { partialSuccess: 1 } as const;
const PARTIAL_SUCCESS = { rejectedDataPoints: 1, errorMessage: 2 } as const;

/** `AGGREGATION_TEMPORALITY_DELTA` */
const DELTA = 1;

const NS_PER_S = 1_000_000_000n;

/** An event is not yet a part of a request: the host stands beside the `Metric`, as requests have points by host. */
const EVENT = { host: 1, metric: 2 } as const;

/** What the points of one series have in common. */
interface EncodedIdentity {
  readonly host: string;
  /** `KeyValue` messages, sorted by key. */
  readonly attributes: readonly Uint8Array[];
}

/**
 * Points as OTLP metrics of one data point. What was counted is a sum with delta temporality, over the interval before
 * its time; it is monotonic unless it went down. A bare tag is an attribute with an empty text.
 */
export class OtlpEncoder implements Encoder {
  readonly #writer = new ProtoWriter();
  readonly #identityOf = oncePerSeries(encodeIdentity);

  point(point: Point, out: BatchBuilder): boolean {
    if (point.name === "" || !Number.isFinite(point.value)) return false;
    const { host, attributes } = this.#identityOf(point);
    const writer = this.#writer;
    writer.reset();
    writer.text(EVENT.host, host);
    writer.message(EVENT.metric, () => {
      writer.text(METRIC.name, point.name);
      if (point.type === "gauge") {
        writer.message(METRIC.gauge, () =>
          writer.message(
            GAUGE.dataPoints,
            () => writeDataPoint(writer, point.value, point.timestamp, undefined, attributes),
          ));
        return;
      }
      const total = intervalTotal(point);
      writer.message(METRIC.sum, () => {
        writer.message(
          SUM.dataPoints,
          () => writeDataPoint(writer, total, point.timestamp, point.interval, attributes),
        );
        writer.varint(SUM.temporality, DELTA);
        if (total >= 0) writer.bool(SUM.isMonotonic, true);
      });
    });
    out.append(writer.view());
    return true;
  }
}

function writeDataPoint(
  writer: ProtoWriter,
  value: number,
  timestamp: number,
  intervalS: number | undefined,
  attributes: readonly Uint8Array[],
): void {
  const timeNs = BigInt(timestamp) * NS_PER_S;
  if (intervalS !== undefined) writer.fixed64(DATA_POINT.startTimeNs, timeNs - BigInt(intervalS) * NS_PER_S);
  writer.fixed64(DATA_POINT.timeNs, timeNs);
  writer.double(DATA_POINT.asDouble, value);
  for (const attribute of attributes) writer.bytes(DATA_POINT.attributes, attribute);
}

function encodeIdentity(point: Point): EncodedIdentity {
  const { tags, host, device } = resolveIdentity(point);
  const values = new Map<string, string>(device === "" ? [] : [["device", device]]);
  for (const tag of tags) {
    const colon = tag.indexOf(":");
    if (colon < 0) values.set(tag, "");
    else values.set(tag.slice(0, colon), tag.slice(colon + 1)); // keys are unique: the last one counts
  }
  values.delete("");
  const writer = new ProtoWriter();
  const attributes = [...values].sort(([a], [b]) => a < b ? -1 : 1).map(([key, value]) => {
    writer.reset();
    writeKeyValue(writer, key, value);
    return writer.copy();
  });
  return { host, attributes };
}

function writeKeyValue(writer: ProtoWriter, key: string, value: string): void {
  writer.text(KEY_VALUE.key, key);
  writer.message(KEY_VALUE.value, () => writer.text(ANY_VALUE.text, value)); // written also when it is empty
}

/** The `ExportMetricsServiceRequest` of a batch: one resource, with its `host.name`, for each host. */
export function otlpRequest(batch: Batch): Uint8Array<ArrayBuffer> {
  const metricsByHost = new Map<string, Uint8Array[]>();
  let start = 0;
  for (const end of batch.ends) {
    const event = new ProtoReader(batch.bytes, start, end);
    start = end;
    event.next();
    const host = event.text();
    event.next();
    const metrics = metricsByHost.get(host);
    if (metrics === undefined) metricsByHost.set(host, [event.bytes()]);
    else metrics.push(event.bytes());
  }
  const writer = new ProtoWriter(batch.bytes.length + 256);
  for (const [host, metrics] of metricsByHost) {
    writer.message(REQUEST.resourceMetrics, () => {
      writer.message(RESOURCE_METRICS.resource, () => {
        if (host !== "") writer.message(RESOURCE.attributes, () => writeKeyValue(writer, "host.name", host));
      });
      writer.message(RESOURCE_METRICS.scopeMetrics, () => {
        writer.message(SCOPE_METRICS.scope, () => writer.text(SCOPE.name, "limier"));
        for (const metric of metrics) writer.bytes(SCOPE_METRICS.metrics, metric);
      });
    });
  }
  return writer.copy();
}

/** What an `ExportMetricsServiceResponse` says was not taken. */
export interface OtlpPartialSuccess {
  readonly rejected: number;
  /** Why, or a warning if nothing was rejected; "" if there is nothing to say. */
  readonly message: string;
}

/**
 * Reads an `ExportMetricsServiceResponse`; an empty one means that all was taken.
 *
 * @throws {ByteError} when it is none
 */
export function readOtlpResponse(bytes: Uint8Array): OtlpPartialSuccess {
  let [rejected, message] = [0, ""];
  const response = new ProtoReader(bytes);
  for (let field = response.next(); field !== 0; field = response.next()) {
    if (field !== RESPONSE.partialSuccess) {
      response.skip();
      continue;
    }
    const partial = response.message();
    for (let field = partial.next(); field !== 0; field = partial.next()) {
      if (field === PARTIAL_SUCCESS.rejectedDataPoints) rejected = Math.max(0, Number(partial.int64()));
      else if (field === PARTIAL_SUCCESS.errorMessage) message = partial.text();
      else partial.skip();
    }
  }
  return { rejected, message };
}
