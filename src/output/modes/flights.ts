import type { Clock } from "../../clock/mod.ts";
import type { Batch } from "../../metric/mod.ts";
import { attemptsOf } from "./attempts.ts";
import type { Books } from "./books.ts";
import { Flight } from "./flight.ts";
import type { ModeConfig, PublishOptions } from "./mode.ts";
import { NOTHING_TO_DO, type Outcome, Signal } from "./signal.ts";

/** What a mode does at the beginning and the end of a batch and of its own life. */
export interface FlightsOwner {
  /** A batch was accepted. */
  start(flight: Flight): void;
  /** A batch that is waiting was withdrawn: it must not be sent. False when it is under way, and is told by its signal. */
  forget(flight: Flight): boolean;
  /** Takes out all that wait. */
  waiting(): Flight[];
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Closes the connections. */
  closeLinks(): Promise<unknown>;
  /** All is over. */
  closed(): void;
}

/** The batches of a mode that have not ended, and how it closes so that every one of them does. */
export class Flights {
  readonly done: Promise<void>;
  readonly #config: ModeConfig;
  readonly #clock: Clock;
  readonly #books: Books;
  readonly #owner: FlightsOwner;
  readonly #live = new Set<Flight>();
  readonly #closing = new AbortController();
  readonly #aborted = new AbortController();
  readonly #finished = Promise.withResolvers<void>();
  #close: Promise<void> | undefined;

  constructor(config: ModeConfig, clock: Clock, books: Books, owner: FlightsOwner) {
    this.#config = config;
    this.#clock = clock;
    this.#books = books;
    this.#owner = owner;
    this.done = this.#finished.promise;
  }

  /** Aborts when waiting is to end: no retry, no hand-off. */
  get waits(): AbortSignal {
    return this.#closing.signal;
  }

  /** Aborts when sends under way are to end, too. */
  get sends(): AbortSignal {
    return this.#aborted.signal;
  }

  get isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Takes a batch in, or says at once how it ends. */
  begin(batch: Batch, options: PublishOptions, hasClients: boolean): Promise<Outcome> {
    const count = batch.ends.length;
    if (count === 0) {
      const signal = new Signal(options.receiver, this.#books);
      signal.report(NOTHING_TO_DO);
      return signal.settled;
    }
    const flight = new Flight(batch, options, attemptsOf(this.#config.maxRetries), this.#books);
    this.#books.accept(batch);
    if (flight.isWithdrawn) flight.cancel();
    else if (this.isClosing) flight.fail("closed");
    else if (!hasClients) flight.fail("no_connection");
    else this.#start(flight);
    return flight.signal.settled;
  }

  #start(flight: Flight): void {
    this.#live.add(flight);
    const { withdrawn } = flight;
    const withdraw = () => {
      if (!flight.isOver && this.#owner.forget(flight)) flight.cancel();
    };
    withdrawn?.addEventListener("abort", withdraw, { once: true });
    flight.signal.settled.then(() => {
      this.#live.delete(flight);
      withdrawn?.removeEventListener("abort", withdraw);
    });
    this.#owner.start(flight);
  }

  /** Ends everything; see `Mode.close`. */
  close(timeoutMs: number): Promise<void> {
    return this.#close ??= this.#end(timeoutMs);
  }

  async #end(timeoutMs: number): Promise<void> {
    this.#closing.abort();
    for (const flight of this.#owner.waiting()) flight.fail("closed");
    const idle = this.#owner.idle();
    const timer = new AbortController();
    await Promise.race([idle, this.#clock.sleep(timeoutMs, timer.signal)]);
    timer.abort();
    this.#aborted.abort();
    const closed = this.#owner.closeLinks();
    await idle; // every send ends a moment after it is stopped
    for (const flight of this.#live) if (!flight.isOver) flight.fail("closed");
    await Promise.all(Array.from(this.#live, (flight) => flight.signal.settled));
    await closed;
    this.#owner.closed();
    this.#finished.resolve();
  }
}

/** The signal of what may be ended by the mode and by the submitter of one batch. */
export function eitherSignal(mode: AbortSignal, withdrawn: AbortSignal | undefined): AbortSignal {
  return withdrawn === undefined ? mode : AbortSignal.any([mode, withdrawn]);
}
