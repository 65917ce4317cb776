/** Names of a connection's files, one after the other. */

const DIGITS = 5;
const ENDING = ".jsonl.zst";
/** What a name carries behind it until its file is complete. */
export const PARTIAL = ".partial";

/** A file that a connection's records go to. */
export interface ArchiveFile {
  readonly sequence: number;
  /** `YYYY/MM/DD/UUID.SEQUENCE.jsonl.zst`, below the archive's directory. */
  readonly path: string;
}

/**
 * Says when a connection's records go to a new file, and what its name is. Files end at the connection's first record plus
 * whole multiples of the limit; one that would begin while nothing is recorded is left out, and sequences have no gaps but
 * for names that are taken.
 */
export class Rotation {
  readonly uuid: string;
  /** Unix milliseconds of the first record. */
  readonly startMs: number;
  readonly #beganMs: number;
  readonly #limitMs: number;
  #expiresMs: number;
  #sequence = 0;

  /**
   * @param timeMs of the first record, Unix milliseconds
   * @param monotonicMs of the same, by a clock that never steps back: ages are counted by it
   */
  constructor(uuid: string, timeMs: number, monotonicMs: number, limitMs: number) {
    this.uuid = uuid;
    this.startMs = timeMs;
    this.#beganMs = monotonicMs;
    this.#limitMs = limitMs;
    this.#expiresMs = monotonicMs;
  }

  /** Whether the file that is open is too old for a record of `monotonicMs`. */
  isExpired(monotonicMs: number): boolean {
    return monotonicMs > this.#expiresMs;
  }

  /**
   * The next file. Its directory is the UTC date of the first record for the first file, for a later one that of `timeMs`.
   *
   * @param isTaken whether a file of that path is there already; the first sequence that is free is used
   */
  next(timeMs: number, monotonicMs: number, isTaken: (path: string) => boolean): ArchiveFile {
    const folder = dateFolder(this.#sequence === 0 ? this.startMs : timeMs);
    let path = this.#path(folder);
    while (isTaken(path)) {
      this.#sequence++;
      path = this.#path(folder);
    }
    const periods = Math.floor((monotonicMs - this.#beganMs) / this.#limitMs) + 1;
    this.#expiresMs = this.#beganMs + Math.max(1, periods) * this.#limitMs;
    return { sequence: this.#sequence++, path };
  }

  /** The file of the last `next()` could not be made: its sequence is free again. */
  giveBack(): void {
    this.#sequence--;
  }

  #path(folder: string): string {
    return `${folder}/${this.uuid}.${sequenceDigits(this.#sequence)}${ENDING}`;
  }
}

/** At least five digits. */
export function sequenceDigits(sequence: number): string {
  return String(sequence).padStart(DIGITS, "0");
}

/** `2024/02/29`, in UTC. */
function dateFolder(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10).replaceAll("-", "/");
}
