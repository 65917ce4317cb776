import type { Clock } from "../../clock/mod.ts";
import type { SpoolBooks } from "./books.ts";
import type { SpoolFiles } from "./files.ts";

const MOST_FREE_BYTES = 256 * 2 ** 20;
const FREE_SHARE = 0.05;
const LOOK_AFTER_MS = 1_000;
const LOOK_AFTER_BYTES = 16 << 20;

/** Watches how much room the disk has: what is low on space is as good as full, and others need the rest. */
export class DiskRoom {
  readonly #files: SpoolFiles;
  readonly #directory: string;
  readonly #books: SpoolBooks;
  readonly #clock: Clock;
  readonly #leastBytes: number | undefined;
  #seenAtMs = -Infinity;
  #writtenBytes = 0;
  #isLow = false;

  /** @param leastBytes what is to be left free; `undefined`: the smaller of 5 % and 256 MiB */
  constructor(
    at: { readonly files: SpoolFiles; readonly directory: string },
    books: SpoolBooks,
    clock: Clock,
    leastBytes: number | undefined,
  ) {
    this.#files = at.files;
    this.#directory = at.directory;
    this.#books = books;
    this.#clock = clock;
    this.#leastBytes = leastBytes;
  }

  /** So much was written. */
  wrote(bytes: number): void {
    this.#writtenBytes += bytes;
  }

  /** What was seen isn't true any more: files were deleted. */
  lookAgain(): void {
    this.#seenAtMs = -Infinity;
  }

  /** Whether less is free than should be. Looks at most once a second, or after 16 MiB. */
  async isLow(): Promise<boolean> {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#seenAtMs < LOOK_AFTER_MS && this.#writtenBytes < LOOK_AFTER_BYTES) return this.#isLow;
    this.#seenAtMs = nowMs;
    this.#writtenBytes = 0;
    this.#isLow = false;
    try {
      const space = await this.#files.space(this.#directory);
      if (space === null) return false;
      this.#books.setFree(space.freeBytes);
      this.#isLow = space.freeBytes < (this.#leastBytes ?? Math.min(space.totalBytes * FREE_SHARE, MOST_FREE_BYTES));
    } catch (error) {
      this.#books.warn("space", "Cannot tell how much room the spool's disk has", { error });
    }
    return this.#isLow;
  }
}
