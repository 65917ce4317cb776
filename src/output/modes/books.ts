import type { Clock } from "../../clock/mod.ts";
import type { Batch } from "../../metric/mod.ts";
import type { CounterChild, GaugeChild, HistogramChild, Labels, Reporter } from "../../telemetry/mod.ts";
import type { DeliveryError, PublishResult } from "../contract.ts";
import { type Condition, CONDITION_STATES, conditionAfter } from "./condition.ts";
import type { Outcome, SignalWatch } from "./signal.ts";

/** A reason is logged at most this often. */
const LOG_EVERY_MS = 10_000;

/** Bounds of histograms, in seconds. */
const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300];

/** Bounds of histograms, in events. */
const EVENTS = [1, 10, 100, 1_000, 10_000, 100_000];

/**
 * Keeps a mode's books: accepted = delivered + duplicate + rejected + dropped + pending, in events, at any moment. Losses
 * are counted by reason and logged, each reason once in ten seconds.
 */
export class Books implements SignalWatch {
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  readonly #labels: Labels;
  readonly #countsEvents: boolean;
  readonly #children = new Map<string, CounterChild>();
  readonly #gauges = new Map<string, GaugeChild>();
  readonly #logged = new Map<string, { atMs: number; unsaid: number }>();
  readonly #latency: HistogramChild;
  readonly #sizes: HistogramChild;
  readonly #durations: HistogramChild;
  readonly #unshow: () => void;
  #condition: Condition;
  /** Somebody was told that it fails, and has not been told that it does no more. */
  #toldFailing = false;
  #pendingEvents = 0;
  #pendingBytes = 0;
  #batches = 0;

