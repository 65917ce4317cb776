import type { Clock } from "../clock/mod.ts";
import type { DeliveryError } from "./contract.ts";
import type { Counter, Gauge, Labels, Reporter } from "../telemetry/mod.ts";

/** A reason is logged at most this often. */
const LOG_EVERY_MS = 10_000;

/**
 * Keeps an output's books: every event it accepted ends as delivered, rejected or dropped, or is pending. Losses are
 * counted by reason and logged, each reason once in ten seconds.
 */
export class Account {
  readonly #accepted: Counter;
  readonly #delivered: Counter;
  readonly #rejected: Counter;
  readonly #dropped: Counter;
  readonly #attempts: Counter;
  readonly #pendingGauge: Gauge;
  readonly #labels: Labels;
  #pending = 0;
  readonly #logged = new Map<string, { atMs: number; unsaid: number }>();

  constructor(readonly output: string, readonly reporter: Reporter, readonly clock: Clock) {
    const { metrics } = reporter;
    this.#labels = { output };
    this.#accepted = metrics.counter("limier_output_events_accepted_total", "Events handed to an output.");
    this.#delivered = metrics.counter("limier_output_events_delivered_total", "Events that reached their destination.");
    this.#rejected = metrics.counter("limier_output_events_rejected_total", "Events their destination refused.");
    this.#dropped = metrics.counter("limier_output_events_dropped_total", "Events given up.");
    this.#attempts = metrics.counter("limier_output_attempts_total", "Attempts to publish, by how they ended.");
    this.#pendingGauge = metrics.gauge("limier_output_pending_events", "Events accepted and not yet settled.");
    this.#delivered.inc(0, this.#labels);
    this.#pendingGauge.set(0, this.#labels);
  }

  accept(count: number): void {
    this.#accepted.inc(count, this.#labels);
    this.#setPending(count);
  }

  deliver(count: number): void {
    if (count === 0) return;
    this.#delivered.inc(count, this.#labels);
    this.#setPending(-count);
  }

  /** The destination will never take them. */
  reject(reason: string, count: number, error?: DeliveryError): void {
    this.#rejected.inc(count, { output: this.output, reason });
    this.#setPending(-count);
    this.#log(`rejected:${reason}`, count, `Output ${this.output} refused events for good (${reason})`, error);
  }

  /** They are given up. */
  drop(reason: string, count: number, error?: DeliveryError): void {
    this.#dropped.inc(count, { output: this.output, reason });
    this.#setPending(-count);
    this.#log(`dropped:${reason}`, count, `Cannot deliver events of output ${this.output} (${reason})`, error);
  }

  /** One publish ended: `ok`, `partial`, or the failure's kind. */
  attempt(outcome: string): void {
    this.#attempts.inc(1, { output: this.output, class: outcome });
  }

  #setPending(change: number): void {
    this.#pending += change;
    this.#pendingGauge.set(this.#pending, this.#labels);
  }

  #log(key: string, count: number, what: string, error: DeliveryError | undefined): void {
    if (error?.options.reported) return;
    const nowMs = this.clock.monotonic();
    const last = this.#logged.get(key);
    if (last !== undefined && nowMs - last.atMs < LOG_EVERY_MS) {
      last.unsaid += count;
      return;
    }
    const events = count + (last?.unsaid ?? 0);
    this.#logged.set(key, { atMs: nowMs, unsaid: 0 });
    this.reporter.warn(what, { output: this.output, events, ...(error === undefined ? {} : { why: error.message }) });
  }
}
