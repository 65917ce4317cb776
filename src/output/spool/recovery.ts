import type { SpoolBooks } from "./books.ts";
import type { SpoolFile, SpoolFiles } from "./files.ts";
import {
  HEADER_BYTES,
  parseHeader,
  parseSegmentName,
  SEGMENT_VERSION,
  type SegmentHeader,
  segmentName,
} from "./header.ts";
import { OutputQueue, type Tally } from "./output_queue.ts";
import { POSITION_VERSION, type Positions } from "./position.ts";
import { loadPositions } from "./position_file.ts";
import { parseRecord, RECORD_HEAD_BYTES, RecordWriter } from "./record.ts";
import { RecordScan } from "./record_scan.ts";
import { encodeSeal, parseSeal, parseTrailer, type SealedIndex, TRAILER_BYTES } from "./seal.ts";
import { Segment, setAside } from "./segment.ts";

/** A spool that a newer Limier has written. Nothing in it was changed. */
export class SpoolVersionError extends Error {
  override readonly name = "SpoolVersionError";
  readonly code = "output.spool_version";

  constructor(readonly path: string, readonly version: number, readonly newest: number) {
    super(
      `Cannot open the spool: ${path} has version ${version} and this program reads up to ${newest}; ` +
        "run the program that wrote it, or choose another directory",
    );
  }
}

/** Numbers kept back at a time, so that those of events lost with a power cut are not given again. */
export const RESERVE = 2 ** 24;

/** What a directory held. */
export interface Recovered {
  /** Ascending; all closed. */
  readonly segments: Segment[];
  readonly queues: Map<string, OutputQueue>;
  readonly installation: Uint8Array;
  /** How the events of each output ended so far. */
  readonly totals: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** The number of the next event. */
  readonly next: number;
  /** No event has had a number from here on. */
  readonly reserved: number;
  /** Where the newest segment starts and ends, for the header of the next. */
  readonly last: { readonly first: number; readonly end: number };
}

interface Found {
  readonly first: number;
  readonly size: number;
  /** `undefined` if it is damaged. */
  readonly header: SegmentHeader | undefined;
}

/**
 * Reads what a directory holds, cuts a torn tail off the newest segment and seals what has no seal. Sealed segments are not
 * read but for the one in which a position is, so that a large backlog opens at once; readers check it as they go.
 *
 * @throws {SpoolVersionError} before anything is changed
 * @throws what the file system does
 */
export async function recoverSpool(files: SpoolFiles, directory: string, books: SpoolBooks): Promise<Recovered> {
  const names = await files.list(directory);
  const found = await findSegments(files, directory, names);
  const positions = await findPositions(files, directory, names, found, books);
  const installation = positions?.installation ??
    found.find(({ header }) => header !== undefined)?.header?.installation ??
    crypto.getRandomValues(new Uint8Array(16));
  const lowWaters = new Map([...positions?.outputs ?? []].map(([name, { lowWater }]) => [name, lowWater]));

  const segments: Segment[] = [];
  const seen = new Map<Segment, Map<string, Tally>>();
  let last = { first: 0, end: 0 };
  for (let i = 0; i < found.length; i++) {
    const segment = new Segment(directory, found[i]!.first, installation);
    const next = i === found.length - 1 ? "newest" : found[i + 1]!.header;
    const recovery = new SegmentRecovery(files, segment, found[i]!, next, lowWaters, books);
    const kept = await recovery.run();
    last = { first: segment.first, end: segment.end };
    if (!kept) continue;
    segments.push(segment);
    seen.set(segment, recovery.seen);
  }
  const end = Math.max(1, last.end, last.first);
  // Without a position file, what a power cut took may have had numbers above those that are left.
  const reserved = Math.max(positions?.reserved ?? (found.length === 0 ? 1 : end + RESERVE), end);
  return {
    segments,
    queues: newQueues(segments, seen, lowWaters, { end, reserved }, books),
    installation,
    totals: new Map([...positions?.outputs ?? []].map(([name, { totals }]) => [name, totals])),
    next: reserved,
    reserved,
    last,
  };
}

