/**
 * The state of one interval: every series seen, by name, type, tags and scope, with its value, digest or sketch.
 *
 * One open-addressing index over byte keys. A line is looked up by its bytes as sent; only when they are new is the tag
 * list brought into its canonical form. If that differs from what was sent, the sent form becomes an alias entry, so that
 * the next line like it is found at once. All state lies in few typed arrays that cross threads by transfer.
 */
import {
  decodeSetGob,
  DigestStore,
  type DigestStoreState,
  encodeSetGob,
  HyperLogLogV1,
  SetStore,
  type SetStoreState,
} from "../sketch/mod.ts";
import type { ForwardedSeries } from "./forward_wire.ts";
import { type MetricLine, MetricType, newMetricLine } from "./metric_line.ts";
import { hashLine, READ_AHEAD } from "./metric_scan.ts";
import { mostEntries, slotsFor } from "./index_size.ts";
import { bytesOf, copyRegion, roundUp, sameRegion, wordsOf } from "./key_words.ts";
import {
  ALIAS,
  CELL,
  IDENTITY,
  KEY,
  KIND,
  KIND_BITS,
  LENGTHS,
  MERGED,
  SCOPE_SHIFT,
  TIMESTAMPED,
  TYPE_MASK,
} from "./series_entry.ts";
import { SeriesView } from "./series_view.ts";
import { areCanonical, canonicalTags, Scope } from "./tags.ts";

/** What the table needs to know of the configuration. */
export interface TableConfig {
  /** Tags that every series gets at parse time. */
  readonly extendTags: readonly string[];
  /** Series in all tables that share a budget. */
  readonly maxSeries: number;
  /** A series with more tags is refused; 0 has no bound. */
  readonly maxTagsPerMetric: number;
  /** A local instance hands global series on, without their timestamps. */
  readonly isLocal: boolean;
  /** Sets are sampled as releases before 1.7 do, for a global instance that is one. @default false */
  readonly setsOfGenerationA?: boolean;
}

/** How much a table holds. */
export interface TableSize {
  readonly entries: number;
  readonly counters: number;
  readonly gauges: number;
  /** Words of `records` in use. */
  readonly recordsLength: number;
}

/** A table as it crosses threads: plain data over the buffers of `tableTransferables()`. */
export interface TableState extends TableSize {
  readonly series: number;
  readonly slots: Int32Array<ArrayBuffer>;
  readonly records: Int32Array<ArrayBuffer>;
  readonly counts: Float64Array<ArrayBuffer>;
  readonly levels: Float64Array<ArrayBuffer>;
  readonly digests: DigestStoreState;
  readonly sets: SetStoreState;
  /** Sets of the older generation, in the form in which they travel, by the cell of their series. */
  readonly oldSets: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
}

/** The buffers to transfer with a state. */
export function tableTransferables(state: TableState): ArrayBuffer[] {
  return [
    state.slots.buffer,
    state.records.buffer,
    state.counts.buffer,
    state.levels.buffer,
    ...DigestStore.transferables(state.digests),
    ...SetStore.transferables(state.sets),
  ];
}

const NO_ENTRY = 0, FIRST_RECORD = 1;
const FIRST_ENTRIES = 256;

/** One interval's series. Not for two threads at once; see `release()`. */
export class SeriesTable {
  readonly #config: TableConfig;
  /** Counts the series of all tables that share it. */
  readonly #budget: Int32Array;
  #text = new TextDecoder("utf-8", { ignoreBOM: true });
  #utf8 = new TextEncoder();
  #line = newMetricLine();
  #scratch = new Uint8Array(0);
  #scratchWords = new DataView(new ArrayBuffer(0));

  /** Pairs: the hash of a key, and the word at which its record starts. */
  #slots: Int32Array<ArrayBuffer>;
  #mask: number;
  #records: Int32Array<ArrayBuffer>;
  #recordsLength = FIRST_RECORD;
  /** Sums of counters, by cell. */
  #counts: Float64Array<ArrayBuffer>;
  /** Pairs by cell: a gauge's value, and the monotonic milliseconds at which it came. */
  #levels: Float64Array<ArrayBuffer>;
  #digests: DigestStore;
  #sets: SetStore;
  /** Sets of the older generation, by the cell of their series. */
  #oldSets = new Map<number, HyperLogLogV1>();
  #entries = 0;
  #series = 0;
  #aliases = 0;
  #counters = 0;
  #gauges = 0;

