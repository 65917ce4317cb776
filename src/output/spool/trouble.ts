import type { Clock } from "../../clock/mod.ts";
import type { SpoolBooks } from "./books.ts";

/** What keeps batches from being stored. */
export type TroubleReason = "spool_full" | "disk_full" | "write_error" | "fsync_error";

const PROBE_FIRST_MS = 1_000;
const PROBE_MOST_MS = 30_000;

/** Whether the disk takes batches, and when to try again if it does not: after 1 s, then 2, 4, … 30. */
export class Trouble {
  readonly #books: SpoolBooks;
  readonly #clock: Clock;
  #reason: TroubleReason | undefined;
  #sinceMs = 0;
  #probeAtMs = 0;
  #probeWaitMs = PROBE_FIRST_MS;

  constructor(books: SpoolBooks, clock: Clock) {
    this.#books = books;
    this.#clock = clock;
  }

  /** `undefined`: there is none. */
  get reason(): TroubleReason | undefined {
    return this.#reason;
  }

  /** Since when, in Unix milliseconds. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** When to try again, in monotonic milliseconds; -Infinity if there is none. */
  get probeAtMs(): number {
    return this.#reason === undefined ? -Infinity : this.#probeAtMs;
  }

  /** A batch could not be stored. */
  start(reason: TroubleReason): void {
    if (this.#reason === undefined) {
      this.#probeWaitMs = PROBE_FIRST_MS;
      this.#sinceMs = this.#clock.now();
    } else this.#probeWaitMs = Math.min(this.#probeWaitMs * 2, PROBE_MOST_MS);
    this.#probeAtMs = this.#clock.monotonic() + this.#probeWaitMs;
    this.#reason = reason;
    this.#books.warn(`trouble:${reason}`, `The spool takes no events (${reason})`, {});
  }

  /** Something has changed for the better: it may be tried at once. */
  probeNow(): void {
    this.#probeAtMs = -Infinity;
  }

  /** A batch was stored. */
  end(): void {
    if (this.#reason === undefined) return;
    this.#books.reporter.info("The spool takes events again", { after: this.#reason });
    this.#reason = undefined;
  }
}
