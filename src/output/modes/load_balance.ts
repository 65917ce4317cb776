import type { Batch } from "../../metric/mod.ts";
import type { Condition } from "./condition.ts";
import { showHosts } from "./host_gauges.ts";
import { attempt, PartLimit } from "./attempt.ts";
import { pause } from "./backoff.ts";
import { Books } from "./books.ts";
import type { DeliveryError } from "../contract.ts";
import { isFree, isTemporaryBulk } from "./failures.ts";
import type { Flight } from "./flight.ts";
import { eitherSignal, Flights } from "./flights.ts";
import { HandOff, type Taker } from "./hand_off.ts";
import { type Link, type LinkContext, linkContext, linksTo, waitFor } from "./link.ts";
import type { HostClient, Mode, ModeConfig, ModeDeps, PublishOptions } from "./mode.ts";
import type { Outcome } from "./signal.ts";

/** How long sends under way may go on after `close()`. */
export const CLOSE_TIMEOUT_MS = 5_000;

/** Starts delivering over all connections at once, each taking the next batch when it is free. */
export function startLoadBalance(config: ModeConfig, clients: readonly HostClient[], deps: ModeDeps): Mode {
  return new LoadBalance(config, clients, deps);
}

/**
 * One worker a connection. Workers pull: a fast host gets more. What a worker fails to deliver goes back for any worker to
 * take, while it sees to its connection.
 */
class LoadBalance implements Mode {
  readonly #context: LinkContext;
  readonly #flights: Flights;
  readonly #handOff: HandOff;
  readonly #links: readonly Link[];
  readonly #limit: PartLimit;
  readonly #workers: Promise<unknown>;

  constructor(config: ModeConfig, clients: readonly HostClient[], deps: ModeDeps) {
    const books = new Books(config.name, "load_balance", deps.clock, deps.reporter, config.countsEvents);
    this.#context = linkContext(config, deps, books);
    this.#links = linksTo(clients, this.#context);
    this.#limit = new PartLimit(config.bulkMaxSize);
    this.#handOff = new HandOff({
      output: config.name,
      clock: deps.clock,
      books,
      timeoutMs: config.timeoutMs,
      allShut: () => this.#links.every((link) => link.isShut),
    });
    const unshow = showHosts(this.#links, {
      reporter: deps.reporter,
      labels: { output: config.name, mode: "load_balance" },
    });
    this.#flights = new Flights(config, deps.clock, books, {
      start: (flight) => this.#handOff.offer(flight),
      forget: (flight) => this.#handOff.forget(flight),
      waiting: () => this.#handOff.close(),
      idle: async () => void await this.#workers,
      closeLinks: () => Promise.all(this.#links.map((link) => link.close())),
      closed: () => {
        unshow();
        books.close();
      },
    });
    this.#workers = Promise.all(this.#links.map((link) => this.#work(link)));
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

  close(timeoutMs = this.#context.config.closeTimeoutMs ?? CLOSE_TIMEOUT_MS): Promise<void> {
    return this.#flights.close(timeoutMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The life of one worker: connect when there is something to do, take a batch, deliver it. */
  async #work(link: Link): Promise<void> {
    const { waits } = this.#flights;
    const taken = () => link.reserve();
    const taker: Taker = { admit: () => admit(link, false), taken };
    const offline: Taker = { admit: () => admit(link, true), taken };
    while (!waits.aborted) {
      const open = link.isOpen;
      if (!open) {
        await this.#handOff.demand(waits);
        if (waits.aborted) break;
      }
      const waitMs = link.waitMs();
      if (waitMs > 0) {
        await waitFor(link, waitMs, waits, this.#context);
        continue;
      }
      if (!open) {
        const error = await link.open(waits);
        if (error !== undefined) {
          link.putOff(error);
          if (link.waitMs() === 0) await pause(this.#context.clock, 0, waits);
          continue;
        }
      }
      // A client may never say that it is connected; that it could connect a moment ago has to do.
      const flight = await this.#handOff.take(link.isOpen ? taker : offline, waits);
      if (flight === undefined) continue;
      await this.#deliver(link, flight);
      this.#handOff.match(); // the host has room again
    }
  }

  /** Delivers a batch, or gives it back. */
  async #deliver(link: Link, flight: Flight): Promise<void> {
    const waits = eitherSignal(this.#flights.waits, flight.withdrawn);
    const sends = eitherSignal(this.#flights.sends, flight.withdrawn);
    for (let holds = 0;; holds++) {
      const { error } = await attempt(link, flight, this.#limit, sends, this.#context);
      if (error !== undefined) link.putOff(error);
      if (endFlight(flight, error, this.#flights.isClosing)) return;
      const inPlace = error !== undefined && isTemporaryBulk(error) && !(holds > 0 && this.#handOff.hasIdle);
      if (!inPlace) {
        this.#handOff.requeue(flight);
        if (link.waitMs() === 0) await pause(this.#context.clock, 0, this.#flights.waits);
        return;
      }
      await pause(this.#context.clock, link.waitMs(), waits);
      if (flight.isWithdrawn) return flight.cancel();
      if (this.#flights.isClosing) return flight.fail("closed");
    }
  }
}

/** Whether `link` may take a batch now. */
export function admit(link: Pick<Link, "isOpen" | "waitMs" | "gate">, offline: boolean): "yes" | "no" | "leave" {
  if ((!offline && !link.isOpen) || link.waitMs() > 0) return "leave";
  return link.gate.hasRoom ? "yes" : "no";
}

/** Ends a batch after an attempt if that was the last one; false when it is to be tried again. */
export function endFlight(flight: Flight, error: DeliveryError | undefined, closing: boolean): boolean {
  if (flight.isOver) return true;
  if (flight.isEmpty) flight.complete();
  else if (flight.isWithdrawn) flight.cancel();
  else if (closing) flight.fail("closed");
  else if (error !== undefined && flight.failAttempt(isFree(error))) flight.fail();
  return flight.isOver;
}