  /** Monotonic milliseconds of what is being sampled: the newest gauge wins where tables are merged. */
  nowMs = 0;

  /**
   * @param budget one Int32 that all tables of the process share, counting their series
   * @param like a table whose size this one starts with, so that a steady load never makes it grow
   */
  constructor(
    config: TableConfig,
    budget: Int32Array,
    like?: TableSize,
  ) {
    this.#config = config;
    this.#budget = budget;
    this.#slots = new Int32Array(slotsFor(Math.max(FIRST_ENTRIES, like?.entries ?? 0)) * 2);
    this.#mask = this.#slots.length / 2 - 1;
    this.#records = new Int32Array(Math.max(FIRST_ENTRIES * 16, like?.recordsLength ?? 0));
    this.#counts = new Float64Array(Math.max(FIRST_ENTRIES, like?.counters ?? 0));
    this.#levels = new Float64Array(2 * Math.max(FIRST_ENTRIES, like?.gauges ?? 0));
    this.#digests = new DigestStore();
    this.#sets = new SetStore();
  }

  /** Takes over what another thread released. It can be read and merged; its series are no longer in the budget. */
  static adopt(state: TableState, config: TableConfig): SeriesTable {
    const table = new SeriesTable(config, new Int32Array(1));
    table.#slots = state.slots;
    table.#mask = state.slots.length / 2 - 1;
    table.#records = state.records;
    table.#recordsLength = state.recordsLength;
    table.#counts = state.counts;
    table.#levels = state.levels;
    table.#digests = DigestStore.adopt(state.digests);
    table.#sets = SetStore.adopt(state.sets);
    for (const [cell, bytes] of state.oldSets) table.#oldSets.set(cell, decodeSetGob(bytes));
    table.#entries = state.entries;
    table.#series = state.series;
    table.#counters = state.counters;
    table.#gauges = state.gauges;
    return table;
  }

  /** Series in the table, aliases not counted. */
  get series(): number {
    return this.#series;
  }

