/** A ring of destinations: gives each series to its owner, and follows the members that come and go. */
import type { CarriedSeries } from "./carried.ts";
import { type CarriedBatch, Destination, type DestinationLimits } from "./destination.ts";
import { HashRing } from "./hash_ring.ts";
import type { ProxyMetrics } from "./metrics.ts";
import type { ProxyTarget } from "./target.ts";

/** What a ring is given. */
export interface RingDeps {
  readonly metrics: ProxyMetrics;
  readonly newTarget: (member: string) => ProxyTarget;
}

/** Series go to their owners, one batch for each of them. */
export class DestinationRing {
  readonly #limits: DestinationLimits;
  readonly #deps: RingDeps;
  #ring = new HashRing([]);
  readonly #members = new Map<string, Destination>();
  /** Members that are gone, with requests under way. */
  readonly #leaving = new Set<Destination>();

  constructor(limits: DestinationLimits, deps: RingDeps) {
    this.#limits = limits;
    this.#deps = deps;
  }

  /** How many members there are. */
  get size(): number {
    return this.#members.size;
  }

  /** Series that wait or are under way, by member. */
  *pending(): Generator<[member: string, series: number]> {
    for (const { member, pending } of this.#all()) yield [member, pending];
  }

  /** Takes the members that are there now. What waits for one that is gone is given to those that have its keys. */
  setMembers(members: readonly string[]): void {
    this.#ring = new HashRing(members);
    const left: CarriedBatch[] = [];
    for (const [member, destination] of this.#members) {
      if (this.#ring.members.includes(member)) continue;
      this.#members.delete(member);
      this.#leaving.add(destination);
      left.push(...destination.retire());
      destination.untilIdle(new AbortController().signal).then(() => this.#leaving.delete(destination));
    }
    for (const member of this.#ring.members) {
      if (!this.#members.has(member)) this.#members.set(member, this.#newDestination(member));
    }
    for (const batch of left) this.#give(batch, (key) => this.#ring.ownerOf(key));
  }

  /** Gives series to their owners. */
  send(series: readonly CarriedSeries[]): void {
    this.#give({ series, isRetry: false }, (key) => this.#ring.ownerOf(key));
  }

  /** Resolves when nothing waits or is under way, or `signal` aborts; then the rest is given up. */
  async drain(signal: AbortSignal): Promise<void> {
    // What one refuses, another may be given meanwhile.
    while (!signal.aborted && this.#all().some(({ pending }) => pending > 0)) {
      await Promise.all(this.#all().map((destination) => destination.untilIdle(signal)));
    }
    for (const destination of this.#all()) destination.abandon();
  }

  #all(): Destination[] {
    return [...this.#members.values(), ...this.#leaving];
  }

  #give({ series, isRetry }: CarriedBatch, ownerOf: (key: string) => string | undefined, refusedBy?: string): void {
    const { metrics } = this.#deps;
    const byMember = new Map<string, CarriedSeries[]>();
    for (const one of series) {
      const owner = ownerOf(one.key) ?? "";
      const batch = byMember.get(owner);
      if (batch === undefined) byMember.set(owner, [one]);
      else batch.push(one);
    }
    for (const [member, batch] of byMember) {
      const destination = this.#members.get(member);
      if (destination === undefined) {
        // Nobody else is there: the loss is the one's that refused.
        if (refusedBy === undefined) metrics.lost("", "no_destination", batch.length);
        else metrics.lost(refusedBy, "refused", batch.length);
        continue;
      }
      if (refusedBy !== undefined) metrics.rerouted(refusedBy, batch.length);
      destination.offer({ series: batch, isRetry });
    }
  }

  #newDestination(member: string): Destination {
    return new Destination(member, this.#limits, {
      target: this.#deps.newTarget(member),
      metrics: this.#deps.metrics,
      onRefused: (batch) => this.#give(batch, (key) => this.#ring.ownerOf(key, member), member),
    });
  }
}
