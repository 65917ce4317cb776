import type { Batch } from "../../metric/mod.ts";
import type { Condition } from "./condition.ts";
import { showHosts } from "./host_gauges.ts";
import { judge, PartLimit } from "./attempt.ts";
import type { AsyncClient } from "./async_client.ts";
import { pause } from "./backoff.ts";
import { Bell } from "../bell.ts";
import { Books } from "./books.ts";
import { DeliveryError, type PublishResult } from "../contract.ts";
import { keepsConnection } from "./failures.ts";
import type { Flight } from "./flight.ts";
import { Flights } from "./flights.ts";
import { HandOff, type Taker } from "./hand_off.ts";
import { type Link, type LinkContext, linkContext, linksTo, waitFor } from "./link.ts";
import { admit, CLOSE_TIMEOUT_MS, endFlight } from "./load_balance.ts";
import type { HostClient, Mode, ModeConfig, ModeDeps, PublishOptions } from "./mode.ts";
import type { Outcome } from "./signal.ts";
import { Transaction } from "./transaction.ts";
import { Window } from "./window.ts";

/** Batches outstanding on one connection, unless told otherwise. */
const PIPELINING = 2;

/** Timeouts in a row after which a connection is closed. */
const MOST_TIMEOUTS = 3;

/** How long a destination may stay alive without progress. */
const PROGRESS_TIMEOUT_MS = 300_000;

/** Starts delivering over all connections at once, with several sends outstanding on each. */
export function startAsyncBalance(
  config: ModeConfig,
  clients: readonly HostClient<AsyncClient>[],
  deps: ModeDeps,
): Mode {
  return new AsyncBalance(config, clients, deps);
}

/** The balancer whose workers go on with the next batch before the last one is acknowledged. */
class AsyncBalance implements Mode {
  readonly #config: ModeConfig;
  readonly #flights: Flights;
  readonly #workers: readonly AsyncWorker[];
  readonly #running: Promise<unknown>;
  readonly #books: Books;

