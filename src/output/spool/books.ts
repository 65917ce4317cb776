import type { Clock } from "../../clock/mod.ts";
import type { Counter, Gauge, Labels, Reporter } from "../../telemetry/mod.ts";

/** How an event ends: exactly one of these. */
export type Fate = "delivered" | "duplicate" | "rejected" | "dropped";

/** A reason is logged at most this often. */
const LOG_EVERY_MS = 10_000;

/**
 * The spool's counters. For every output, at any moment, accepted = delivered + duplicate + rejected + dropped + pending.
 * The totals go on where the process before ended, as the position file has them.
 */
export class SpoolBooks {
  readonly reporter: Reporter;
  readonly #clock: Clock;
  readonly #accepted: Counter;
  readonly #fates: Readonly<Record<Fate, Counter>>;
  readonly #pendingEvents: Gauge;
  readonly #pendingBytes: Gauge;
  readonly #oldest: Gauge;
  readonly #writeErrors: Counter;
  readonly #fsyncErrors: Counter;
  readonly #truncated: Counter;
  readonly #corrupt: Counter;
  readonly #lost: Counter;
  readonly #bytes: Gauge;
  readonly #segments: Gauge;
  readonly #free: Gauge;
  readonly #waiting: Gauge;
  readonly #totals = new Map<string, Map<string, number>>();
  readonly #logged = new Map<string, { atMs: number; unsaid: number }>();

