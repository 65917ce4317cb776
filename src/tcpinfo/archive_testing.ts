/** An archive in a folder of its own, fed by hand. */
import { decodeArchive } from "./archive_decode.ts";
import { Anonymizer } from "./anonymize.ts";
import { Archive, type ArchiveOptions } from "./archive.ts";
import { Change } from "./changes.ts";
import { type MadeSocket, madeSocket } from "./heart_testing.ts";
import { BatchWriter } from "./record_batch.ts";
import { newStats } from "./stats.ts";
import type { JsonObject } from "./wire_structures.ts";

/** An archive whose clock is told. */
export class HandFed implements AsyncDisposable {
  readonly directory: string = Deno.makeTempDirSync({ prefix: "limier_archive_" });
  readonly stats: Float64Array = newStats();
  readonly warnings: string[] = [];
  readonly archive: Archive;
  /** Unix milliseconds, and the monotonic clock. */
  nowMs = 0;
  readonly #batch = new BatchWriter();

  constructor(options: Partial<ArchiveOptions> = {}, anonymizer: Anonymizer = new Anonymizer("none")) {
    this.archive = new Archive({
      directory: this.directory,
      uuidPrefix: "U",
      fileAgeLimitMs: 600_000,
      flushIntervalMs: 5000,
      bufferBytes: 1024 * 1024,
      fsync: () => false,
      ...options,
    }, {
      anonymizer,
      stats: this.stats,
      monotonic: () => this.nowMs,
      warn: (message) => this.warnings.push(message),
    });
  }

  /** A record of the connection with that number, at `timeMs`. */
  record(cookie: number, timeMs: number, change: Change, socket: MadeSocket = {}): void {
    this.nowMs = timeMs;
    const bytes = madeSocket({ cookie: BigInt(cookie), ...socket });
    this.#batch.record({
      slot: cookie,
      cookieLow: cookie,
      cookieHigh: 0,
      timeMs,
      monotonicMs: timeMs,
      change,
      bytes,
      start: 0,
      end: bytes.length,
    });
    this.archive.take(this.#batch.take());
  }

  first(cookie: number, timeMs: number, socket: MadeSocket = {}): void {
    this.record(cookie, timeMs, Change.first, socket);
  }

  next(cookie: number, timeMs: number, socket: MadeSocket = {}): void {
    this.record(cookie, timeMs, Change.other, socket);
  }

  end(cookie: number): void {
    this.#batch.end(cookie, this.nowMs);
    this.archive.take(this.#batch.take());
  }

  tick(timeMs: number): void {
    this.nowMs = timeMs;
    this.archive.tick();
  }

  /** The names of all files below the directory, in order. */
  names(): string[] {
    const walk = (folder: string): string[] =>
      [...Deno.readDirSync(`${this.directory}/${folder}`)].flatMap(({ name, isDirectory }) => {
        return isDirectory ? walk(`${folder}${name}/`) : [`${folder}${name}`];
      });
    return walk("").sort();
  }

  /** What a file says. */
  read(name: string): JsonObject[] {
    return [...decodeArchive(Deno.readFileSync(`${this.directory}/${name}`))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.archive.close();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** The name of a file of the connection with that number. */
export function nameOf(folder: string, cookie: number, sequence: number): string {
  const digits = cookie.toString(16).toUpperCase().padStart(16, "0");
  return `${folder}/U_${digits}.${String(sequence).padStart(5, "0")}.jsonl.zst`;
}
