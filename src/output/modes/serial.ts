import type { Batch } from "../../metric/mod.ts";
import type { Condition } from "./condition.ts";
import { showHosts } from "./host_gauges.ts";
import { attempt, type AttemptEnd, PartLimit } from "./attempt.ts";
import { pause } from "./backoff.ts";
import { Books } from "./books.ts";
import { isFree, isTemporaryBulk } from "./failures.ts";
import type { Flight } from "./flight.ts";
import { eitherSignal, Flights } from "./flights.ts";
import { HostRing } from "./host_ring.ts";
import { type Link, type LinkContext, linkContext, linksTo, waitFor } from "./link.ts";
import type { HostClient, Mode, ModeConfig, ModeDeps, PublishOptions } from "./mode.ts";
import type { Outcome } from "./signal.ts";

/** What a serial mode is called, and how many batches it has under way. */
export interface SerialOptions {
  readonly mode: "single" | "failover";
  /** More than 1 only where the clients allow it. @default 1 */
  readonly width?: number;
}

/**
 * Batches in the order they come, over one connection at a time. With one host that is the single mode; with several,
 * failover: a failed attempt moves on to the next host at once, and waiting begins when all of them have failed.
 */
export class SerialMode implements Mode {
  readonly #context: LinkContext;
  readonly #flights: Flights;
  readonly #links: readonly Link[];
  readonly #ring: HostRing;
  readonly #limit: PartLimit;
  readonly #width: number;
  readonly #queue: Flight[] = [];
  #active = 0;
  #idle: (() => void) | undefined;
  /** The host that had the last success, to tell a change of hosts from a first choice. */
  #previous: Link | undefined;

  /** @param clients one for each distinct host */
  constructor(config: ModeConfig, clients: readonly HostClient[], deps: ModeDeps, { mode, width = 1 }: SerialOptions) {
    const books = new Books(config.name, mode, deps.clock, deps.reporter, config.countsEvents);
    this.#context = linkContext(config, deps, books);
    this.#links = linksTo(clients, this.#context);
    this.#ring = new HostRing(this.#links, this.#context.random);
    this.#limit = new PartLimit(config.bulkMaxSize);
    this.#width = width;
    const unshow = showHosts(this.#links, {
      reporter: deps.reporter,
      labels: { output: config.name, mode },
      ...(mode === "failover" ? { active: () => this.#ring.active } : {}),
    });
    this.#flights = new Flights(config, deps.clock, books, {
      start: (flight) => {
        this.#queue.push(flight);
        this.#pump();
      },
      forget: (flight) => {
        const at = this.#queue.indexOf(flight);
        if (at >= 0) this.#queue.splice(at, 1);
        return at >= 0;
      },
      waiting: () => this.#queue.splice(0),
      idle: () => this.#active === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle = resolve),
      closeLinks: () => Promise.all(this.#links.map((link) => link.close())),
      closed: () => {
        unshow();
        books.close();
      },
    });
  }

  get done(): Promise<void> {
    return this.#flights.done;
  }

  get condition(): Condition {
    return this.#context.books.condition;
  }

  publish(batch: Batch, options: PublishOptions = {}): Promise<Outcome> {
    return this.#flights.begin(batch, options, this.#links.length > 0);
  }

  close(timeoutMs = this.#context.config.closeTimeoutMs ?? 0): Promise<void> {
    return this.#flights.close(timeoutMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #pump(): void {
    while (this.#active < this.#width) {
      const flight = this.#queue.shift();
      if (flight === undefined) break;
      this.#active++;
      void this.#run(flight).finally(() => {
        this.#active--;
        this.#pump();
        if (this.#active === 0) this.#idle?.();
      });
    }
  }

  async #run(flight: Flight): Promise<void> {
    flight.take();
    const waits = eitherSignal(this.#flights.waits, flight.withdrawn);
    const sends = eitherSignal(this.#flights.sends, flight.withdrawn);
    let rounds = this.#ring.failedRounds;
    for (;;) {
      if (flight.isWithdrawn) return flight.cancel();
      if (this.#flights.isClosing) return flight.fail("closed");
      const link = this.#ring.pick();
      const waitMs = link.waitMs();
      if (waitMs > 0) {
        await waitFor(link, waitMs, waits, this.#context);
        continue;
      }
      const end = await this.#try(link, flight, sends);
      if (flight.isEmpty) {
        if (end.error === undefined) this.#succeed(link);
        await this.#fail(link, end); // what was lost is not delivered
        return flight.complete();
      }
      if (flight.isWithdrawn) return flight.cancel();
      if (end.error === undefined) continue; // ended in the middle, by closing
      const free = isFree(end.error);
      await this.#fail(link, end);
      if (this.#flights.isClosing) return flight.fail("closed");
      flight.failAttempt(free || (end.connecting ?? false));
      for (; rounds < this.#ring.failedRounds; rounds++) flight.attempts.fail(false);
      if (flight.attempts.spent) return flight.fail();
      // A wait of nothing must not become a loop that nothing else gets into.
      if (link.waitMs() === 0) await pause(this.#context.clock, 0, waits);
    }
  }

  /** One attempt at connecting where that is needed, and at sending everything. */
  async #try(link: Link, flight: Flight, sends: AbortSignal): Promise<AttemptEnd & { readonly connecting?: boolean }> {
    if (!link.isOpen) {
      const opened = await withdrawable(link.open(this.#flights.waits), flight.withdrawn);
      if (opened !== undefined) {
        flight.lastError = opened;
        return { error: opened, connecting: true };
      }
      if (sends.aborted) return {};
    }
    return await attempt(link, flight, this.#limit, sends, this.#context);
  }

  #succeed(link: Link): void {
    if (this.#previous !== undefined && this.#previous !== link) this.#context.books.failover();
    this.#previous = link;
    this.#ring.succeed();
  }

  async #fail(link: Link, end: AttemptEnd & { readonly connecting?: boolean }): Promise<void> {
    const { error, stale } = end;
    if (error === undefined) return;
    if (stale || link !== this.#ring.active) return link.honour(error);
    link.putOff(error);
    const temporary = isTemporaryBulk(error);
    const moves = this.#ring.fail(link, {
      connecting: end.connecting ?? false,
      temporary,
      stays: error.failure === "throttle",
      free: isFree(error),
    });
    // The abandoned connection is closed before the next one opens.
    if (moves && (temporary || end.connecting)) await link.abandon();
  }
}

/** What `work` yields, or nothing as soon as `withdrawn` aborts: a connect goes on, for the next batch. */
async function withdrawable<Value>(
  work: Promise<Value>,
  withdrawn: AbortSignal | undefined,
): Promise<Value | undefined> {
  if (withdrawn === undefined) return await work;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const end = () => resolve(undefined);
  if (withdrawn.aborted) end();
  withdrawn.addEventListener("abort", end);
  const value = await Promise.race([work, promise]);
  withdrawn.removeEventListener("abort", end);
  return value;
}
