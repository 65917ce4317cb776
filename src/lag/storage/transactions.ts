/** Which end of a transaction a control record tells; null if it is none of the two. */
export function transactionEnd(key: Uint8Array | null): "commit" | "abort" | null {
  if (key === null || key.length < 4) return null;
  const type = key[2]! << 8 | key[3]!;
  return type === 1 ? "commit" : type === 0 ? "abort" : null;
}

/** A record that waits for the end of its transaction, in memory of its own. */
export interface PendingRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly order: number;
}

/** What a record costs beside its bytes. */
const RECORD_BYTES = 200;

/** Records of open transactions of one partition, by their producer, up to a number of bytes. */
export class PendingTransactions {
  readonly #mostBytes: number;
  readonly #pending = new Map<bigint, { readonly records: PendingRecord[]; bytes: number }>();
  #bytes = 0;

  /** @param mostBytes what all of them may take */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Records that wait. */
  get size(): number {
    let size = 0;
    for (const { records } of this.#pending.values()) size += records.length;
    return size;
  }

  /** Keeps a record. @returns false if there is no room for it */
  keep(producerId: bigint, record: PendingRecord): boolean {
    const bytes = RECORD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0);
    if (this.#bytes + bytes > this.#mostBytes) return false;
    let of = this.#pending.get(producerId);
    if (of === undefined) this.#pending.set(producerId, of = { records: [], bytes: 0 });
    of.records.push(record);
    of.bytes += bytes;
    this.#bytes += bytes;
    return true;
  }

  /** Takes out what a producer's transaction holds, in the order of the log. */
  end(producerId: bigint): readonly PendingRecord[] {
    const of = this.#pending.get(producerId);
    if (of === undefined) return [];
    this.#pending.delete(producerId);
    this.#bytes -= of.bytes;
    return of.records;
  }
}
