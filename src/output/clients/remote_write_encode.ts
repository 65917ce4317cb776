import { ByteWriter, ProtoWriter, WireType } from "../../bytes/mod.ts";
import type { BatchBuilder, Point } from "../../metric/mod.ts";
import type { Encoder } from "../contract.ts";
import { metricName } from "../exposition.ts";
import { NAME_LABEL, prometheusLabels } from "./prometheus_labels.ts";
import { intervalTotal, oncePerSeries } from "./series_points.ts";

/** Fields of `prometheus.WriteRequest` and the messages in it (prompb/remote.proto, prompb/types.proto). */
const FIELD = { timeseries: 1, labels: 1, samples: 2, name: 1, value: 2, sampleValue: 1, sampleTimestamp: 2 } as const;

/** How points become series. */
export interface RemoteWriteEncoding {
  /** Counters are sent as their sums since start, else as what the interval counted. */
  readonly convertCountersToMonotonic: boolean;
  /** Series remembered at most; the sum that was not needed for longest begins again at zero. */
  readonly maxSeries: number;
  /** Whether a point's host is a label. */
  readonly hostLabel: boolean;
}

/** What the points of one series have in common. */
interface EncodedLabels {
  /** `labels` fields, sorted by name: those that go before the metric's own name, and those behind it. */
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** Tells the label sets apart. */
  readonly key: string;
}

/**
 * Points as `timeseries` of a `WriteRequest`, key and length included, so that a request is nothing but its events. Of
 * two points of one flush that are the same series to Prometheus the first is sent: a receiver that meets both may refuse
 * all that came with them.
 */
export class RemoteWriteEncoder implements Encoder {
  readonly #options: RemoteWriteEncoding;
  readonly #writer = new ProtoWriter();
  readonly #head = new ByteWriter();
  readonly #labelsOf: (point: Point) => EncodedLabels;
  /** In the order of their last use. */
  readonly #sums = new Map<string, number>();
  /** The series of the newest flush, and what came with times of its own since it began. */
  readonly #sent = new Set<string>();
  #newest = -Infinity;

  constructor(options: RemoteWriteEncoding) {
    this.#options = options;
    this.#labelsOf = oncePerSeries((point) => this.#encodeLabels(prometheusLabels(point, options.hostLabel)));
  }

  point(point: Point, out: BatchBuilder): boolean {
    if (!Number.isFinite(point.value) || !(point.timestamp >= 0)) return false;
    const name = metricName(point.name);
    const labels = this.#labelsOf(point);
    const series = name + labels.key;
    if (!this.#isFirst(series, point.timestamp)) return false;
    const value = this.#value(point, series);
    const { before, after } = labels;
    const writer = this.#writer;
    writer.reset();
    writeLabel(writer, NAME_LABEL, name);
    const nameBytes = writer.length;
    writer.message(FIELD.samples, () => {
      writer.double(FIELD.sampleValue, value);
      writer.varint(FIELD.sampleTimestamp, point.timestamp * 1000);
    });
    const own = writer.view();
    const head = this.#head; // the parts are put together in the batch, so that labels are copied once
    head.reset();
    head.varint(FIELD.timeseries * 8 + WireType.bytes);
    head.varint(before.length + after.length + own.length);
    out.append(head.view());
    out.append(before);
    out.append(own.subarray(0, nameBytes));
    out.append(after);
    out.append(own.subarray(nameBytes));
    return true;
  }

  #isFirst(series: string, timestamp: number): boolean {
    if (timestamp > this.#newest || this.#sent.size >= this.#options.maxSeries) { // a time far ahead must not keep all
      this.#newest = timestamp;
      this.#sent.clear();
    }
    const key = timestamp === this.#newest ? series : `${timestamp} ${series}`;
    if (this.#sent.has(key)) return false;
    this.#sent.add(key);
    return true;
  }

  #value(point: Point, series: string): number {
    if (point.type === "gauge") return point.value;
    const total = intervalTotal(point);
    if (!this.#options.convertCountersToMonotonic) return total;
    const sum = (this.#sums.get(series) ?? 0) + total;
    this.#sums.delete(series);
    this.#sums.set(series, sum);
    if (this.#sums.size > this.#options.maxSeries) {
      const oldest = this.#sums.keys().next().value;
      if (oldest !== undefined) this.#sums.delete(oldest);
    }
    return sum;
  }

  #encodeLabels(labels: readonly (readonly [name: string, value: string])[]): EncodedLabels {
    const writer = this.#writer;
    writer.reset();
    let [nameAt, key] = [0, ""];
    for (const [name, value] of labels) {
      writeLabel(writer, name, value);
      if (name < NAME_LABEL) nameAt = writer.length;
      key += `\n${name}=${value}`;
    }
    const bytes = writer.copy();
    return { before: bytes.subarray(0, nameAt), after: bytes.subarray(nameAt), key };
  }
}

function writeLabel(writer: ProtoWriter, name: string, value: string): void {
  writer.message(FIELD.labels, () => {
    writer.text(FIELD.name, name);
    writer.text(FIELD.value, value);
  });
}