async function findSegments(files: SpoolFiles, directory: string, names: readonly string[]): Promise<Found[]> {
  const firsts = names.map(parseSegmentName).filter((first) => first !== undefined).sort((a, b) => a - b);
  const found: Found[] = [];
  for (const first of firsts) {
    const path = `${directory}/${segmentName(first)}`;
    const file = await files.open(path, "read");
    try {
      const bytes = new Uint8Array(HEADER_BYTES);
      const length = await file.readAt(0, bytes);
      const parsed = parseHeader(bytes.subarray(0, length));
      if (parsed.state === "newer") throw new SpoolVersionError(path, parsed.version, SEGMENT_VERSION);
      // A header under another name is another file's: what it says of numbers isn't true of this one.
      const header = parsed.state === "ok" && parsed.header.first === first ? parsed.header : undefined;
      found.push({ first, size: await file.size(), header });
    } finally {
      file.close();
    }
  }
  return found;
}

async function findPositions(
  files: SpoolFiles,
  directory: string,
  names: readonly string[],
  found: readonly Found[],
  books: SpoolBooks,
): Promise<Positions | undefined> {
  const loaded = await loadPositions(files, directory, names);
  if (loaded.state === "newer") throw new SpoolVersionError(`${directory}/position`, loaded.version, POSITION_VERSION);
  if (loaded.state === "missing" && found.length === 0) return undefined;
  if (loaded.state === "ok") {
    const id = loaded.positions.installation;
    const foreign = found.some(({ header }) => header !== undefined && !equal(header.installation, id));
    if (!foreign) return loaded.positions;
  }
  const state = loaded.state === "ok" ? "another spool's" : loaded.state;
  books.reporter.warn(`The spool's position file is ${state}: everything stored is sent again`, { directory });
  return undefined;
}

function newQueues(
  segments: readonly Segment[],
  seen: ReadonlyMap<Segment, ReadonlyMap<string, Tally>>,
  lowWaters: ReadonlyMap<string, number>,
  { end, reserved }: { readonly end: number; readonly reserved: number },
  books: SpoolBooks,
): Map<string, OutputQueue> {
  const queues = new Map<string, OutputQueue>();
  const names = new Set([...lowWaters.keys(), ...segments.flatMap(({ shares }) => [...shares.keys()])]);
  for (const name of names) {
    let lowWater = lowWaters.get(name) ?? 0;
    if (lowWater > reserved) {
      books.reporter.warn("A position is ahead of everything that was ever stored: it is set back", {
        output: name,
        position: lowWater,
        end,
      });
      lowWater = end;
    }
    const queue = new OutputQueue(name, lowWater);
    for (const segment of segments) {
      const share = segment.shares.get(name);
      if (share === undefined || share.end <= lowWater) continue;
      const below = seen.get(segment)?.get(name);
      queue.pending.events += share.events - (below?.events ?? 0);
      queue.pending.bytes += share.bytes - (below?.bytes ?? 0);
      if (below !== undefined) queue.startIn(segment, below);
    }
    queues.set(name, queue);
  }
  return queues;
}

/** Makes one segment readable. */
class SegmentRecovery {
  readonly segment: Segment;
  /** What is below the low-water marks, of outputs whose mark is inside this segment. */
  readonly seen = new Map<string, Tally>();
  readonly #files: SpoolFiles;
  readonly #size: number;
  readonly #hasHeader: boolean;
  readonly #newest: boolean;
  /** What the next segment says of where this one ends. */
  readonly #voidFrom: number | undefined;
  readonly #lowWaters: ReadonlyMap<string, number>;
  readonly #books: SpoolBooks;

  constructor(
    files: SpoolFiles,
    segment: Segment,
    found: Found,
    next: SegmentHeader | "newest" | undefined,
    lowWaters: ReadonlyMap<string, number>,
    books: SpoolBooks,
  ) {
    this.#files = files;
    segment.closed = true;
    this.segment = segment;
    this.#size = found.size;
    this.#hasHeader = found.header !== undefined;
    this.#newest = next === "newest";
    this.#voidFrom = typeof next === "object" && next.previousFirst === found.first ? next.previousEnd : undefined;
    this.#lowWaters = lowWaters;
    this.#books = books;
  }

