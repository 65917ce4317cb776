import type { Clock } from "../../clock/mod.ts";
import { Bell } from "../bell.ts";
import type { SpoolBooks } from "./books.ts";
import type { SpoolFiles } from "./files.ts";
import { HEADER_BYTES, type SegmentHeader } from "./header.ts";
import { OutputQueue, type Tally } from "./output_queue.ts";
import { savePositions } from "./position_file.ts";
import { type Recovered, RESERVE } from "./recovery.ts";
import { type Segment, SegmentWriter, setAside, steadyTime } from "./segment.ts";

/** The position file is written when so many events are finished, or so long after the first of them. */
const SAVE_EVENTS = 1_000;
const SAVE_AFTER_MS = 1_000;
/** But not more often than this: each time costs two syncs. */
const SAVE_PAUSE_MS = 100;

/** What a spool holds: its segments, how far each output has come, and the numbers that are taken. */
export class SpoolStore {
  /** Ascending. The last one may be the one that is written. */
  readonly segments: Segment[];
  readonly queues: Map<string, OutputQueue>;
  readonly installation: Uint8Array;
  readonly books: SpoolBooks;
  readonly files: SpoolFiles;
  readonly directory: string;
  /** How the events of each output ended, before this process. */
  readonly totalsBefore: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Unix milliseconds that don't jump when the wall clock is set. */
  readonly steadyMs: () => number;
  /** The number of the next event. */
  next: number;
  readonly #durable: boolean;
  #reserved: number;
  #last: { readonly first: number; readonly end: number };
  #savedAtMs = -Infinity;
  #unsavedSinceMs = Infinity;
  #unsavedEvents = 0;
  readonly #changed = new Bell();
  /** Called when events are finished, so that files are deleted and positions saved in time. */
  onFinished: () => void = () => {};

  constructor(
    files: SpoolFiles,
    directory: string,
    recovered: Recovered,
    books: SpoolBooks,
    options: { readonly durable: boolean; readonly clock: Clock },
  ) {
    this.files = files;
    this.directory = directory;
    this.books = books;
    this.segments = recovered.segments;
    this.queues = recovered.queues;
    this.installation = recovered.installation;
    this.totalsBefore = recovered.totals;
    this.steadyMs = steadyTime(options.clock);
    this.next = recovered.next;
    this.#reserved = recovered.reserved;
    this.#last = recovered.last;
    this.#durable = options.durable;
    this.showFiles();
  }

  /** Bytes of all files with events. */
  bytes(active?: SegmentWriter): number {
    return this.segments.reduce((sum, segment) => sum + segment.readableBytes, 0) +
      (active === undefined ? 0 : active.bytes - active.segment.readableBytes);
  }

  /** The queue of an output, new if nothing of it is stored. */
  queue(output: string): OutputQueue {
    let queue = this.queues.get(output);
    if (queue === undefined) {
      queue = new OutputQueue(output, this.next);
      this.queues.set(output, queue);
    }
    return queue;
  }