  constructor(config: ModeConfig, clients: readonly HostClient<AsyncClient>[], deps: ModeDeps) {
    this.#config = config;
    const books = new Books(config.name, "async_balance", deps.clock, deps.reporter, config.countsEvents);
    const context = linkContext(config, deps, books);
    const links = linksTo(clients, context);
    const handOff = new HandOff({
      output: config.name,
      clock: deps.clock,
      books,
      timeoutMs: config.timeoutMs,
      allShut: () => links.every((link) => link.isShut),
    });
    this.#books = books;
    const unshow = showHosts(links, {
      reporter: deps.reporter,
      labels: { output: config.name, mode: "async_balance" },
    });
    this.#flights = new Flights(config, deps.clock, books, {
      start: (flight) => handOff.offer(flight),
      forget: (flight) => handOff.forget(flight) || this.#workers.some((worker) => worker.withdraw(flight)),
      waiting: () => handOff.close(),
      idle: async () => void await this.#running,
      closeLinks: () => Promise.all(this.#workers.map((worker) => worker.close())),
      closed: () => {
        unshow();
        books.close();
      },
    });
    const limit = new PartLimit(config.bulkMaxSize);
    this.#workers = links.map((link) => new AsyncWorker(link, context, this.#flights, handOff, limit));
    this.#running = Promise.all(this.#workers.map((worker) => worker.run()));
  }

  get done(): Promise<void> {
    return this.#flights.done;
  }

  get condition(): Condition {
    return this.#books.condition;
  }

  publish(batch: Batch, options: PublishOptions = {}): Promise<Outcome> {
    return this.#flights.begin(batch, options, this.#workers.length > 0);
  }

  close(timeoutMs = this.#config.closeTimeoutMs ?? CLOSE_TIMEOUT_MS): Promise<void> {
    return this.#flights.close(timeoutMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A batch on one worker, from being taken until all that was sent of it is reported: one attempt. */
interface Pickup {
  readonly flight: Flight;
  readonly sent: Set<Batch>;
  error: DeliveryError | undefined;
}

/** One connection: its outstanding transactions, and the batches they are of. */
class AsyncWorker {
  readonly #link: Link<AsyncClient>;
  readonly #context: LinkContext;
  readonly #flights: Flights;
  readonly #handOff: HandOff;
  readonly #limit: PartLimit;
  /** Only where transactions start small. */
  readonly #window: Window | undefined;
  readonly #depth: number;
  readonly #pickups: Pickup[] = [];
  readonly #outstanding = new Set<Transaction>();
  readonly #changed = new Bell();
  #timeouts = 0;
  #connected = false;
  #taker: Taker | undefined;

  constructor(link: Link<AsyncClient>, context: LinkContext, flights: Flights, handOff: HandOff, limit: PartLimit) {
    const { bulkMaxSize, slowStart = false, pipelining = PIPELINING } = context.config;
    this.#link = link;
    this.#context = context;
    this.#flights = flights;
    this.#handOff = handOff;
    this.#limit = limit;
    this.#depth = Math.max(1, pipelining);
    this.#window = slowStart ? new Window({ max: bulkMaxSize }) : undefined;
  }

  /** Until closing: connect when there is something to do, and keep the connection full. */
  async run(): Promise<void> {
    const link = this.#link;
    const { waits } = this.#flights;
    while (!waits.aborted) {
      const unsent = this.#nextUnsent();
      const full = this.#outstanding.size >= this.#depth ||
        (unsent !== undefined && this.#outstanding.size > 0 && !link.gate.hasRoom);
      if (full) {
        await this.#changed.wait(waits);
        continue;
      }
      this.#connected = link.isOpen || (this.#connected && this.#outstanding.size > 0);
      if (!this.#connected && unsent === undefined) {
        await this.#handOff.demand(waits);
        if (waits.aborted) break;
      }
      const waitMs = link.waitMs();
      if (waitMs > 0) {
        await waitFor(link, waitMs, waits, this.#context);
        continue;
      }
      if (!this.#connected && !await this.#open()) continue;
      if (unsent !== undefined) this.#send(unsent);
      else await this.#take();
    }
    for (const pickup of [...this.#pickups]) this.#finish(pickup);
    while (this.#outstanding.size > 0) await this.#changed.wait(NEVER);
  }

  async #take(): Promise<void> {
    const link = this.#link;
    const offline = !link.isOpen;
    this.#taker = { admit: () => admit(link, offline), taken: () => link.reserve() };
    const flight = await this.#handOff.take(this.#taker, this.#flights.waits);
    if (flight === undefined) return;
    const pickup: Pickup = { flight, sent: new Set(), error: undefined };
    this.#pickups.push(pickup);
    this.#connected = true;
    this.#send(pickup);
  }

  /** A batch that is here was withdrawn: its sends go on, what they report is nobody's any more. */
  withdraw(flight: Flight): boolean {
    const at = this.#pickups.findIndex((pickup) => pickup.flight === flight);
    if (at < 0) return false;
    this.#pickups.splice(at, 1);
    return true;
  }

  /** Ends what is outstanding, in the order it was sent, and closes the connection. */
  async close(): Promise<void> {
    this.#failOutstanding("closed");
    await this.#link.close();
  }

  async #open(): Promise<boolean> {
    const link = this.#link;
    const error = await link.open(this.#flights.waits);
    if (error === undefined) return this.#connected = true;
    link.putOff(error);
    if (link.waitMs() === 0) await pause(this.#context.clock, 0, this.#flights.waits);
    return false;
  }

  /** The oldest batch here of which there is something to send. */
  #nextUnsent(): Pickup | undefined {
    return this.#pickups.find(({ flight, sent, error }) =>
      error === undefined && flight.parts.some((part) => !sent.has(part))
    );
  }

  #send(pickup: Pickup): void {
    const { flight, sent } = pickup;
    const { config, clock, books } = this.#context;
    const whole = flight.parts.find((part) => !sent.has(part));
    if (whole === undefined) return this.#finish(pickup);
    const most = Math.min(this.#window?.size ?? Infinity, this.#limit.events);
    const of = whole.ends.length;
    const part = of > most ? flight.cut(whole, most) : whole;
    const { generation } = this.#link;
    const transaction = new Transaction(part, {
      output: config.name,
      clock,
      books,
      timeoutMs: config.timeoutMs,
      progressTimeoutMs: config.progressTimeoutMs ?? PROGRESS_TIMEOUT_MS,
    }, (result, why) => this.#ended(pickup, transaction, result, why, of, generation));
    sent.add(part);
    this.#outstanding.add(transaction);
    this.#link.gate.begin(transaction.startMs);
    const refused = transaction.begin(this.#link.client);
    if (refused !== undefined) {
      this.#ended(pickup, transaction, { remaining: part, error: refused }, "refused", of, generation);
    }
  }

  /**
   * @param of events of what the transaction's part was cut from
   * @param generation the connection's, when it began
   */
  #ended(
    pickup: Pickup,
    transaction: Transaction,
    result: PublishResult,
    why: "reported" | "timeout" | "protocol" | "refused",
    of: number,
    generation: number,
  ): void {
    const { clock, books } = this.#context;
    const { part } = transaction;
    const { flight } = pickup;
    this.#outstanding.delete(transaction);
    pickup.sent.delete(part);
    const nowMs = clock.monotonic();
    const failed = result.remaining !== null && result.error !== undefined;
    this.#link.gate.end(failed ? result.error : undefined, nowMs - transaction.startMs, nowMs);
    books.attempt(result, part.ends.length, nowMs - transaction.startMs);

    const { acked, all } = flight.apply(part, result);
    if (acked > 0) this.#link.acknowledge();
    if (result.remaining === null) this.#window?.succeed(part.ends.length, of);
    else if (failed) this.#window?.fail();
    this.#timeouts = why === "timeout" ? this.#timeouts + 1 : 0;

    const error = flight.isOver ? result.error : judge(flight, result, all, this.#limit, this.#context);
    if (error !== undefined) {
      pickup.error ??= error;
      flight.lastError = error;
      this.#fail(error, why, generation);
    }
    if (result.remaining !== null && result.error === undefined && all > 0) pickup.sent.add(result.remaining); // others may take it
    this.#finish(pickup);
    this.#changed.ring();
    // It may be waiting for a batch while there is something to send again, or to connect for.
    if (this.#taker !== undefined && (error !== undefined || this.#nextUnsent())) this.#handOff.release(this.#taker);
    this.#handOff.match(); // the host has room again
  }

  /** What a failure means for the connection, as against for the batch. */
  #fail(error: DeliveryError, why: string, generation: number): void {
    const link = this.#link;
    if (link.generation === generation) link.putOff(error);
    else link.honour(error);
    const lost = why === "refused" || why === "protocol" || this.#timeouts >= MOST_TIMEOUTS ||
      (why !== "timeout" && !keepsConnection(error) && !link.client.isConnected);
    if (!lost || !this.#connected) return; // what it takes along fails for the same reason
    this.#timeouts = 0;
    this.#connected = false;
    this.#failOutstanding("connection lost");
    void link.close();
  }

  #failOutstanding(why: string): void {
    const message = `Cannot deliver to output ${this.#context.config.name}: ${why} before an answer came`;
    const error = new DeliveryError("ambiguous", message, { label: "connection_lost" });
    for (const transaction of [...this.#outstanding]) transaction.fail(error);
  }

  /** Ends the attempt when nothing of it is outstanding and nothing more is to be sent of it here. */
  #finish(pickup: Pickup): void {
    const { flight, sent, error } = pickup;
    const outstanding = [...this.#outstanding].some(({ part }) => sent.has(part));
    if (outstanding) return;
    const unsent = flight.parts.some((part) => !sent.has(part));
    if (unsent && error === undefined && !this.#flights.isClosing) return;
    const at = this.#pickups.indexOf(pickup);
    if (at < 0) return; // withdrawn
    this.#pickups.splice(at, 1);
    if (!endFlight(flight, error, this.#flights.isClosing)) this.#handOff.requeue(flight);
  }
}

/** A signal that never aborts. */
const NEVER = new AbortController().signal;
