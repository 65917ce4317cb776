/** Records of a log as a reader hands them on: where they lie in what was fetched. */

/** A batch of records as it was fetched, of which the reader needs this much. */
export interface LogBatch {
  /** Holds a transaction's end. */
  readonly isControl: boolean;
  readonly isTransactional: boolean;
  readonly producerId: bigint;
}

/** A record's place in `bytes`; -1 as a start is null. */
export interface LogRecord {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** Hands each record of a batch to `take`, perhaps in the same object. */
export type EachRecord<B extends LogBatch> = (batch: B, take: (record: LogRecord) => void) => void;

/** A key or a value where it lies. */
export function part(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
  return start < 0 ? null : bytes.subarray(start, end);
}

/** A key or a value that outlives its batch. */
export function copied(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
  return start < 0 ? null : bytes.slice(start, end);
}
