/** Raw flows on their way from one thread to another: many in one buffer, each behind its length. */
import { RAW_FLOW_OVERHEAD, type RawFlowEncoder } from "../raw_flow.ts";

/** Several raw flows. */
export interface Parcel {
  /** Each message behind its length, four octets, little-endian. */
  readonly octets: Uint8Array<ArrayBuffer>;
  readonly count: number;
}

const LENGTH_BYTES = 4;

/** Collects raw flows until somebody takes them. */
export class ParcelWriter {
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #at = 0;
  /** Messages so far. */
  count = 0;

  /** @param bytes when as many are there, {@linkcode isFull} says so */
  constructor(readonly bytes: number, largestPayload: number) {
    this.#buffer = new Uint8Array(bytes + largestPayload + RAW_FLOW_OVERHEAD + LENGTH_BYTES);
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

  /** What was collected, in memory of its own; the writer is empty then. */
  take(): Parcel {
    // A copy costs less than a buffer of that size that is zeroed first.
    const parcel = { octets: this.#buffer.slice(0, this.#at), count: this.count };
    this.#at = 0;
    this.count = 0;
    return parcel;
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
