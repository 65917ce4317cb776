/** One marshaller's part of the archive: tasks in, files out. */
import { constants, zstdCompressSync, type ZstdOptions } from "node:zlib";
import { errorText } from "../telemetry/mod.ts";
import type { Anonymizer } from "./anonymize.ts";
import { ArchiveFiles } from "./archive_files.ts";
import { connectionUuid } from "./heart.ts";
import { type Chain, LineStore, newChain } from "./line_store.ts";
import { BatchReader, TaskKind } from "./record_batch.ts";
import { encodeMetadata, RecordEncoder } from "./record_line.ts";
import { type ArchiveFile, Rotation } from "./rotation.ts";
import { At } from "./stats.ts";
import { Refusal, SocketMessage } from "./wire.ts";
import { Attribute } from "./wire_attributes.ts";
import { TCP_INFO_BYTES } from "./wire_tcp_info.ts";

/** How an archive is written. */
export interface ArchiveOptions {
  /** Absolute; it is there. */
  readonly directory: string;
  readonly uuidPrefix: string;
  readonly fileAgeLimitMs: number;
  readonly flushIntervalMs: number;
  /** Lines that wait, all connections together, in bytes; what is beyond is written at once. */
  readonly bufferBytes: number;
  readonly fsync: () => boolean;
}

/** What an archive is given. */
export interface ArchiveDeps {
  readonly anonymizer: Anonymizer;
  /** By {@linkcode At}. */
  readonly stats: Float64Array;
  /** Milliseconds by the clock that the tasks' monotonic times are of. */
  readonly monotonic: () => number;
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** From so many bytes on, a connection's lines are written. */
const MOST_LINES_BYTES = 64 * 1024;
/** Files are looked through for those that are too old so often. */
const EXPIRY_MS = 1000;
/** Tasks between two looks at what is due. */
const TASKS_A_LOOK = 32;
/** The part of the flush interval after which lines are written; the rest is for the writing. */
const FLUSH_SHARE = 0.8;
const ZSTD: ZstdOptions = { params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 } };

/**
 * Told how much comes, zstd takes tables of that size: without, each frame costs half a millisecond for mapping and unmapping
 * those of the largest window. The types don't know the option.
 */
function sized(length: number): ZstdOptions {
  const options: ZstdOptions & { readonly pledgedSrcSize: number } = { ...ZSTD, pledgedSrcSize: length };
  return options;
}

/** Structures that grow: the attribute, the bytes that are known of it, where longer ones are counted. */
const GROWING: readonly (readonly [number: number, known: number, at: number])[] = [
  [Attribute.meminfo, 16, At.largeMemInfo],
  [Attribute.info, TCP_INFO_BYTES, At.largeTcpInfo],
  [Attribute.vegasinfo, 16, At.largeVegasInfo],
  [Attribute.skmeminfo, 36, At.largeSockMemInfo],
  [Attribute.dctcpinfo, 16, At.largeDctcpInfo],
  [Attribute.bbrinfo, 20, At.largeBbrInfo],
];

/** A connection that has begun. */
interface Connection {
  readonly rotation: Rotation;
  /** The file that is open, and bytes it has on disk; undefined between two. */
  file: ArchiveFile | undefined;
  fileBytes: number;
  /** Lines that wait. */
  readonly lines: Chain;
  /** Records among them. */
  records: number;
  /** When the first of them came, by the monotonic clock. */
  sinceMs: number;
}

/**
 * Writes the records of connections into their files. No connection has a compressor or a descriptor of its own: its lines
 * wait in memory, and become one complete zstd frame, written by one call, when the oldest of them has waited for the flush
 * interval, when there are 64 KiB, and when the file ends.
 */
export class Archive {
  readonly #options: ArchiveOptions;
  readonly #deps: ArchiveDeps;
  readonly #files: ArchiveFiles;
  readonly #connections = new Map<number, Connection>();
  /** Those whose lines wait, oldest first, or were written meanwhile. */
  #waiting: { readonly connection: Connection; readonly sinceMs: number }[] = [];
  readonly #lines: LineStore;
  #nextExpiryMs = 0;
  readonly #message = new SocketMessage();
  readonly #encoder = new RecordEncoder();