  /** @param countsEvents false: the events are another's to count, and only what happens to them on the way is counted here */
  constructor(readonly output: string, readonly mode: string, clock: Clock, reporter: Reporter, countsEvents = true) {
    this.#countsEvents = countsEvents;
    this.#clock = clock;
    this.#reporter = reporter;
    this.#labels = { output, mode };
    const { metrics } = reporter;
    this.#latency = metrics.histogram(
      "limier_request_duration_seconds",
      "Attempts to publish, by how long they took.",
      SECONDS,
    )
      .child(this.#labels);
    this.#sizes = metrics.histogram("limier_request_events", "Events of an attempt to publish.", EVENTS)
      .child(this.#labels);
    this.#durations = metrics.histogram(
      "limier_delivery_duration_seconds",
      "From accepting a batch to its end.",
      SECONDS,
    )
      .child(this.#labels);
    this.#condition = { state: "delivering", sinceMs: clock.now() };
    const state = metrics.gauge("limier_output_state", "1 for what an output is doing, 0 for what it is not.");
    const of = (name: string) => ({ ...this.#labels, state: name });
    const remove = metrics.onCollect(() => {
      for (const name of CONDITION_STATES) state.set(Number(name === this.condition.state), of(name));
    });
    this.#unshow = () => {
      remove();
      for (const name of CONDITION_STATES) state.remove(of(name));
    };
  }

  /** The clock's monotonic time, in milliseconds. */
  monotonic(): number {
    return this.#clock.monotonic();
  }

  accept(batch: Batch): void {
    this.#batches++;
    if (!this.#countsEvents) return;
    this.#count("events_accepted", "Events handed to an output.", batch.ends.length);
    this.#count("bytes_accepted", "Bytes of events handed to an output.", batch.bytes.length);
    this.#pend(batch.ends.length, batch.bytes.length);
  }

  /** Events left a batch; `bytes` are theirs, whatever became of them. */
  gone(acked: number, duplicate: number, rejected: number, bytes: number): void {
    if (!this.#countsEvents) return;
    this.#count("events_delivered", "Events that reached their destination.", acked);
    if (duplicate > 0) this.#count("events_duplicate", "Events their destination had already.", duplicate);
    this.#count("bytes_delivered", "Bytes of events that a destination has dealt with.", bytes);
    this.#pend(-acked - duplicate - rejected, -bytes);
  }

  /** The destination will never take them; `gone()` tells of their leaving. */
  reject(reason: string, count: number, error?: DeliveryError): void {
    if (this.#countsEvents) this.#count("events_rejected", "Events their destination refused.", count, { reason });
    this.#log(`rejected:${reason}`, count, `Output ${this.output} refused events for good (${reason})`, error);
  }

  /** They are given up. */
  drop(reason: string, events: number, bytes: number, error?: DeliveryError): void {
    if (!this.#countsEvents) return;
    this.#count("events_dropped", "Events given up.", events, { reason });
    this.#count("bytes_dropped", "Bytes of events given up.", bytes, { reason });
    this.#pend(-events, -bytes);
    this.#log(`dropped:${reason}`, events, `Cannot deliver events of output ${this.output} (${reason})`, error);
  }

  /** A batch that was accepted at `acceptedMs` of monotonic time ended. */
  end(kind: Outcome["kind"], acceptedMs: number): void {
    this.#batches--;
    this.#durations.observe((this.#clock.monotonic() - acceptedMs) / 1_000);
    this.#count("batches", "Batches that ended, by how.", 1, { result: kind });
    this.#gauge("in_flight_batches", "Batches accepted and not yet ended.").set(this.#batches);
  }

  signalled(kind: Outcome["kind"]): void {
    this.#count("signals", "Signals given, one for each batch.", 1, { kind });
  }

  duplicateReport(): void {
    this.#count("duplicate_reports", "Reports about what had ended before; they change nothing.", 1);
  }

  receiverFailed(error: unknown): void {
    this.#count("signal_receiver_errors", "Receivers of signals that threw.", 1);
    this.#log("receiver", 1, `A receiver of output ${this.output}'s signals failed`, undefined, error);
  }

  /** One publish of `events` ended after `latencyMs`. */
  attempt({ remaining, error }: PublishResult, events: number, latencyMs: number): void {
    const outcome = error?.failure ?? (remaining === null ? "ok" : "partial");
    this.#count("attempts", "Attempts to publish, by how they ended.", 1, { class: outcome });
    this.#latency.observe(latencyMs / 1_000);
    this.#sizes.observe(events);
    this.#become(conditionAfter(error), error);
  }

  /** A connect ended. */
  connect(host: string, error: DeliveryError | undefined): void {
    const result = error === undefined ? "ok" : "failed";
    this.#count("connects", "Connections made and not made.", 1, { host, result });
    if (error !== undefined) this.#become(conditionAfter(error), error);
  }

  /** How the output is doing. */
  get condition(): Condition {
    return this.#batches === 0 && this.#condition.state === "delivering"
      ? { ...this.#condition, state: "idle" }
      : this.#condition;
  }

  /** The mode is closed: what is only true of a running one is shown no more. */
  close(): void {
    this.#unshow();
  }

  retry(events: number): void {
    this.#count("events_retried", "Events to be sent again.", events);
  }

  failover(): void {
    this.#count("failovers", "Changes to another host.", 1);
  }

  handOffTimeout(): void {
    this.#count("handoff_timeouts", "Waits for a connection that took too long.", 1);
  }

  split(): void {
    this.#count("batch_splits", "Batches cut because they could not go as a whole.", 1);
  }

  retryAfterHonoured(): void {
    this.#count("retry_after_honoured", "Waits that a destination asked for.", 1);
  }

  /** A warning of the mode's own; once in ten seconds for each `key`. */
  warn(key: string, message: string): void {
    this.#log(key, 1, message);
  }

  #become(state: Condition["state"], error: DeliveryError | undefined): void {
    const before = this.#condition.state;
    if (state === before) return;
    this.#condition = {
      state,
      sinceMs: this.#clock.now(),
      ...(state === "delivering" || !error ? {} : { why: error }),
    };
    if (state !== "delivering") {
      if (before === "delivering") {
        this.#log("failing", 1, `Output ${this.output} can't deliver and goes on trying`, error);
      }
      this.#toldFailing ||= before === "delivering" && this.#logged.get("failing")?.unsaid === 0;
    } else if (this.#toldFailing) {
      this.#toldFailing = false;
      this.#reporter.info(`Output ${this.output} delivers again`, { output: this.output });
    }
  }

  #count(name: string, help: string, by: number, more?: Labels): void {
    const key = more === undefined ? name : `${name}\0${Object.values(more).join("\0")}`;
    let child = this.#children.get(key);
    if (child === undefined) {
      child = this.#reporter.metrics.counter(`limier_${name}_total`, help).child({ ...this.#labels, ...more });
      this.#children.set(key, child);
    }
    child.inc(by);
  }

  #gauge(name: string, help: string): GaugeChild {
    let child = this.#gauges.get(name);
    if (child === undefined) {
      child = this.#reporter.metrics.gauge(`limier_${name}`, help).child(this.#labels);
      this.#gauges.set(name, child);
    }
    return child;
  }

  #pend(events: number, bytes: number): void {
    this.#pendingEvents += events;
    this.#pendingBytes += bytes;
    this.#gauge("pending_events", "Events accepted and not yet settled.").set(this.#pendingEvents);
    this.#gauge("pending_bytes", "Bytes of events accepted and not yet settled.").set(this.#pendingBytes);
  }

  #log(key: string, count: number, what: string, error?: DeliveryError, thrown?: unknown): void {
    if (error?.options.reported) return;
    const nowMs = this.#clock.monotonic();
    const last = this.#logged.get(key);
    if (last !== undefined && nowMs - last.atMs < LOG_EVERY_MS) {
      last.unsaid += count;
      return;
    }
    const events = count + (last?.unsaid ?? 0);
    this.#logged.set(key, { atMs: nowMs, unsaid: 0 });
    this.#reporter.warn(what, {
      output: this.output,
      events,
      ...(error === undefined ? {} : { why: error.message }),
      ...(thrown === undefined ? {} : { error: thrown }),
    });
  }
}
