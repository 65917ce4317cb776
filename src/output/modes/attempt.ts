import type { Batch } from "../../metric/mod.ts";
import type { DeliveryError, PublishResult } from "../contract.ts";
import { keepsConnection, noProgress } from "./failures.ts";
import type { Flight } from "./flight.ts";
import { type Link, type LinkContext, send } from "./link.ts";

/** Cuts of one batch in search of the events that the destination refuses; what is still refused then goes as a whole. */
const MOST_CUTS = 256;

/** How an attempt to deliver all of a batch ended. */
export interface AttemptEnd {
  /** Why it ended early; absent when nothing is left. */
  readonly error?: DeliveryError;
  /** Another batch's failure on the same connection came first: this one is no news of it. */
  readonly stale?: boolean;
}

/** How many events a request may have, as the output is configured and as its destination has taught. */
export class PartLimit {
  #events: number;
  /** The limit before a batch's first request that was too large. */
  readonly #before = new WeakMap<Flight, number>();

  /** @param bulkMaxSize 0 has no bound */
  constructor(bulkMaxSize: number) {
    this.#events = bulkMaxSize > 0 ? bulkMaxSize : Infinity;
  }

  get events(): number {
    return this.#events;
  }

  /** A request with `events` of `flight` was too large. */
  tooLarge(flight: Flight, events: number): void {
    if (!this.#before.has(flight)) this.#before.set(flight, this.#events);
    this.#events = Math.max(1, Math.min(this.#events, Math.ceil(events / 2)));
  }

  /** It was one event of `flight` that was too large, and not their number: what the search for it taught is forgotten. */
  oneTooLarge(flight: Flight): void {
    this.#events = this.#before.get(flight) ?? this.#events;
  }
}

/**
 * Sends what is left of a batch, part after part, for as long as the destination takes any of it; halves what it refuses as
 * a whole. Never rejects.
 */
export async function attempt(
  link: Link,
  flight: Flight,
  limit: PartLimit,
  stop: AbortSignal,
  context: LinkContext,
): Promise<AttemptEnd> {
  const { generation } = link;
  for (let first = flight.parts[0]; first !== undefined; first = flight.parts[0]) {
    if (stop.aborted) return {};
    const part = first.ends.length > limit.events ? flight.cut(first, limit.events) : first;
    const result = await send(link, part, stop, context);
    const { acked, all } = flight.apply(part, result);
    if (acked > 0) link.acknowledge();
    const error = judge(flight, result, all, limit, context);
    if (error !== undefined) {
      flight.lastError = error;
      const stale = link.generation !== generation;
      if (!stale && !keepsConnection(error)) await link.abandon();
      return { error, stale };
    }
  }
  link.touch();
  return {};
}

/**
 * What one publish means for the rest of its attempt: `undefined`, that the next part can be sent, after this one was
 * taken, halved, rejected or lost; else the failure that ends the attempt.
 *
 * @param gone events that left the batch by it
 */
export function judge(
  flight: Flight,
  result: PublishResult,
  gone: number,
  limit: PartLimit,
  { config, books }: LinkContext,
): DeliveryError | undefined {
  const { remaining } = result;
  if (remaining === null) return undefined;
  const error = result.error ?? (gone > 0 ? undefined : noProgress(config.name));
  if (error === undefined) return undefined;
  if (error.failure === "too_large" || error.failure === "permanent") {
    refuse(flight, remaining, error, limit);
    return undefined;
  }
  if (error.failure === "ambiguous" && config.countsRepeats) flight.lose(remaining, error);
  else books.retry(remaining.ends.length);
  return error;
}

/** The destination refuses `part` as a whole: halves are tried, until it is one event that is refused. */
function refuse(flight: Flight, part: Batch, error: DeliveryError, limit: PartLimit): void {
  const count = part.ends.length;
  if (error.failure === "too_large") {
    if (count === 1) limit.oneTooLarge(flight);
    else limit.tooLarge(flight, count);
  }
  if (count === 1 || (error.failure === "permanent" && flight.cuts >= MOST_CUTS)) flight.reject(part, error);
  else flight.halve(part);
}