  constructor(options: ArchiveOptions, deps: ArchiveDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#lines = new LineStore(options.bufferBytes);
    this.#files = new ArchiveFiles(options.directory, options.fsync, (path, error) => {
      deps.stats[At.writeErrors]!++;
      deps.warn(`Cannot complete ${path}: ${errorText(error)}`, { path });
    });
  }

  /** Does the tasks of a batch. */
  take(batch: Uint8Array): void {
    const task = new BatchReader(batch);
    for (let count = 1; task.next(); count++) {
      // However much there is to do: nobody's lines wait for longer than was promised.
      if (count % TASKS_A_LOOK === 0) this.#flushDue(this.#deps.monotonic());
      if (task.kind === TaskKind.first) this.#open(task);
      if (task.kind === TaskKind.end) this.#end(task.slot);
      else this.#record(task);
    }
  }

  /** Writes what has waited for long enough, and ends files that are too old. To be called a few times a second. */
  tick(): void {
    const nowMs = this.#deps.monotonic();
    this.#flushDue(nowMs);
    if (nowMs < this.#nextExpiryMs) return;
    this.#nextExpiryMs = nowMs + EXPIRY_MS;
    for (const connection of this.#connections.values()) {
      if (connection.file !== undefined && connection.rotation.isExpired(nowMs)) this.#endFile(connection);
    }
  }

  #flushDue(nowMs: number): void {
    const dueMs = nowMs - this.#options.flushIntervalMs * FLUSH_SHARE;
    let count = 0;
    for (const { connection, sinceMs } of this.#waiting) {
      if (sinceMs > dueMs) break;
      count++;
      if (connection.lines.length > 0 && connection.sinceMs === sinceMs) this.#flush(connection);
    }
    if (count > 0) this.#waiting = this.#waiting.slice(count);
  }

  /** Ends all files. */
  async close(): Promise<void> {
    for (const slot of [...this.#connections.keys()]) this.#end(slot);
    await this.#files.settled();
  }

  #open({ slot, cookieLow, cookieHigh, timeMs, monotonicMs }: BatchReader): void {
    const { uuidPrefix, fileAgeLimitMs } = this.#options;
    const uuid = connectionUuid(uuidPrefix, cookieLow, cookieHigh);
    this.#connections.set(slot, {
      rotation: new Rotation(uuid, timeMs, monotonicMs, fileAgeLimitMs),
      file: undefined,
      fileBytes: 0,
      lines: newChain(),
      records: 0,
      sinceMs: 0,
    });
  }

  #record(task: BatchReader): void {
    const { stats, anonymizer } = this.#deps;
    const connection = this.#connections.get(task.slot);
    const message = this.#message;
    if (connection === undefined || message.load(task.bytes, task.start, task.end) !== Refusal.none) {
      throw new TypeError("unreachable: the heart opens a connection before its records, and has read them");
    }
    if (!anonymizer.apply(message)) {
      stats[At.unknownFamily]!++;
      return;
    }
    if (connection.file !== undefined && connection.rotation.isExpired(task.monotonicMs)) this.#endFile(connection);
    if (connection.file === undefined && !this.#rotate(connection, task)) return;
    this.#countUnknown(message);
    this.#encoder.encode(message, task.timeMs);
    this.#addLine(connection, this.#encoder.bytes, this.#encoder.length);
    connection.records++;
    stats[At.records]!++;
    stats[At.recordBytes]! += this.#encoder.length;
    if (connection.lines.length >= MOST_LINES_BYTES) this.#flush(connection);
  }

  /** Counts what a newer kernel tells. */
  #countUnknown(message: SocketMessage): void {
    const { stats } = this.#deps;
    for (const [number, known, at] of GROWING) if (message.length(number) > known) stats[at]!++;
    if (message.highest > Attribute.sockopt) stats[At.unknownAttributes]!++;
  }

  /** Begins the next file. @returns whether that was possible */
  #rotate(connection: Connection, { timeMs, monotonicMs }: BatchReader): boolean {
    const { stats, warn } = this.#deps;
    const { rotation } = connection;
    let file: ArchiveFile | undefined;
    try {
      file = rotation.next(timeMs, monotonicMs, (path) => this.#files.isTaken(path));
      this.#files.makeFolder(file.path);
    } catch (error) {
      if (file !== undefined) rotation.giveBack();
      stats[At.rotateErrors]!++;
      stats[At.lostRecords]!++;
      warn(`Cannot begin a file of ${rotation.uuid}: ${errorText(error)}`, { path: file?.path });
      return false;
    }
    stats[At.files]!++;
    connection.file = file;
    connection.fileBytes = 0;
    const metadata = encodeMetadata({ uuid: rotation.uuid, sequence: file.sequence, startMs: rotation.startMs });
    this.#addLine(connection, metadata, metadata.length);
    return true;
  }

  #addLine(connection: Connection, line: Uint8Array, length: number): void {
    const isFirst = connection.lines.length === 0;
    if (!this.#lines.add(connection.lines, line, length)) {
      this.#flushAll();
      this.#addLine(connection, line, length);
      return;
    }
    if (!isFirst) return;
    connection.sinceMs = this.#deps.monotonic();
    this.#waiting.push({ connection, sinceMs: connection.sinceMs });
  }

  /** Writes the lines that wait as one frame. */
  #flush(connection: Connection): void {
    const { stats, warn } = this.#deps;
    const { file, records } = connection;
    if (file === undefined || connection.lines.length === 0) return;
    const lines = this.#lines.take(connection.lines);
    connection.records = 0;
    try {
      const frame = zstdCompressSync(lines, sized(lines.length));
      this.#files.append(file.path, frame, connection.fileBytes);
      connection.fileBytes += frame.length;
      stats[At.frames]!++;
      stats[At.fileBytes]! += frame.length;
    } catch (error) {
      stats[At.writeErrors]!++;
      stats[At.lostRecords]! += records;
      warn(`Cannot write ${file.path}: ${errorText(error)}`, { path: file.path, records });
      this.#endFile(connection);
    }
  }

  #flushAll(): void {
    for (const { connection } of this.#waiting) this.#flush(connection);
    this.#waiting = [];
  }

  /** Ends the file that is open; the next record begins another. */
  #endFile(connection: Connection): void {
    this.#flush(connection);
    const { file, fileBytes } = connection;
    connection.file = undefined;
    // Nothing on disk: its first frame could not be written.
    if (file !== undefined && fileBytes > 0 && !this.#files.end(file.path)) this.#deps.stats[At.unsynced]!++;
  }

  #end(slot: number): void {
    const connection = this.#connections.get(slot);
    if (connection === undefined) return;
    this.#endFile(connection);
    this.#connections.delete(slot);
  }
}
