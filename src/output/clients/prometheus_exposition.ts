import type { Section } from "../../config/mod.ts";
import { type Batch, type BatchBuilder, eventBytes, type Point } from "../../metric/mod.ts";
import type { Counter, Gauge } from "../../telemetry/mod.ts";
import type { ClientDeps, Destination, DestinationClient, PublishResult } from "../contract.ts";
import { type ExposedPoint, exposedPoint, Exposition } from "../exposition.ts";

/** The keys of `kind: prometheus_exposition`. */
export interface PrometheusExpositionConfig {
  /** Time between two flushes, in milliseconds; a series not updated for five of them disappears. */
  readonly intervalMs: number;
  readonly maxSeries: number;
}

/** How an event is written: kind, name and value apart by spaces, which none of them holds, and the labels behind. */
function writeExposed(point: Point, out: BatchBuilder): boolean {
  const { name, kind, labels, value } = exposedPoint(point);
  out.appendText(`${kind} ${name} ${value} ${labels}`);
  return true;
}

function readExposed(line: string): ExposedPoint {
  const afterKind = line.indexOf(" ");
  const afterName = line.indexOf(" ", afterKind + 1);
  const afterValue = line.indexOf(" ", afterName + 1);
  return {
    kind: line.slice(0, afterKind) === "counter" ? "counter" : "gauge",
    name: line.slice(afterKind + 1, afterName),
    value: Number(line.slice(afterName + 1, afterValue)),
    labels: line.slice(afterValue + 1),
  };
}

class ExpositionClient implements DestinationClient {
  readonly isConnected = true;
  readonly #exposition: Exposition;
  readonly #conflicts: Counter;
  readonly #refused: Counter;
  readonly #series: Gauge;
  readonly #text = new TextDecoder();
  /** Unix seconds of the first flush, from which the others are numbered. */
  #firstTimestamp: number | undefined;
  #lastFlush = 0;

  constructor(readonly output: string, readonly own: PrometheusExpositionConfig, readonly deps: ClientDeps) {
    this.#exposition = new Exposition({ maxSeries: own.maxSeries });
    const { metrics } = deps.reporter;
    this.#conflicts = metrics.counter("limier_exposition_conflicts_total", "Points whose name is of the other kind.");
    this.#refused = metrics.counter("limier_exposition_refused_total", "Points with no room for another series.");
    this.#series = metrics.gauge("limier_exposition_series", "Series on the page of the aggregates.");
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  publish(batch: Batch): Promise<PublishResult> {
    const flush = this.#flushNumber(batch.timestamp);
    const { conflicts, refused } = this.#exposition;
    this.#exposition.expire(flush - 1); // this flush may have more batches, which keep their series
    this.#lastFlush = Math.max(flush, this.#lastFlush);
    for (let i = 0; i < batch.ends.length; i++) {
      this.#exposition.add(readExposed(this.#text.decode(eventBytes(batch, i))), flush);
    }
    const labels = { output: this.output };
    this.#conflicts.inc(this.#exposition.conflicts - conflicts, labels);
    this.#refused.inc(this.#exposition.refused - refused, labels);
    this.#series.set(this.#exposition.size, labels);
    return Promise.resolve({ remaining: null });
  }

  page(): string {
    // Where nothing at all is flushed, time alone makes series old; the flush of the current interval may yet come.
    const past = this.#flushNumber(Math.floor(this.deps.clock.now() / 1000)) - 1;
    return this.#exposition.text(Math.max(past, this.#lastFlush));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #flushNumber(timestamp: number): number {
    this.#firstTimestamp ??= timestamp;
    return Math.round((timestamp - this.#firstTimestamp) * 1000 / this.own.intervalMs);
  }
}

/** The page `/metrics/statsd`: the aggregates as Prometheus scrapes them, by way of the client's `page()`. */
export const prometheusExposition: Destination<PrometheusExpositionConfig> = {
  kind: "prometheus_exposition",
  sends: ["points"],
  defaultHosts: null,
  shows: true,
  keys: ["interval", "max_series"],
  readConfig: (section: Section) => ({
    intervalMs: section.duration("interval", { atLeast: "1s" }) ?? 10_000,
    maxSeries: section.integer("max_series", { atLeast: 1 }) ?? 1_000_000,
  }),
  newEncoder: () => ({ point: writeExposed }),
  newClient: (_host, config, own, deps) => new ExpositionClient(config.name, own, deps),
};
