/** One insert as a batch of one event, which delivery modes carry and a spool can keep. */
import { type Batch, BatchBuilder, eventBytes } from "../../metric/mod.ts";
import type { InsertHead } from "./endpoint.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Rows to be stored. */
export interface RowBlock {
  /** A block of the Native format, as a `NativeEncoder` makes it; it is copied. */
  readonly octets: Uint8Array;
  readonly rows: number;
  /** The block's columns in its order. */
  readonly columns: readonly string[];
  /** Names the block, so that it is stored once however often it has to be sent; see {@linkcode kafkaToken}. */
  readonly token?: string;
}

/** The batch of an insert: the length of its head, its head as JSON, the block. */
export function insertBatch(head: InsertHead, block: Uint8Array, timestampS: number): Batch {
  const text = encoder.encode(JSON.stringify(head));
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, text.length, true);
  const builder = new BatchBuilder("events", timestampS);
  builder.append(size);
  builder.append(text);
  builder.append(block);
  builder.endEvent();
  return builder.build();
}

/** Reads an event of such a batch; the block is a view. @throws {RangeError} on an event that is none */
export function readInsert(
  batch: Batch,
  index: number,
): { readonly head: InsertHead; readonly block: Uint8Array<ArrayBuffer> } {
  const event = eventBytes(batch, index);
  const length = event.length < 4 ? Infinity : new DataView(event.buffer, event.byteOffset, 4).getUint32(0, true);
  if (4 + length > event.length) throw new RangeError("Cannot read an insert: its head is cut short");
  return {
    head: JSON.parse(decoder.decode(event.subarray(4, 4 + length))) as InsertHead,
    block: event.subarray(4 + length),
  };
}
