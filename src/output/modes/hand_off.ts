import type { Clock } from "../../clock/mod.ts";
import { Bell } from "../bell.ts";
import type { Books } from "./books.ts";
import { DeliveryError } from "../contract.ts";
import type { Flight } from "./flight.ts";

/** Something that takes batches. */
export interface Taker {
  /** Whether it takes one now; `leave`: it has to see to its connection first. */
  admit(): "yes" | "no" | "leave";
  /** It was given one. */
  taken(): void;
}

/** How hand-offs wait. */
export interface HandOffOptions {
  readonly output: string;
  readonly clock: Clock;
  readonly books: Books;
  /** Each that passes without a taker costs one attempt; 0: none is. */
  readonly timeoutMs: number;
  /** Whether it is the hosts that keep requests away: waiting for them costs nothing. */
  readonly allShut: () => boolean;
}

interface Waiting {
  readonly flight: Flight;
  readonly timer: AbortController;
}

interface Parked {
  readonly taker: Taker;
  readonly resolve: (flight: Flight | undefined) => void;
}

/**
 * Where batches meet the workers that deliver them. New batches wait for a worker; batches to be tried again go before
 * them and are taken back without waiting, so that no worker is ever held up by another.
 */
export class HandOff {
  readonly #options: HandOffOptions;
  readonly #fresh: Waiting[] = [];
  readonly #retries: Waiting[] = [];
  readonly #parked: Parked[] = [];
  readonly #arrived = new Bell();
  #closed = false;

  constructor(options: HandOffOptions) {
    this.#options = options;
  }

  /** Batches that wait for a worker. */
  get waiting(): number {
    return this.#fresh.length + this.#retries.length;
  }

  /** Whether a worker other than the caller, who is not parked, waits for a batch. */
  get hasIdle(): boolean {
    return this.#parked.some(({ taker }) => taker.admit() === "yes");
  }

  /** Hands over a new batch. */
  offer(flight: Flight): void {
    this.#put(this.#fresh, flight);
  }

  /** Takes a batch back, to be tried again by whoever is ready. */
  requeue(flight: Flight): void {
    this.#put(this.#retries, flight);
  }

  /** The next batch for `taker`; `undefined` when it has to see to its connection, or all is over. */
  take(taker: Taker, stop: AbortSignal): Promise<Flight | undefined> {
    if (stop.aborted || this.#closed) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<Flight | undefined>();
    const parked: Parked = { taker, resolve };
    this.#parked.push(parked);
    this.match();
    return promise;
  }

  /** Lets go a taker that is parked. */
  release(taker: Taker): void {
    const at = this.#parked.findIndex((parked) => parked.taker === taker);
    if (at >= 0) this.#parked.splice(at, 1)[0]!.resolve(undefined);
  }

  /** Resolves when a batch waits that nobody took, or when `stop` aborts. */
  async demand(stop: AbortSignal): Promise<void> {
    if (this.waiting === 0) await this.#arrived.wait(stop);
  }

  /** Removes a batch that waits; false when it does not. */
  forget(flight: Flight): boolean {
    for (const queue of [this.#retries, this.#fresh]) {
      const at = queue.findIndex((waiting) => waiting.flight === flight);
      if (at < 0) continue;
      queue.splice(at, 1)[0]!.timer.abort();
      return true;
    }
    return false;
  }

  /** Lets all takers go, and returns the batches that nobody took. */
  close(): Flight[] {
    this.#closed = true;
    for (const { resolve } of this.#parked.splice(0)) resolve(undefined);
    return [...this.#retries.splice(0), ...this.#fresh.splice(0)].map(({ flight, timer }) => {
      timer.abort();
      return flight;
    });
  }

  /** Gives what waits to whoever is ready; called whenever either may have changed. */
  match(): void {
    for (let i = 0; i < this.#parked.length && this.waiting > 0;) {
      const { taker, resolve } = this.#parked[i]!;
      const answer = taker.admit();
      if (answer === "no") {
        i++;
        continue;
      }
      this.#parked.splice(i, 1);
      if (answer === "leave") {
        resolve(undefined);
        continue;
      }
      const { flight, timer } = (this.#retries.shift() ?? this.#fresh.shift())!;
      timer.abort();
      taker.taken();
      resolve(flight);
      flight.take();
    }
  }

  #put(queue: Waiting[], flight: Flight): void {
    if (this.#closed) return flight.fail("closed");
    const waiting: Waiting = { flight, timer: new AbortController() };
    queue.push(waiting);
    this.match();
    if (!queue.includes(waiting)) return;
    void this.#watch(waiting);
    this.#arrived.ring();
  }

  /** Counts the time in which nobody takes a batch. */
  async #watch({ flight, timer }: Waiting): Promise<void> {
    const { clock, timeoutMs, books, output, allShut } = this.#options;
    while (timeoutMs > 0 && !timer.signal.aborted) {
      await clock.sleep(timeoutMs, timer.signal);
      if (timer.signal.aborted || allShut()) continue;
      books.handOffTimeout();
      if (!flight.attempts.fail(false)) continue;
      this.forget(flight);
      flight.lastError ??= new DeliveryError(
        "connection",
        `Cannot deliver to output ${output}: no connection was ready to take a batch in time`,
        { label: "hand_off_timeout" },
      );
      return flight.fail();
    }
  }
}
