import type { Int64 } from "../wire/int64.ts";
import { BrokerStore } from "./broker_store.ts";
import { nameBytes } from "./names.ts";
import { Outcome } from "./outcome.ts";
import { idWords } from "./topic_id.ts";
import { type InterpolatedLag, TimeLagTable } from "./time_lag_table.ts";

/** A topic as the brokers have it. */
export interface BrokerTopic {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The cell of each partition's measured ends. */
  cells: Int32Array;
  /** By partition; absent where the end has not moved. */
  readonly tables: (TimeLagTable | undefined)[];
  /** The four words of its id; null where it is not known. */
  id: Int32Array | null;
  /** Changed since it was last saved. */
  changed: boolean;
}

/** A partition's measured ends as they are saved. */
export interface SavedEnds {
  /** Oldest first. */
  readonly offsets: readonly Int64[];
  /** Unix milliseconds of the newest. */
  readonly timeMs: number;
  readonly logStart: Int64 | null;
}

const NO_CELLS = new Int32Array(0);

/** The topics of one cluster: their partitions' ends, and the ids they have now. */
export class BrokerTopics {
  /** The measured ends, by cell. */
  readonly ends: BrokerStore;
  readonly #timeLagPoints: number;
  readonly #onShrunk: (topic: BrokerTopic) => void;
  readonly #topics = new Map<string, BrokerTopic>();
  readonly #ids = new Map<string, { readonly text: string; readonly words: Int32Array }>();
  readonly #namesById = new Map<string, string>();
  readonly #removed = new Set<string>();

  /**
   * @param timeLagPoints points of each partition's table for the lag in seconds; 0 keeps none
   * @param onShrunk told of a topic that has fewer partitions than before, while the cells of the others are still there
   */
  constructor(intervals: number, timeLagPoints: number, onShrunk: (topic: BrokerTopic) => void) {
    this.ends = new BrokerStore(intervals);
    this.#timeLagPoints = timeLagPoints;
    this.#onShrunk = onShrunk;
  }

  /** The names of the topics. */
  names(): IterableIterator<string> {
    return this.#topics.keys();
  }

  /** A topic by its name. */
  get(name: string): BrokerTopic | undefined {
    return this.#topics.get(name);
  }

  /** The topic of a partition whose end is known, or why a commit for it is dropped. */
  lookUp(topic: string, partition: number): BrokerTopic | Outcome {
    const known = this.#topics.get(topic);
    if (known === undefined) return Outcome.unknownTopic;
    if (partition < 0) return Outcome.negativePartition;
    const cell = known.cells[partition];
    if (cell === undefined) return Outcome.unknownPartition;
    return this.ends.newestNumber(cell) === -1 ? Outcome.noBrokerOffset : known;
  }

  /** Adds a measurement; the topic gets that many partitions. @returns false if there is no such partition or offset */
  add(name: string, partition: number, count: number, offset: Int64, timeMs: Int64, logStart?: Int64): boolean {
    if (!(partition >= 0 && partition < count) || offset < 0) return false;
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      const id = this.#ids.get(name)?.words ?? null;
      topic = { name, bytes: nameBytes(name), cells: NO_CELLS, tables: [], id, changed: true };
      this.#topics.set(name, topic);
      this.#removed.delete(name);
    }
    if (topic.cells.length !== count) this.#resize(topic, count);
    const cell = topic.cells[partition]!;
    if (this.#timeLagPoints > 0) this.#addPoint(topic, partition, cell, offset, timeMs);
    this.ends.add(cell, offset, timeMs);
    if (logStart !== undefined) this.ends.setLogStart(cell, logStart);
    topic.changed = true;
    return true;
  }

  /** Forgets a topic; nobody may hold its cells any more. */
  delete(name: string): void {
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    for (const cell of topic.cells) this.ends.free(cell);
    this.#topics.delete(name);
    this.#removed.add(name);
  }

  /** How long before `nowMs` a partition's end was at that offset; null where the table does not tell. */
  interpolate(topic: string, partition: number, committed: Int64, nowMs: number): InterpolatedLag | null {
    return this.#topics.get(topic)?.tables[partition]?.lookup(committed, nowMs) ?? null;
  }

  /** Sets the id that a topic has now, `8-4-4-4-12` hex digits; null where it is not known. */
  setId(name: string, id: string | null): void {
    const before = this.#ids.get(name);
    if (before !== undefined) this.#namesById.delete(before.text);
    const words = id === null ? null : idWords(id);
    if (words === null || id === null) this.#ids.delete(name);
    else {
      this.#ids.set(name, { text: id, words });
      this.#namesById.set(id, name);
    }
    const topic = this.#topics.get(name);
    if (topic !== undefined) topic.id = words;
  }

  /** The id that a topic has now. */
  idOf(name: string): string | undefined {
    return this.#ids.get(name)?.text;
  }

  /** The topic that has that id now. */
  nameOf(id: string): string | undefined {
    return this.#namesById.get(id);
  }

  /** Names of topics that changed, and of those that are gone, since this was last asked. */
  takeChanges(): { topics: string[]; removedTopics: string[] } {
    const changed = [...this.#topics.values()].filter((topic) => topic.changed);
    for (const topic of changed) topic.changed = false;
    const removedTopics = [...this.#removed];
    this.#removed.clear();
    return { topics: changed.map(({ name }) => name), removedTopics };
  }

  /** Puts back changes that could not be saved. */
  returnChanges(topics: readonly string[], removedTopics: readonly string[]): void {
    for (const name of topics) {
      const topic = this.#topics.get(name);
      if (topic !== undefined) topic.changed = true;
    }
    for (const name of removedTopics) if (!this.#topics.has(name)) this.#removed.add(name);
  }

  /** A topic's measured ends as they can be saved; null if it is gone. */
  save(name: string): SavedEnds[] | null {
    const topic = this.#topics.get(name);
    if (topic === undefined) return null;
    return Array.from(topic.cells, (cell) => ({
      offsets: this.ends.offsets(cell),
      timeMs: this.ends.timeMs(cell),
      logStart: this.ends.logStart(cell),
    }));
  }

  /** Puts back a topic's measured ends. */
  restore(name: string, partitions: readonly SavedEnds[]): void {
    partitions.forEach(({ offsets, timeMs, logStart }, partition) => {
      for (const offset of offsets) this.add(name, partition, partitions.length, offset, timeMs, logStart ?? undefined);
    });
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    topic.changed = false;
    topic.tables.length = 0; // times of the ends before the last are not known any more
  }

  #addPoint(topic: BrokerTopic, partition: number, cell: number, offset: Int64, timeMs: Int64): void {
    let table = topic.tables[partition];
    if (table === undefined) {
      // Where the end never moves, a table tells nothing: it begins with the second value.
      const before = this.ends.newest(cell);
      if (before === null || before === offset) return;
      table = topic.tables[partition] = new TimeLagTable(this.#timeLagPoints);
      table.add(before, this.ends.timeMs(cell));
    }
    table.add(offset, timeMs);
  }

  #resize(topic: BrokerTopic, count: number): void {
    const before = topic.cells;
    const cells = new Int32Array(count);
    cells.set(before.subarray(0, count));
    for (let partition = before.length; partition < count; partition++) cells[partition] = this.ends.allocate();
    topic.cells = cells;
    if (count >= before.length) return;
    this.#onShrunk(topic);
    for (const cell of before.subarray(count)) this.ends.free(cell);
    topic.tables.splice(count);
  }
}
