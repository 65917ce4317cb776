/** One member of the ring: the batches that wait for it, and those under way. */
import type { CarriedSeries } from "./carried.ts";
import type { LossReason, ProxyMetrics } from "./metrics.ts";
import type { ProxyTarget } from "./target.ts";

/** Series for one member, from one request. */
export interface CarriedBatch {
  readonly series: readonly CarriedSeries[];
  /** Another member has refused them. */
  readonly isRetry: boolean;
}

/** Bounds of a destination. */
export interface DestinationLimits {
  /** Series that wait or are under way. */
  readonly maxSeries: number;
  /** Requests under way. */
  readonly maxRequests: number;
}

/** What a destination is given. */
export interface DestinationDeps {
  readonly target: ProxyTarget;
  readonly metrics: ProxyMetrics;
  /** Is given series that the member certainly did not take, and nobody has refused before: as a retry. */
  readonly onRefused: (batch: CarriedBatch) => void;
}

/**
 * Sends batches to a member, several at once. Each of its series ends as delivered, handed to `onRefused`, or lost for a
 * reason that is counted; what may have been taken is never sent again.
 */
export class Destination {
  readonly #limits: DestinationLimits;
  readonly #deps: DestinationDeps;
  #waiting: CarriedBatch[] = [];
  #underWay = new Set<CarriedBatch>();
  #series = 0;
  #retired = false;
  #isClosed = false;
  readonly #idle = new Set<() => void>();

  constructor(readonly member: string, limits: DestinationLimits, deps: DestinationDeps) {
    this.#limits = limits;
    this.#deps = deps;
  }

  /** Series that wait or are under way. */
  get pending(): number {
    return this.#series;
  }

  /** Takes a batch, as much of it as there is room for; the rest is lost. */
  offer(batch: CarriedBatch): void {
    const room = this.#limits.maxSeries - this.#series;
    const taken = batch.series.length <= room ? batch : { ...batch, series: batch.series.slice(0, room) };
    this.#lost("queue_full", batch.series.length - taken.series.length);
    if (taken.series.length === 0) return;
    this.#series += taken.series.length;
    this.#waiting.push(taken);
    this.#sendNext();
  }

  /** Resolves when nothing waits or is under way, or `signal` aborts. */
  untilIdle(signal: AbortSignal): Promise<void> {
    if (this.#series === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.add(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Takes back what waits. What is under way ends by itself, and then the connections are given back. */
  retire(): CarriedBatch[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { series } of waiting) this.#series -= series.length;
    this.#retired = true;
    this.#settle();
    return waiting;
  }

  /** Gives up everything: what waits is lost for certain, what is under way may arrive. */
  abandon(): void {
    for (const { series } of this.retire()) this.#lost("stopping", series.length);
    for (const { series } of this.#underWay) this.#lost("ambiguous", series.length);
    this.#underWay.clear();
    this.#series = 0;
    this.#settle();
  }

  #sendNext(): void {
    while (this.#underWay.size < this.#limits.maxRequests) {
      const batch = this.#waiting.shift();
      if (batch === undefined) return;
      this.#underWay.add(batch);
      this.#send(batch);
    }
  }

  async #send(batch: CarriedBatch): Promise<void> {
    const { target, metrics } = this.#deps;
    const { parts, unfit } = await target.send(batch.series);
    if (!this.#underWay.delete(batch)) return; // abandoned meanwhile, and counted
    this.#series -= batch.series.length;
    const sent = unfit.length === 0 ? batch.series : batch.series.filter((one) => !unfit.includes(one));
    const refused = sent.slice(parts.delivered + parts.ambiguous);
    metrics.request(this.member, parts.ambiguous > 0 ? "ambiguous" : refused.length > 0 ? "refused" : "delivered");
    if (parts.delivered > 0) metrics.delivered(this.member, parts.delivered);
    this.#lost("unfit", unfit.length);
    this.#lost("ambiguous", parts.ambiguous);
    if (batch.isRetry) this.#lost("refused", refused.length);
    else if (refused.length > 0) this.#deps.onRefused({ series: refused, isRetry: true });
    this.#sendNext();
    this.#settle();
  }

  #settle(): void {
    if (this.#series > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
    if (!this.#retired || this.#isClosed) return;
    this.#isClosed = true;
    this.#deps.target.close();
  }

  #lost(reason: LossReason, series: number): void {
    if (series > 0) this.#deps.metrics.lost(this.member, reason, series);
  }
}