  /** Gives its state away and its series back to the budget; the table must not be used any more. */
  release(): TableState {
    Atomics.sub(this.#budget, 0, this.#series);
    return {
      entries: this.#entries,
      series: this.#series,
      counters: this.#counters,
      gauges: this.#gauges,
      recordsLength: this.#recordsLength,
      slots: this.#slots,
      records: this.#records,
      counts: this.#counts,
      levels: this.#levels,
      digests: this.#digests.release(),
      sets: this.#sets.release(),
      oldSets: new Map([...this.#oldSets].map(([cell, sketch]) => [cell, encodeSetGob(sketch)])),
    };
  }

  /** Bytes of all its buffers. */
  get byteLength(): number {
    return this.#slots.byteLength + this.#records.byteLength + this.#counts.byteLength + this.#levels.byteLength +
      this.#digests.byteLength + this.#sets.byteLength;
  }

  /** Gives its memory back at once rather than when the collector comes by; it must not be used any more. */
  free(): void {
    this.#oldSets.clear();
    for (const buffer of tableTransferables(this.release())) buffer.transfer(0);
  }

  /**
   * Samples a line of `b` whose `hash` is set; `words` is a view of the same bytes. False: refused at a bound.
   */
  sample(b: Uint8Array, words: DataView, line: MetricLine): boolean {
    const nameLength = line.nameEnd - line.nameStart;
    const tagsLength = line.tagsEnd - line.tagsStart;
    let entry = this.#find(words, line.nameStart, nameLength, line.tagsStart, tagsLength, 0, line.type, line.hash);
    if (entry === NO_ENTRY) {
      entry = this.#firstSeen(b, line);
      if (entry === NO_ENTRY) return false;
    }
    const records = this.#records;
    if ((records[entry + KIND]! & ALIAS) !== 0) entry = records[entry + CELL]!;
    const cell = records[entry + CELL]!;
    switch (line.type) {
      case MetricType.counter:
        this.#counts[cell]! += line.rate === 1 ? line.value : line.value / line.rate;
        break;
      case MetricType.gauge:
        this.#levels[cell * 2] = line.value;
        this.#levels[cell * 2 + 1] = this.nowMs;
        break;
      case MetricType.set:
        if (this.#config.setsOfGenerationA) this.#oldSetOf(cell).insert(b, line.valueStart, line.valueEnd);
        else this.#sets.insert(cell, b, line.valueStart, line.valueEnd);
        break;
      default:
        // Most rates are 1, and dividing by them would take longer than asking.
        this.#digests.sample(cell, line.value, line.rate === 1 ? 1 : 1 / line.rate);
    }
    return true;
  }

  /** Samples a value with a timestamp of its own: aggregated under key and timestamp. False: refused at a bound. */
  sampleAt(b: Uint8Array, line: MetricLine, value: number): boolean {
    const entry = this.#firstSeen(b, line);
    if (entry === NO_ENTRY) return false;
    const cell = this.#records[entry + CELL]!;
    if (line.type === MetricType.counter) this.#counts[cell]! += value / line.rate;
    else {
      this.#levels[cell * 2] = value;
      this.#levels[cell * 2 + 1] = this.nowMs;
    }
    return true;
  }

  /**
   * Merges in what another instance handed on: digests and sketches without the aggregates of whoever sampled them, which
   * that one publishes itself. False: refused at a bound.
   */
  importSeries({ name, tags, isGlobal, value }: ForwardedSeries): boolean {
    const type = MetricType[value.type];
    const asked = isGlobal || type === MetricType.counter || type === MetricType.gauge ? Scope.global : Scope.mixed;
    const key = this.#writeKey(name, tags.join(","), "", type);
    const entry = this.#seriesOf(key, type | storeScope(type, asked) << SCOPE_SHIFT, 0);
    if (entry === NO_ENTRY) return false;
    const cell = this.#records[entry + CELL]!;
    switch (value.type) {
      case "counter":
        this.#counts[cell]! += Number(value.total);
        break;
      case "gauge":
        this.#levels[cell * 2] = value.value;
        this.#levels[cell * 2 + 1] = this.nowMs;
        break;
      case "set":
        if (value.sketch instanceof HyperLogLogV1) this.#importOldSet(cell, value.sketch);
        else this.#sets.mergeSketch(cell, value.sketch);
        break;
      default:
        this.#digests.mergeDigest(cell, value.digest);
    }
    return true;
  }

  /** Sets of the older generation hash otherwise, and so stand beside the newer sketch of the same series. */
  #importOldSet(cell: number, sketch: HyperLogLogV1): void {
    const mine = this.#oldSets.get(cell);
    if (mine === undefined) this.#oldSets.set(cell, sketch);
    else mine.merge(sketch);
  }

  #oldSetOf(cell: number): HyperLogLogV1 {
    let sketch = this.#oldSets.get(cell);
    if (sketch === undefined) this.#oldSets.set(cell, sketch = new HyperLogLogV1());
    return sketch;
  }

  /**
   * Calls `visit` with up to `most` series that were not merged into another table, in the order in which they were first
   * seen. The view is valid during the call.
   *
   * @param from 0, or where the last call stopped
   * @returns where to go on; 0 at the end
   */
  forEach(visit: (series: SeriesView) => void, from = 0, most = Infinity): number {
    const view = new SeriesView(this.#records, this.#digests, this.#sets, this.#oldSets, this.#text);
    let left = most;
    for (let entry = Math.max(from, FIRST_RECORD); entry < this.#recordsLength; entry = this.#next(entry)) {
      if ((this.#records[entry + KIND]! & (ALIAS | MERGED)) !== 0) continue;
      if (left-- <= 0) return entry;
      view.point(entry, this.#value(entry));
      visit(view);
    }
    return 0;
  }

  /** Where the record behind that one starts. */
  #next(entry: number): number {
    const lengths = this.#records[entry + LENGTHS]!, extra = this.#records[entry + KIND]! >>> KIND_BITS;
    return entry + KEY + wordsOf(lengths & 0xffff) + wordsOf(lengths >>> 16) + wordsOf(extra);
  }

  /** A counter's sum, or a gauge's value; 0 for what has a digest or sketch. */
  #value(entry: number): number {
    const cell = this.#records[entry + CELL]!;
    switch (this.#records[entry + KIND]! & TYPE_MASK) {
      case MetricType.counter:
        return this.#counts[cell]!;
      case MetricType.gauge:
        return this.#levels[cell * 2]!;
      default:
        return 0;
    }
  }

  /**
   * Merges into this table those series of `other` that it has too, and marks them so in `other`. What only `other` has
   * stays there: tables of different readers mostly hold different series, and nothing is copied for them.
   */
  absorbCommon(other: SeriesTable): void {
    const { bytes, words } = bytesOf(other.#records);
    const line = this.#line;
    for (let entry = FIRST_RECORD; entry < other.#recordsLength; entry = other.#next(entry)) {
      const kind = other.#records[entry + KIND]!;
      if ((kind & (ALIAS | MERGED)) !== 0) continue;
      const lengths = other.#records[entry + LENGTHS]!;
      line.nameStart = (entry + KEY) * 4;
      line.nameEnd = line.nameStart + (lengths & 0xffff);
      line.tagsStart = roundUp(line.nameEnd);
      line.tagsEnd = line.tagsStart + (lengths >>> 16);
      line.type = (kind & TYPE_MASK) as MetricType;
      const mine = this.#find(
        words,
        line.nameStart,
        lengths & 0xffff,
        line.tagsStart,
        lengths >>> 16,
        kind >>> KIND_BITS,
        kind & IDENTITY,
        hashLine(bytes, line),
      );
      if (mine === NO_ENTRY) continue;
      this.#mergeEntry(mine, other, entry, line.type);
      other.#records[entry + KIND] = kind | MERGED;
    }
  }

  #mergeEntry(mine: number, other: SeriesTable, theirs: number, type: MetricType): void {
    const cell = this.#records[mine + CELL]!, theirCell = other.#records[theirs + CELL]!;
    switch (type) {
      case MetricType.counter:
        this.#counts[cell]! += other.#counts[theirCell]!;
        break;
      case MetricType.gauge:
        if (other.#levels[theirCell * 2 + 1]! <= this.#levels[cell * 2 + 1]!) break;
        this.#levels[cell * 2] = other.#levels[theirCell * 2]!;
        this.#levels[cell * 2 + 1] = other.#levels[theirCell * 2 + 1]!;
        break;
      case MetricType.set:
        this.#sets.mergeFrom(cell, other.#sets, theirCell);
        if (other.#oldSets.has(theirCell)) this.#importOldSet(cell, other.#oldSets.get(theirCell)!);
        break;
      default:
        this.#digests.mergeFrom(cell, other.#digests, theirCell, true);
    }
  }

  /**
   * The entry of that key, or 0. Behind the tags, from the next word of the buffer on, a key with a timestamp has
   * `extra` digits more. An alias is found as what it stands for is.
   */
  #find(
    b: DataView,
    nameStart: number,
    nameLength: number,
    tagsStart: number,
    tagsLength: number,
    extra: number,
    identity: number,
    hash: number,
  ): number {
    const slots = this.#slots, records = this.#records, mask = this.#mask;
    const lengths = nameLength | tagsLength << 16;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const entry = slots[slot * 2 + 1]!;
      if (entry === NO_ENTRY) return NO_ENTRY;
      if (slots[slot * 2] !== hash) continue;
      const kind = records[entry + KIND]!;
      if (records[entry + LENGTHS] !== lengths || (kind & IDENTITY) !== identity) continue;
      const key = entry + KEY;
      if (!sameRegion(records, key, b, nameStart, nameLength)) continue;
      const tagsKey = key + wordsOf(nameLength);
      if (tagsLength > 0 && !sameRegion(records, tagsKey, b, tagsStart, tagsLength)) continue;
      if (extra > 0) {
        if (kind >>> KIND_BITS !== extra) continue;
        if (!sameRegion(records, tagsKey + wordsOf(tagsLength), b, roundUp(tagsStart + tagsLength), extra)) continue;
      }
      return entry;
    }
  }

  /** A key whose bytes are new: finds or makes its series, and the alias for the bytes as sent. 0: refused. */
  #firstSeen(b: Uint8Array, line: MetricLine): number {
    const { nameStart, nameEnd, tagsStart, tagsEnd, type } = line;
    if (this.#isCanonical(b, line)) return this.#insertSeries(b, line, type, 0);

    const { tags, scope: asked } = canonicalTags(
      this.#text.decode(b.subarray(tagsStart, tagsEnd)),
      this.#config.extendTags,
    );
    const scope = storeScope(type, asked);
    if (this.#config.maxTagsPerMetric > 0 && tags.length > this.#config.maxTagsPerMetric) return NO_ENTRY;
    const name = this.#text.decode(b.subarray(nameStart, nameEnd));
    const timestamped = line.timestamp > 0 && !(this.#config.isLocal && asked === Scope.global);
    const canonical = this.#writeKey(name, tags.join(","), timestamped ? String(line.timestamp) : "", type);
    const identity = type | scope << SCOPE_SHIFT | (timestamped ? TIMESTAMPED : 0);
    const entry = this.#seriesOf(canonical, identity, timestamped ? String(line.timestamp).length : 0);
    if (entry === NO_ENTRY) return NO_ENTRY;
    const sameBytes = scope === Scope.mixed && equalBytes(this.#scratch, 0, canonical.nameEnd, b, nameStart, nameEnd) &&
      equalBytes(this.#scratch, canonical.tagsStart, canonical.tagsEnd, b, tagsStart, tagsEnd);
    // At the bound the long way is taken each time: slower, and right all the same.
    if (line.timestamp === 0 && !sameBytes && this.#aliases < this.#config.maxSeries) {
      this.#aliases++;
      const alias = this.#insertEntry(b, line, type | ALIAS, 0);
      this.#records[alias + CELL] = entry;
    }
    return entry;
  }

  /** The series of a key in the scratch buffer, made if it is new. 0: refused. */
  #seriesOf(key: MetricLine, identity: number, extra: number): number {
    const found = this.#find(
      this.#scratchWords,
      0,
      key.nameEnd,
      key.tagsStart,
      key.tagsEnd - key.tagsStart,
      extra,
      identity,
      key.hash,
    );
    return found === NO_ENTRY ? this.#insertSeries(this.#scratch, key, identity, extra) : found;
  }

  #isCanonical(b: Uint8Array, line: MetricLine): boolean {
    if (line.timestamp > 0 || this.#config.extendTags.length > 0 || this.#config.maxTagsPerMetric > 0) return false;
    for (let i = line.nameStart; i < line.nameEnd; i++) if (b[i]! >= 0x80) return false;
    return areCanonical(b, line.tagsStart, line.tagsEnd);
  }

  /** Lays a canonical key into the scratch buffer as a line would have it, each part from a word of its own on. */
  #writeKey(name: string, tags: string, timestamp: string, type: MetricType): MetricLine {
    const need = (name.length + tags.length) * 3 + timestamp.length + 12 + READ_AHEAD;
    if (this.#scratch.length < need) {
      this.#scratch = new Uint8Array(need * 2);
      this.#scratchWords = new DataView(this.#scratch.buffer);
    }
    const line = this.#line;
    line.type = type;
    line.nameStart = 0;
    line.nameEnd = this.#utf8.encodeInto(name, this.#scratch).written;
    line.tagsStart = roundUp(line.nameEnd);
    line.tagsEnd = line.tagsStart + this.#utf8.encodeInto(tags, this.#scratch.subarray(line.tagsStart)).written;
    this.#utf8.encodeInto(timestamp, this.#scratch.subarray(roundUp(line.tagsEnd)));
    line.hash = hashLine(this.#scratch, line);
    return line;
  }

  /** A new series and its cell. 0: the budget is used up, or the key is longer than an entry can say. */
  #insertSeries(b: Uint8Array, line: MetricLine, identity: number, extra: number): number {
    if (line.nameEnd - line.nameStart > 0xffff || line.tagsEnd - line.tagsStart > 0xffff) return NO_ENTRY;
    if (Atomics.add(this.#budget, 0, 1) >= this.#config.maxSeries) {
      Atomics.sub(this.#budget, 0, 1);
      return NO_ENTRY;
    }
    this.#series++;
    const entry = this.#insertEntry(b, line, identity, extra);
    this.#records[entry + CELL] = this.#newCell(line.type);
    return entry;
  }

  #newCell(type: MetricType): number {
    switch (type) {
      case MetricType.counter:
        if (this.#counters === this.#counts.length) this.#counts = grownFloats(this.#counts);
        return this.#counters++;
      case MetricType.gauge:
        if (this.#gauges * 2 === this.#levels.length) this.#levels = grownFloats(this.#levels);
        return this.#gauges++;
      case MetricType.set:
        return this.#sets.add();
      default:
        return this.#digests.add();
    }
  }

  #insertEntry(b: Uint8Array, line: MetricLine, kind: number, extra: number): number {
    const nameLength = line.nameEnd - line.nameStart, tagsLength = line.tagsEnd - line.tagsStart;
    const entry = this.#recordsLength;
    const key = entry + KEY, tagsKey = key + wordsOf(nameLength), extraKey = tagsKey + wordsOf(tagsLength);
    this.#recordsLength = extraKey + wordsOf(extra);
    if (this.#recordsLength > this.#records.length) {
      this.#records = grownInts(this.#records, Math.max(this.#records.length * 2, this.#recordsLength));
    }
    const records = this.#records;
    records[entry + LENGTHS] = nameLength | tagsLength << 16;
    records[entry + KIND] = kind | extra << KIND_BITS;
    copyRegion(b, line.nameStart, nameLength, records, key);
    copyRegion(b, line.tagsStart, tagsLength, records, tagsKey);
    copyRegion(b, roundUp(line.tagsEnd), extra, records, extraKey);
    if (++this.#entries > mostEntries(this.#mask + 1)) this.#growIndex();
    place(this.#slots, this.#mask, line.hash, entry);
    return entry;
  }

  #growIndex(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(slotsFor(this.#entries) * 2);
    this.#mask = this.#slots.length / 2 - 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] !== NO_ENTRY) place(this.#slots, this.#mask, old[i]!, old[i + 1]!);
    }
    old.buffer.transfer(0); // gives the memory back now, not when the collector comes by
  }
}

/** Counters and gauges that are local only, and sets that are global only, are the same series as mixed ones. */
function storeScope(type: MetricType, asked: Scope): Scope {
  if (type === MetricType.set) return asked === Scope.global ? Scope.mixed : asked;
  if (type === MetricType.counter || type === MetricType.gauge) return asked === Scope.local ? Scope.mixed : asked;
  return asked;
}

function place(slots: Int32Array, mask: number, hash: number, entry: number): void {
  let slot = hash & mask;
  while (slots[slot * 2 + 1] !== NO_ENTRY) slot = (slot + 1) & mask;
  slots[slot * 2] = hash;
  slots[slot * 2 + 1] = entry;
}

// Copied, not `transfer`red: that one writes zeros behind what it copies, and so makes all of the new room resident, where
// new memory is resident only as far as it is used. The old is given back at once, not when the collector comes by.

function grownInts(ints: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(length);
  grown.set(ints);
  ints.buffer.transfer(0);
  return grown;
}

function grownFloats(floats: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(floats.length * 2);
  grown.set(floats);
  floats.buffer.transfer(0);
  return grown;
}

function equalBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false;
  for (let i = aStart, j = bStart; i < aEnd; i++, j++) if (a[i] !== b[j]) return false;
  return true;
}