  constructor(reporter: Reporter, clock: Clock) {
    this.reporter = reporter;
    this.#clock = clock;
    const { metrics } = reporter;
    this.#accepted = metrics.counter("limier_events_accepted_total", "Events handed to an output's spool.");
    this.#fates = {
      delivered: metrics.counter("limier_events_delivered_total", "Spooled events that reached their destination."),
      duplicate: metrics.counter("limier_events_duplicate_total", "Spooled events their destination already had."),
      rejected: metrics.counter("limier_events_rejected_total", "Spooled events refused for good, by reason."),
      dropped: metrics.counter("limier_events_dropped_total", "Spooled events given up, by reason."),
    };
    this.#pendingEvents = metrics.gauge("limier_pending_events", "Spooled events not settled yet.");
    this.#pendingBytes = metrics.gauge("limier_pending_bytes", "Bytes of the spooled events not settled yet.");
    this.#oldest = metrics.gauge(
      "limier_oldest_pending_age_seconds",
      "Age of the oldest spooled event not settled yet.",
    );
    this.#writeErrors = metrics.counter("limier_spool_write_errors_total", "Writes to the spool that failed.");
    this.#fsyncErrors = metrics.counter("limier_spool_fsync_errors_total", "Syncs of the spool that failed.");
    this.#truncated = metrics.counter("limier_spool_truncated_bytes_total", "Bytes of torn tails that were cut off.");
    this.#corrupt = metrics.counter("limier_spool_corrupt_records_total", "Damaged stretches found in the spool.");
    this.#lost = metrics.counter("limier_spool_lost_events_total", "Stored events that can't be read any more.");
    this.#bytes = metrics.gauge("limier_spool_bytes", "Bytes of the spool's files.");
    this.#segments = metrics.gauge("limier_spool_segments", "Files that hold the spool's events.");
    this.#waiting = metrics.gauge("limier_spool_waiting_bytes", "Bytes handed to the spool and not stored yet.");
    this.#waiting.set(0);
    this.#free = metrics.gauge("limier_spool_free_bytes", "Bytes free where the spool is.");
  }

  /** Totals of an output from before this process. @param pending its events that are still stored */
  restore(output: string, totals: ReadonlyMap<string, number>, pending: number): void {
    this.#totals.set(output, new Map());
    let sum = pending;
    for (const [label, value] of totals) {
      const [fate, reason] = splitLabel(label);
      if (!(fate in this.#fates)) continue;
      this.#totals.get(output)!.set(label, value);
      raiseTo(this.#fates[fate as Fate], value, reason === "" ? { output } : { output, reason });
      sum += value;
    }
    raiseTo(this.#accepted, sum, { output });
    this.#fates.delivered.inc(0, { output }); // shows from the start
  }

  accept(output: string, events: number): void {
    this.#accepted.inc(events, { output });
  }

  /** A destination dealt with events; whoever heard its answer has logged it. */
  answered(output: string, fate: Fate, reason: string, events: number): void {
    if (events > 0) this.#settle(output, fate, reason, events);
  }

  /** Events ended. Losses are logged, each reason once in ten seconds. */
  settle(output: string, fate: Fate, reason: string, events: number): void {
    if (events === 0) return;
    this.#settle(output, fate, reason, events);
    if (fate === "dropped" || fate === "rejected") {
      this.warn(
        `${fate}:${reason}:${output}`,
        `Events of output ${output} were ${fate} (${reason})`,
        { output },
        events,
      );
    }
  }

  /** How the events of an output ended so far. */
  totals(output: string): ReadonlyMap<string, number> {
    return this.#totals.get(output) ?? new Map();
  }

  setPending(output: string, pending: { readonly events: number; readonly bytes: number }): void {
    this.#pendingEvents.set(pending.events, { output });
    this.#pendingBytes.set(pending.bytes, { output });
  }

  setOldestAge(output: string, seconds: number): void {
    this.#oldest.set(seconds, { output });
  }

  setFiles(bytes: number, segments: number): void {
    this.#bytes.set(bytes);
    this.#segments.set(segments);
  }

  setWaiting(bytes: number): void {
    this.#waiting.set(bytes);
  }

  setFree(bytes: number): void {
    this.#free.set(bytes);
  }

  writeFailed(what: string, error: unknown): void {
    this.#writeErrors.inc();
    this.warn("write", `Cannot write to the spool: ${what} failed`, { error });
  }

  fsyncFailed(path: string, error: unknown): void {
    this.#fsyncErrors.inc();
    this.warn("fsync", "Cannot be sure that the spool is on the disk: what was not is written again", { path, error });
  }

  /** A torn tail was cut off. */
  truncated(path: string, bytes: number): void {
    this.#truncated.inc(bytes);
    this.reporter.warn(`Cut a torn tail of ${bytes} bytes off the spool`, { path, bytes });
  }

  /** A stretch of damage. */
  corrupt(path: string, from: number, to: number): void {
    this.#corrupt.inc();
    this.warn("corrupt", "Skipped a damaged part of the spool", { path, from, to });
  }

  lost(events: number): void {
    this.#lost.inc(events);
  }

  /** Logs what `key` stands for, once in ten seconds; `count` sums up what was left unsaid. */
  warn(key: string, message: string, fields: Readonly<Record<string, unknown>>, count?: number): void {
    const nowMs = this.#clock.monotonic();
    const last = this.#logged.get(key);
    if (last !== undefined && nowMs - last.atMs < LOG_EVERY_MS) {
      last.unsaid += count ?? 1;
      return;
    }
    const sum = (count ?? 0) + (last?.unsaid ?? 0);
    this.#logged.set(key, { atMs: nowMs, unsaid: 0 });
    this.reporter.warn(message, count === undefined ? fields : { ...fields, events: sum });
  }

  #settle(output: string, fate: Fate, reason: string, events: number): void {
    const label = reason === "" ? fate : `${fate}:${reason}`;
    const totals = this.#totals.get(output) ?? new Map<string, number>();
    this.#totals.set(output, totals.set(label, (totals.get(label) ?? 0) + events));
    this.#fates[fate].inc(events, reason === "" ? { output } : { output, reason });
  }
}

/** A spool opened again in the same process finds its counters where they were. */
function raiseTo(counter: Counter, value: number, labels: Labels): void {
  counter.inc(value - counter.value(labels), labels);
}

function splitLabel(label: string): [fate: string, reason: string] {
  const colon = label.indexOf(":");
  return colon < 0 ? [label, ""] : [label.slice(0, colon), label.slice(colon + 1)];
}
