/** Raw flows on their way from one thread to another: many in one buffer, each behind its length. */
import { newSharedMemory, sharedOctets } from "../../bytes/mod.ts";
import { RAW_FLOW_OVERHEAD, type RawFlowEncoder } from "../raw_flow.ts";

/** Several raw flows. */
export interface Parcel {
  /** Each message behind its length, four octets, little-endian. */
  readonly octets: Uint8Array;
  readonly count: number;
  /** The buffer of a {@linkcode ParcelPool} that it lies in, to be released by whoever is done with it. */
  readonly slot?: number;
}

/** Buffers that readers fill and others empty, without a copy in between; both threads have the same. */
export interface ParcelPool {
  readonly buffers: readonly Uint8Array<SharedArrayBuffer>[];
  /** By buffer: 1 while it is in use. */
  readonly used: Int32Array<SharedArrayBuffer>;
  /** Where the buffers lie, and what the reader needs for itself: between all of these can be copied. */
  readonly memory: WebAssembly.Memory;
  /** A reader's own buffer, for when all others are in use. */
  readonly own: Uint8Array<SharedArrayBuffer>;
  /** Where a reader receives. */
  readonly room: Uint8Array<SharedArrayBuffer>;
}

const LENGTH_BYTES = 4;
const CACHE_LINE_BYTES = 64;
/** What is smaller is copied out of its buffer, which is then there for more. */
const SMALL_BYTES = 32 * 1024;

/** Octets of a buffer that {@linkcode ParcelWriter} can fill. */
function bufferBytes(bytes: number, largestPayload: number): number {
  return bytes + largestPayload + RAW_FLOW_OVERHEAD + LENGTH_BYTES;
}

/** Makes a pool. @param roomBytes where its reader receives */
export function newParcelPool(buffers: number, bytes: number, largestPayload: number, roomBytes = 0): ParcelPool {
  const size = Math.ceil(bufferBytes(bytes, largestPayload) / CACHE_LINE_BYTES) * CACHE_LINE_BYTES;
  const memory = newSharedMemory(size * (buffers + 1) + roomBytes);
  const octets = sharedOctets(memory);
  const all = Array.from({ length: buffers + 1 }, (_, i) => octets.subarray(i * size, (i + 1) * size));
  return {
    buffers: all.slice(0, buffers),
    used: new Int32Array(new SharedArrayBuffer(4 * buffers)),
    memory,
    own: all[buffers]!,
    room: octets.subarray(size * (buffers + 1), size * (buffers + 1) + roomBytes),
  };
}

/** Gives a parcel's buffer back. */
export function releaseParcel({ slot }: Parcel, { used }: ParcelPool): void {
  if (slot !== undefined) Atomics.store(used, slot, 0);
}

function acquire({ used }: ParcelPool): number {
  for (let slot = 0; slot < used.length; slot++) {
    if (Atomics.compareExchange(used, slot, 0, 1) === 0) return slot;
  }
  return -1;
}

/** Collects raw flows until somebody takes them. */
export class ParcelWriter {
  readonly #own: Uint8Array;
  readonly #pool: ParcelPool | undefined;
  #buffer: Uint8Array;
  /** The pool's buffer that is being filled; -1: our own. */
  #slot = -1;
  #at = 0;
  /** Messages so far. */
  count = 0;

  /** @param bytes when as many are there, {@linkcode isFull} says so */
  constructor(readonly bytes: number, largestPayload: number, pool?: ParcelPool) {
    this.#own = pool?.own ?? new Uint8Array(bufferBytes(bytes, largestPayload));
    this.#buffer = this.#own;
    this.#pool = pool;
    this.#next();
  }

  #next(): void {
    this.#slot = this.#pool === undefined ? -1 : acquire(this.#pool);
    this.#buffer = this.#pool?.buffers[this.#slot] ?? this.#own;
  }

  /** Whether it has to be taken before the next message is added. */
  get isFull(): boolean {
    return this.#at >= this.bytes;
  }

  /** Adds a message; see `RawFlowEncoder.write()`. */
  add(
    encoder: RawFlowEncoder,
    timeS: number,
    from: Uint8Array,
    start: number,
    length: number,
    source: Uint8Array,
    sourceAt: number,
  ): void {
    const buffer = this.#buffer, at = this.#at;
    const end = encoder.write(buffer, at + LENGTH_BYTES, timeS, from, start, length, source, sourceAt);
    const size = end - at - LENGTH_BYTES;
    buffer[at] = size;
    buffer[at + 1] = size >> 8;
    buffer[at + 2] = size >> 16;
    buffer[at + 3] = size >> 24;
    this.#at = end;
    this.count++;
  }

  /** What was collected, in memory of its own or in a buffer of the pool; the writer is empty then. */
  take(): Parcel {
    const { count } = this;
    const at = this.#at, slot = this.#slot;
    this.#at = 0;
    this.count = 0;
    if (slot < 0 || at < SMALL_BYTES) {
      // A copy costs less than a buffer of that size that is zeroed first.
      const parcel = { octets: this.#buffer.slice(0, at), count };
      if (slot < 0) this.#next();
      return parcel;
    }
    const octets = this.#buffer.subarray(0, at);
    this.#next();
    return { octets, count, slot };
  }
}

/** Hands each message of a parcel to `take`, by where it begins and ends in the parcel's octets. */
export function forEachRawFlow({ octets }: Parcel, take: (start: number, end: number) => void): void {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  for (let at = 0; at + LENGTH_BYTES <= octets.length;) {
    const start = at + LENGTH_BYTES, end = start + view.getUint32(at, true);
    take(start, end);
    at = end;
  }
}
