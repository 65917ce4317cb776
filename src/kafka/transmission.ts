import type { Compression } from "./compression.ts";
import { keyPartition } from "./murmur2.ts";
import type { SealedRecords } from "./record_batch.ts";
import { RecordBuilder } from "./record_builder.ts";

/** A record to be sent. */
export interface OutgoingRecord {
  /** Absent or `null`: none. */
  readonly key?: Uint8Array | null;
  /** `null`: a tombstone. */
  readonly value: Uint8Array | null;
  readonly timestampMs: number;
  /** What chooses the partition where there is no key: records of one number get to one partition. Absent: in turn. */
  readonly hash?: number;
}

/** Under which numbers a batch is known to brokers. */
export interface ProducerSession {
  readonly id: bigint;
  readonly epoch: number;
  /** The next number by `PARTITION@TOPIC`. */
  readonly sequences: Map<string, number>;
}

/** Records of one partition that are sent, and fail, together. */
export interface OutgoingBatch {
  readonly partition: number;
  /** Places of its records among those of the transmission. */
  readonly places: readonly number[];
  readonly sealed: SealedRecords;
  /** Set when it is sent for the first time: a repeat must carry the same. */
  assigned: { readonly session: ProducerSession; readonly sequence: number } | undefined;
  /** It was sent, and what became of it is not known. */
  inDoubt: boolean;
}

/** Records on their way to one topic; what is left of it can be sent again without being stored twice. */
export class Transmission {
  readonly topic: string;
  readonly #records: readonly OutgoingRecord[];
  readonly #compression: Compression;
  /** By partition, in order. */
  readonly queues = new Map<number, OutgoingBatch[]>();

  private constructor(topic: string, records: readonly OutgoingRecord[], compression: Compression) {
    this.topic = topic;
    this.#records = records;
    this.#compression = compression;
  }

  /**
   * Puts records into batches.
   *
   * @param partitions how many the topic has
   * @param turn the partition of the first record that has neither key nor hash
   */
  static async prepare(
    topic: string,
    records: readonly OutgoingRecord[],
    options: {
      readonly partitions: number;
      readonly turn: number;
      readonly compression: Compression;
      readonly batchBytes: number;
    },
  ): Promise<Transmission> {
    const { partitions, compression, batchBytes } = options;
    const transmission = new Transmission(topic, records, compression);
    const places = new Map<number, number[]>();
    let { turn } = options;
    records.forEach(({ key, hash }, place) => {
      const partition = key ? keyPartition(key, partitions) : (hash === undefined ? turn++ : hash >>> 0) % partitions;
      const list = places.get(partition);
      if (list === undefined) places.set(partition, [place]);
      else list.push(place);
    });
    for (const [partition, own] of places) {
      transmission.queues.set(partition, await transmission.#batches(partition, own, batchBytes));
    }
    return transmission;
  }

  /** Places of the records that are not stored yet, as far as is known; ascending. */
  get left(): number[] {
    const batches = [...this.queues.values()].flat();
    return batches.flatMap(({ places }) => places).sort((a, b) => a - b);
  }

  /** Whether some of what is left may be stored all the same. */
  get inDoubt(): boolean {
    return this.queues.values().some((queue) => queue.some((batch) => batch.inDoubt));
  }

  /** The first batch of each partition. */
  get heads(): OutgoingBatch[] {
    return [...this.queues.values()].map(([head]) => head!);
  }

  /** Takes the first batch of a partition away: it is stored, or never will be. */
  shift(partition: number): void {
    const queue = this.queues.get(partition)!;
    queue.shift();
    if (queue.length === 0) this.queues.delete(partition);
  }

  /** Puts two halves in the place of a partition's first batch, which was too large. */
  async halve(partition: number): Promise<void> {
    const queue = this.queues.get(partition)!;
    const { places } = queue[0]!;
    const middle = Math.ceil(places.length / 2);
    const halves = [places.slice(0, middle), places.slice(middle)];
    queue.splice(0, 1, ...await Promise.all(halves.map((half) => this.#batch(partition, half))));
  }

  async #batches(partition: number, places: readonly number[], batchBytes: number): Promise<OutgoingBatch[]> {
    const parts: number[][] = [];
    let [part, bytes]: [number[], number] = [[], 0];
    for (const place of places) {
      const { key, value } = this.#records[place]!;
      const size = (key?.length ?? 0) + (value?.length ?? 0) + RecordBuilder.OVERHEAD_BYTES;
      if (part.length > 0 && bytes + size > batchBytes) {
        parts.push(part);
        [part, bytes] = [[], 0];
      }
      part.push(place);
      bytes += size;
    }
    parts.push(part);
    return await Promise.all(parts.map((one) => this.#batch(partition, one)));
  }

  async #batch(partition: number, places: readonly number[]): Promise<OutgoingBatch> {
    const builder = new RecordBuilder();
    for (const place of places) {
      const { timestampMs, key = null, value } = this.#records[place]!;
      builder.append(timestampMs, key, value);
    }
    return { partition, places, sealed: await builder.seal(this.#compression), assigned: undefined, inDoubt: false };
  }
}