  /** Makes the file that is written from now on. @throws what the file system does */
  async addSegment(nowMs: number): Promise<SegmentWriter> {
    const previous = this.segments.at(-1);
    const last = previous ?? this.#last;
    const header: SegmentHeader = {
      createdMs: nowMs,
      first: this.next,
      previousFirst: last.first,
      previousEnd: last.end,
      installation: this.installation,
    };
    const writer = await SegmentWriter.create(this.files, this.directory, header, this.#durable);
    this.segments.push(writer.segment);
    this.showFiles();
    return writer;
  }

  /** Makes sure that `count` numbers can be given. @throws what the file system does */
  async reserve(count: number, nowMs: number): Promise<void> {
    if (this.next + count > this.#reserved) await this.save(nowMs, this.next + count + RESERVE);
  }

  /** Events that were stored can be read from now on. */
  changed(): void {
    this.#changed.ring();
  }

  /** Resolves when there may be more to read, or `signal` aborts. */
  untilChanged(signal: AbortSignal): Promise<void> {
    return this.#changed.wait(signal);
  }

  /** An output's position has moved. */
  finished(queue: OutputQueue, events: number, nowMs: number): void {
    this.showPending(queue);
    if (this.#unsavedSinceMs === Infinity) this.#unsavedSinceMs = nowMs;
    this.#unsavedEvents += events;
    this.onFinished();
  }

  /** Events of a segment can't be read any more. */
  lose(queue: OutputQueue, lost: Tally): void {
    if (lost.events === 0) return;
    this.books.lost(lost.events);
    this.books.settle(queue.name, "dropped", "corrupt", lost.events);
    this.showPending(queue);
  }

  /** When the position file is to be written, in monotonic milliseconds; Infinity: nothing has changed. */
  get saveDueMs(): number {
    const afterMs = this.#unsavedEvents >= SAVE_EVENTS ? 0 : SAVE_AFTER_MS;
    return Math.max(this.#unsavedSinceMs + afterMs, this.#savedAtMs + SAVE_PAUSE_MS);
  }

  /** Writes the position file. @throws what the file system does */
  async save(nowMs: number, reserved = this.#reserved): Promise<void> {
    const outputs = new Map([...this.queues].map(([name, { lowWater }]) => {
      return [name, { lowWater, totals: new Map(this.books.totals(name)) }];
    }));
    const [sinceMs, events] = [this.#unsavedSinceMs, this.#unsavedEvents];
    this.#unsavedSinceMs = Infinity;
    this.#unsavedEvents = 0;
    this.#savedAtMs = nowMs;
    try {
      const { files, directory, installation } = this;
      await savePositions(files, directory, { installation, reserved, outputs }, this.#durable);
      this.#reserved = reserved;
    } catch (error) {
      // A change made meanwhile has set these anew; a failed attempt is repeated a second later.
      this.#unsavedSinceMs = Math.min(this.#unsavedSinceMs, sinceMs === Infinity ? Infinity : nowMs);
      this.#unsavedEvents += Math.min(events, SAVE_EVENTS - 1);
      throw error;
    }
  }

  /**
   * Deletes the closed segments that nobody needs. How their events ended is saved before: else a kill behind the deletion
   * would make the totals forget them.
   *
   * @returns how many bytes became free
   */
  async reclaim(nowMs: number): Promise<number> {
    const finished = this.segments.filter((segment) => segment.closed && !this.#isHeld(segment));
    if (finished.length === 0) return 0;
    await this.#saveBeforeDeleting(nowMs);
    let freed = 0;
    for (const segment of finished) freed += await this.#delete(segment);
    return freed;
  }

  /**
   * Drops the oldest closed segment, if everything in it may be dropped.
   *
   * @returns how many bytes became free; 0: there is none
   */
  async dropOldest(mayDrop: (output: string) => boolean, nowMs: number): Promise<number> {
    for (const segment of this.segments) {
      const holders = [...this.queues.values()].filter((queue) => queue.holds(segment));
      if (!segment.closed || !holders.every(({ name }) => mayDrop(name))) continue;
      for (const queue of holders) {
        const { events } = queue.giveUp(segment);
        this.books.settle(queue.name, "dropped", "spool_full", events);
        this.finished(queue, events, nowMs);
      }
      await this.#saveBeforeDeleting(nowMs);
      return await this.#delete(segment);
    }
    return 0;
  }

  showPending(queue: OutputQueue): void {
    this.books.setPending(queue.name, queue.pending);
  }

  showFiles(active?: SegmentWriter): void {
    this.books.setFiles(this.bytes(active), this.segments.length);
  }

  /** Whether everything in a segment is finished. */
  isFinished(segment: Segment): boolean {
    return segment.readableBytes > HEADER_BYTES && !this.#isHeld(segment);
  }

  async #saveBeforeDeleting(nowMs: number): Promise<void> {
    if (this.#unsavedSinceMs === Infinity) return;
    try {
      await this.save(nowMs);
    } catch (error) {
      this.books.writeFailed("saving the positions", error); // for want of the very room that is to be made, perhaps
    }
  }

  #isHeld(segment: Segment): boolean {
    for (const name of segment.shares.keys()) if (this.queues.get(name)?.holds(segment)) return true;
    return false;
  }

  async #delete(segment: Segment): Promise<number> {
    segment.gone = true;
    this.segments.splice(this.segments.indexOf(segment), 1);
    if (this.segments.length === 0) this.#last = { first: segment.first, end: segment.end };
    try {
      if (segment.damage.size > 0) await setAside(this.files, segment);
      else await this.files.remove(segment.path);
    } catch (error) {
      this.books.writeFailed("deleting a segment", error);
    }
    this.showFiles();
    return segment.readableBytes;
  }
}