  /** @returns whether there is anything in it to keep */
  async run(): Promise<boolean> {
    const { segment } = this;
    const file = await this.#files.open(segment.path, "read");
    let end: number;
    try {
      const index = await this.#readSeal(file);
      if (index !== undefined) {
        segment.setIndex(index, this.#size);
        if (this.#positionInside()) await this.#scan(file, false);
        return true;
      }
      end = await this.#scan(file, true);
    } finally {
      file.close();
    }
    const tail = this.#size - (this.#hasHeader || segment.shares.size > 0 ? end : 0);
    const ignored = this.#voidFrom !== undefined && segment.end >= this.#voidFrom;
    if (tail > 0 && this.#newest) this.#books.truncated(segment.path, tail);
    else if (tail > 0 && !ignored) this.#damaged(end, this.#size);
    if (segment.shares.size > 0) await this.#seal(end);
    else if (this.#newest || ignored || tail <= 0) await this.#files.remove(segment.path);
    else await setAside(this.#files, segment);
    return segment.shares.size > 0;
  }

  async #readSeal(file: SpoolFile): Promise<SealedIndex | undefined> {
    if (this.#size < HEADER_BYTES + RECORD_HEAD_BYTES + TRAILER_BYTES) return undefined;
    const trailer = new Uint8Array(TRAILER_BYTES);
    if (await file.readAt(this.#size - TRAILER_BYTES, trailer) < TRAILER_BYTES) return undefined;
    const back = parseTrailer(trailer);
    if (back <= RECORD_HEAD_BYTES || back > this.#size - HEADER_BYTES) return undefined;
    const bytes = new Uint8Array(back);
    if (await file.readAt(this.#size - back, bytes) < back) return undefined;
    const record = parseRecord(bytes, new DataView(bytes.buffer), 0, back, this.segment.seed);
    return "state" in record || record.kind !== "seal" ? undefined : parseSeal(record.body);
  }

  #positionInside(): boolean {
    return [...this.segment.shares].some(([name, { first, end }]) => {
      const lowWater = this.#lowWaters.get(name) ?? 0;
      return first < lowWater && lowWater < end;
    });
  }

  /**
   * Goes over the records. With `index`, what is there goes into the segment's books.
   *
   * @returns the offset behind the last record
   */
  async #scan(file: SpoolFile, index: boolean): Promise<number> {
    const { segment } = this;
    const voidFrom = this.#voidFrom;
    const scan = new RecordScan(file, {
      seed: segment.seed,
      from: HEADER_BYTES,
      expected: segment.first,
      ...(voidFrom === undefined ? {} : { voidFrom }),
    });
    let lost = 0;
    for (;;) {
      const step = await scan.next(this.#size);
      if (step.state === "end") {
        if (!index) return step.at;
        if (voidFrom !== undefined) lost += Math.max(0, voidFrom - scan.expected);
        this.#books.lost(lost);
        segment.end = Math.max(segment.end, scan.expected);
        return Math.min(step.at, this.#size);
      }
      if (step.state === "damage") {
        if (index) this.#damaged(step.from, step.to);
        continue;
      }
      if (index && !this.#hasHeader && segment.damage.size === 0) this.#damaged(0, HEADER_BYTES);
      lost += step.missing;
      if (step.events === undefined) continue;
      const { output, ends, storedMs } = step.events;
      const from = step.raw.sequence;
      const bytes = ends.at(-1) ?? 0;
      if (index) segment.addEvents(output, from, from + ends.length, bytes, storedMs);
      const below = Math.min(ends.length, (this.#lowWaters.get(output) ?? 0) - from);
      if (below > 0) this.#addSeen(output, below, ends[below - 1]!);
    }
  }

  #addSeen(output: string, events: number, bytes: number): void {
    const sum = this.seen.get(output) ?? { events: 0, bytes: 0 };
    this.seen.set(output, { events: sum.events + events, bytes: sum.bytes + bytes });
  }

  #damaged(from: number, to: number): void {
    this.segment.damage.add(from);
    this.#books.corrupt(this.segment.path, from, to);
  }

  /**
   * Writes the seal that is missing, in the newest segment behind the last record. Where there is no room for it, the next
   * start reads the segment again.
   */
  async #seal(end: number): Promise<void> {
    const { segment } = this;
    const damaged = !this.#newest && segment.damage.size > 0; // such a file is kept as it is
    const start = damaged ? this.#size : end;
    segment.readableBytes = start;
    const record = new RecordWriter(256);
    record.seal(segment.end, encodeSeal(segment, RECORD_HEAD_BYTES), segment.seed);
    const file = await this.#files.open(segment.path, "append");
    try {
      if (start < this.#size) await file.truncate(start);
      const written = await file.write(record.view());
      if (written === record.view().length) segment.readableBytes = start + written;
      else await file.truncate(start);
    } catch (error) {
      this.#books.writeFailed("sealing a segment", error);
    } finally {
      file.close();
    }
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
