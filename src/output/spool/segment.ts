import type { Clock } from "../../clock/mod.ts";
import { type SpoolFile, type SpoolFiles, writeAll } from "./files.ts";
import { encodeHeader, HEADER_BYTES, type SegmentHeader, segmentName } from "./header.ts";
import { RECORD_HEAD_BYTES, recordSeed, RecordWriter } from "./record.ts";
import { encodeSeal, type SealedIndex, type Share } from "./seal.ts";

/** One file of the spool, as much of it as may be read. */
export class Segment {
  /** Bytes that may be read; what is behind them isn't stored yet. */
  readableBytes = HEADER_BYTES;
  /** Number behind the last event that may be read. */
  end: number;
  /** Its events by output. */
  readonly shares = new Map<string, Share>();
  /** Nothing is written to it any more. */
  closed = false;
  /** Its file is deleted. */
  gone = false;
  /** Offsets at which stretches of damage start. */
  readonly damage = new Set<number>();

  /** What its records' checksums start from. */
  readonly seed: number;

  constructor(readonly directory: string, readonly first: number, installation: Uint8Array) {
    this.end = first;
    this.seed = recordSeed(installation, first);
  }

  /** Where its file is. */
  get path(): string {
    return `${this.directory}/${segmentName(this.first)}`;
  }

  /** Takes over what a seal says. */
  setIndex(index: SealedIndex, bytes: number): void {
    this.end = index.end;
    this.readableBytes = bytes;
    for (const [output, share] of index.shares) this.shares.set(output, { ...share });
  }

  /** Adds events to the books of this segment. */
  addEvents(output: string, from: number, to: number, bytes: number, storedMs: number): void {
    const share = this.shares.get(output);
    if (share === undefined) {
      this.shares.set(output, { events: to - from, bytes, first: from, end: to, oldestMs: storedMs });
    } else {
      share.events += to - from;
      share.bytes += bytes;
      share.end = to;
    }
    this.end = to;
  }
}

/** Writes one segment. After a failure that can't be undone it is `broken`, and only to be abandoned. */
export class SegmentWriter {
  readonly segment: Segment;
  /** Bytes in the file: the readable ones and those not stored yet. */
  bytes = HEADER_BYTES;
  broken = false;
  readonly seed: number;
  readonly #file: SpoolFile;

  private constructor(segment: Segment, file: SpoolFile) {
    this.segment = segment;
    this.seed = segment.seed;
    this.#file = file;
  }

  /**
   * Makes the file and writes its header. With `durable`, the file is there after a loss of power.
   *
   * @throws what the file system does; no file is left then, if it can be helped
   */
  static async create(
    files: SpoolFiles,
    directory: string,
    header: SegmentHeader,
    durable: boolean,
  ): Promise<SegmentWriter> {
    const segment = new Segment(directory, header.first, header.installation);
    const file = await files.create(segment.path);
    try {
      await writeAll(file, encodeHeader(header));
      if (durable) {
        await file.sync();
        await files.syncDirectory(directory);
      }
    } catch (error) {
      file.close();
      await files.remove(segment.path).catch(() => {}); // the first failure is the one to tell; a header alone harms nobody
      throw error;
    }
    return new SegmentWriter(segment, file);
  }

  /**
   * Appends records. When that fails, the part that was written is cut off again.
   *
   * @throws what the file system does
   */
  async write(records: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      await writeAll(this.#file, records);
      this.bytes += records.length;
    } catch (error) {
      await this.#cut(this.bytes);
      throw error;
    }
  }

  /** Everything written survives a loss of power once this resolves. @throws and must not be asked again then */
  async sync(): Promise<void> {
    try {
      await this.#file.sync();
    } catch (error) {
      this.broken = true; // the kernel has forgotten which pages failed: a second sync would tell nothing
      throw error;
    }
  }

  /** Ends the segment with its index and closes it. @throws what the file system does; it is closed all the same */
  async seal(): Promise<void> {
    const { segment } = this;
    const record = new RecordWriter(256);
    record.seal(segment.end, encodeSeal(segment, RECORD_HEAD_BYTES), this.seed);
    try {
      await this.write(record.view());
      segment.readableBytes = this.bytes;
    } finally {
      this.#close();
    }
  }

  /** Gives the segment up: what isn't stored is cut off if it can be. */
  async abandon(): Promise<void> {
    await this.#cut(this.segment.readableBytes);
    this.#close();
  }

  #close(): void {
    this.segment.closed = true;
    this.#file.close();
  }

  async #cut(size: number): Promise<void> {
    try {
      await this.#file.truncate(size);
      this.bytes = size;
    } catch {
      this.broken = true; // the next segment's header says where this one ends
    }
  }
}

/** Damaged segments that are kept for whoever wants to look; the oldest go first. */
const MOST_SET_ASIDE = 4;
const SET_ASIDE = "damaged-";

/** Takes a segment out of the spool and keeps its file under another name. @throws what the file system does */
export async function setAside(files: SpoolFiles, { directory, first, path }: Segment): Promise<void> {
  await files.rename(path, `${directory}/${SET_ASIDE}${segmentName(first)}`);
  const kept = (await files.list(directory)).filter((name) => name.startsWith(SET_ASIDE)).sort();
  for (const name of kept.slice(0, -MOST_SET_ASIDE)) await files.remove(`${directory}/${name}`);
}

/** Milliseconds of Unix time that don't jump: the wall clock at the start, and from there on the monotonic one. */
export function steadyTime(clock: Clock): () => number {
  const offsetMs = clock.now() - clock.monotonic();
  return () => Math.max(0, Math.floor(offsetMs + clock.monotonic()));
}
