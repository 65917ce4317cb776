/**
 * The state of one interval: every series seen, by name, type, tags and scope, with its value, digest or sketch.
 *
 * One open-addressing index over byte keys. A line is looked up by its bytes as sent; only when they are new is the tag
 * list brought into its canonical form. If that differs from what was sent, the sent form becomes an alias entry, so that
 * the next line like it is found at once. All state lies in few typed arrays that cross threads by transfer.
 */
import { DigestStore, type DigestStoreState, SetStore, type SetStoreState } from "../sketch/mod.ts";
import { type MetricLine, MetricType, newMetricLine } from "./metric_line.ts";
import { hashLine, READ_AHEAD } from "./metric_scan.ts";
import { bytesOf, copyRegion, roundUp, sameRegion } from "./key_words.ts";
import {
  ALIAS,
  CELL,
  IDENTITY,
  KEY,
  KIND,
  KIND_BITS,
  LENGTHS,
  MERGED,
  META,
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
}

/** A table as it crosses threads: plain data over the buffers of `tableTransferables()`. */
export interface TableState {
  readonly entries: number;
  readonly series: number;
  readonly gauges: number;
  /** In words. */
  readonly keysLength: number;
  readonly slots: Int32Array<ArrayBuffer>;
  readonly meta: Int32Array<ArrayBuffer>;
  readonly values: Float64Array<ArrayBuffer>;
  readonly gaugeTimes: Float64Array<ArrayBuffer>;
  readonly keys: Int32Array<ArrayBuffer>;
  readonly digests: DigestStoreState;
  readonly sets: SetStoreState;
}

/** The buffers to transfer with a state. */
export function tableTransferables(state: TableState): ArrayBuffer[] {
  return [
    state.slots.buffer,
    state.meta.buffer,
    state.values.buffer,
    state.gaugeTimes.buffer,
    state.keys.buffer,
    ...DigestStore.transferables(state.digests),
    ...SetStore.transferables(state.sets),
  ];
}

const NO_ENTRY = 0;
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

  #slots: Int32Array<ArrayBuffer>; // pairs: hash, entry
  #mask: number;
  #meta: Int32Array<ArrayBuffer>;
  #values: Float64Array<ArrayBuffer>;
  #gaugeTimes: Float64Array<ArrayBuffer>;
  #keys: Int32Array<ArrayBuffer>;
  #digests: DigestStore;
  #sets: SetStore;
  #entries = 0;
  #series = 0;
  #aliases = 0;
  #gauges = 0;
  #keysLength = 0;

  /** Monotonic milliseconds of what is being sampled: the newest gauge wins where tables are merged. */
  nowMs = 0;

  /**
   * @param budget one Int32 that all tables of the process share, counting their series
   * @param like a table whose size this one starts with, so that a steady load never makes it grow
   */
  constructor(config: TableConfig, budget: Int32Array, like?: { entries: number; keysLength: number }) {
    this.#config = config;
    this.#budget = budget;
    let room = FIRST_ENTRIES;
    while (like !== undefined && room < like.entries + 2) room *= 2;
    this.#slots = new Int32Array(slotsFor(room));
    this.#mask = this.#slots.length / 2 - 1;
    this.#meta = new Int32Array(room * META);
    this.#values = new Float64Array(room);
    this.#gaugeTimes = new Float64Array(64);
    this.#keys = new Int32Array(Math.max(4_096, like?.keysLength ?? 0));
    this.#digests = new DigestStore();
    this.#sets = new SetStore();
  }

  /** Takes over what another thread released. It can be read and merged; its series are no longer in the budget. */
  static adopt(state: TableState, config: TableConfig): SeriesTable {
    const table = new SeriesTable(config, new Int32Array(1));
    table.#slots = state.slots;
    table.#mask = state.slots.length / 2 - 1;
    table.#meta = state.meta;
    table.#values = state.values;
    table.#gaugeTimes = state.gaugeTimes;
    table.#keys = state.keys;
    table.#digests = DigestStore.adopt(state.digests);
    table.#sets = SetStore.adopt(state.sets);
    table.#entries = state.entries;
    table.#series = state.series;
    table.#gauges = state.gauges;
    table.#keysLength = state.keysLength;
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
      gauges: this.#gauges,
      keysLength: this.#keysLength,
      slots: this.#slots,
      meta: this.#meta,
      values: this.#values,
      gaugeTimes: this.#gaugeTimes,
      keys: this.#keys,
      digests: this.#digests.release(),
      sets: this.#sets.release(),
    };
  }

  /** Bytes of all its buffers. */
  get byteLength(): number {
    return this.#slots.byteLength + this.#meta.byteLength + this.#values.byteLength + this.#gaugeTimes.byteLength +
      this.#keys.byteLength + this.#digests.byteLength + this.#sets.byteLength;
  }

  /** Gives its memory back at once rather than when the collector comes by; it must not be used any more. */
  free(): void {
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
    const meta = this.#meta;
    if ((meta[entry * META + KIND]! & ALIAS) !== 0) entry = meta[entry * META + CELL]!;
    switch (line.type) {
      case MetricType.counter:
        this.#values[entry]! += line.rate === 1 ? line.value : line.value / line.rate;
        break;
      case MetricType.gauge:
        this.#values[entry] = line.value;
        this.#gaugeTimes[meta[entry * META + CELL]!] = this.nowMs;
        break;
      case MetricType.set:
        this.#sets.insert(meta[entry * META + CELL]!, b, line.valueStart, line.valueEnd);
        break;
      default:
        // Most rates are 1, and dividing by them would take longer than asking.
        this.#digests.sample(meta[entry * META + CELL]!, line.value, line.rate === 1 ? 1 : 1 / line.rate);
    }
    return true;
  }

  /** Samples a value with a timestamp of its own: aggregated under key and timestamp. False: refused at a bound. */
  sampleAt(b: Uint8Array, line: MetricLine, value: number): boolean {
    const entry = this.#firstSeen(b, line);
    if (entry === NO_ENTRY) return false;
    if (line.type === MetricType.counter) this.#values[entry]! += value / line.rate;
    else {
      this.#values[entry] = value;
      this.#gaugeTimes[this.#meta[entry * META + CELL]!] = this.nowMs;
    }
    return true;
  }

  /**
   * Calls `visit` with up to `most` of the series behind `after` (0: from the first) that were not merged into another
   * table. The view is valid during the call.
   *
   * @returns what to pass as `after` to go on; 0 at the end
   */
  forEach(visit: (series: SeriesView) => void, after = 0, most = Infinity): number {
    const view = new SeriesView(this.#keys, this.#digests, this.#sets, this.#text);
    for (let entry = after + 1, left = most; entry <= this.#entries; entry++) {
      const at = entry * META;
      const kind = this.#meta[at + KIND]!;
      if ((kind & (ALIAS | MERGED)) !== 0) continue;
      if (left-- <= 0) return entry - 1;
      view.point(this.#meta[at + KEY]!, this.#meta[at + LENGTHS]!, kind, this.#values[entry]!, this.#meta[at + CELL]!);
      visit(view);
    }
    return 0;
  }

  /**
   * Merges into this table those series of `other` that it has too, and marks them so in `other`. What only `other` has
   * stays there: tables of different readers mostly hold different series, and nothing is copied for them.
   */
  absorbCommon(other: SeriesTable): void {
    const { bytes, words } = bytesOf(other.#keys);
    const line = this.#line;
    for (let entry = 1; entry <= other.#entries; entry++) {
      const at = entry * META;
      const kind = other.#meta[at + KIND]!;
      if ((kind & (ALIAS | MERGED)) !== 0) continue;
      const lengths = other.#meta[at + LENGTHS]!;
      line.nameStart = other.#meta[at + KEY]! * 4;
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
      other.#meta[at + KIND] = kind | MERGED;
    }
  }

  #mergeEntry(mine: number, other: SeriesTable, theirs: number, type: MetricType): void {
    const cell = this.#meta[mine * META + CELL]!, theirCell = other.#meta[theirs * META + CELL]!;
    switch (type) {
      case MetricType.counter:
        this.#values[mine]! += other.#values[theirs]!;
        break;
      case MetricType.gauge:
        if (other.#gaugeTimes[theirCell]! > this.#gaugeTimes[cell]!) {
          this.#values[mine] = other.#values[theirs]!;
          this.#gaugeTimes[cell] = other.#gaugeTimes[theirCell]!;
        }
        break;
      case MetricType.set:
        this.#sets.mergeFrom(cell, other.#sets, theirCell);
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
    const slots = this.#slots, meta = this.#meta, keys = this.#keys, mask = this.#mask;
    const lengths = nameLength | tagsLength << 16;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const entry = slots[slot * 2 + 1]!;
      if (entry === NO_ENTRY) return NO_ENTRY;
      if (slots[slot * 2] !== hash) continue;
      const at = entry * META;
      if (meta[at + LENGTHS] !== lengths || (meta[at + KIND]! & IDENTITY) !== identity) continue;
      const key = meta[at + KEY]!;
      if (!sameRegion(keys, key, b, nameStart, nameLength)) continue;
      const tagsKey = key + (nameLength + 3 >> 2);
      if (tagsLength > 0 && !sameRegion(keys, tagsKey, b, tagsStart, tagsLength)) continue;
      if (extra > 0) {
        if (meta[at + KIND]! >>> KIND_BITS !== extra) continue;
        if (!sameRegion(keys, tagsKey + (tagsLength + 3 >> 2), b, roundUp(tagsStart + tagsLength), extra)) continue;
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
    const extra = timestamped ? String(line.timestamp).length : 0;
    let entry = this.#find(
      this.#scratchWords,
      0,
      canonical.nameEnd,
      canonical.tagsStart,
      canonical.tagsEnd - canonical.tagsStart,
      extra,
      identity,
      canonical.hash,
    );
    if (entry === NO_ENTRY) {
      entry = this.#insertSeries(this.#scratch, canonical, identity, extra);
      if (entry === NO_ENTRY) return NO_ENTRY;
    }
    const sameBytes = scope === Scope.mixed && equalBytes(this.#scratch, 0, canonical.nameEnd, b, nameStart, nameEnd) &&
      equalBytes(this.#scratch, canonical.tagsStart, canonical.tagsEnd, b, tagsStart, tagsEnd);
    // At the bound the long way is taken each time: slower, and right all the same.
    if (line.timestamp === 0 && !sameBytes && this.#aliases < this.#config.maxSeries) {
      this.#aliases++;
      const alias = this.#insertEntry(b, line, type | ALIAS, 0);
      this.#meta[alias * META + CELL] = entry;
    }
    return entry;
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
    let cell = 0;
    if (line.type === MetricType.gauge) {
      cell = this.#gauges++;
      if (cell >= this.#gaugeTimes.length) this.#gaugeTimes = grownFloats(this.#gaugeTimes);
    } else if (line.type === MetricType.set) cell = this.#sets.add();
    else if (line.type !== MetricType.counter) cell = this.#digests.add();
    this.#meta[entry * META + CELL] = cell;
    return entry;
  }

  #insertEntry(b: Uint8Array, line: MetricLine, kind: number, extra: number): number {
    const entry = ++this.#entries;
    if ((entry + 1) * META > this.#meta.length) this.#grow();
    const nameLength = line.nameEnd - line.nameStart, tagsLength = line.tagsEnd - line.tagsStart;
    const key = this.#keysLength;
    const tagsKey = key + (nameLength + 3 >> 2), extraKey = tagsKey + (tagsLength + 3 >> 2);
    this.#keysLength = extraKey + (extra + 3 >> 2);
    if (this.#keysLength > this.#keys.length) {
      const room = Math.max(this.#keys.length * 2, this.#keysLength);
      this.#keys = new Int32Array(this.#keys.buffer.transfer(room * 4));
    }
    copyRegion(b, line.nameStart, nameLength, this.#keys, key);
    copyRegion(b, line.tagsStart, tagsLength, this.#keys, tagsKey);
    copyRegion(b, roundUp(line.tagsEnd), extra, this.#keys, extraKey);
    const at = entry * META;
    this.#meta[at + KEY] = key;
    this.#meta[at + LENGTHS] = nameLength | tagsLength << 16;
    this.#meta[at + KIND] = kind | extra << KIND_BITS;
    place(this.#slots, this.#mask, line.hash, entry);
    return entry;
  }

  /** Doubles the room for entries, and the index with it. */
  #grow(): void {
    const room = this.#values.length * 2;
    this.#meta = new Int32Array(this.#meta.buffer.transfer(room * META * 4));
    this.#values = grownFloats(this.#values);
    const old = this.#slots;
    this.#slots = new Int32Array(slotsFor(room));
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

/** An index up to this many entries stays in a processor's cache even at four slots an entry. */
const SPARSE_ENTRIES = 16_384;

/**
 * Words of an index for that many entries: pairs, a power of two. A quarter taken where that is small, so that nearly all
 * lookups meet their entry at once (half taken, each fourth lookup costs a mispredicted branch); else up to three quarters.
 */
function slotsFor(entries: number): number {
  const slots = entries <= SPARSE_ENTRIES ? entries * 4 : entries / 0.75;
  return 2 ** Math.ceil(Math.log2(slots)) * 2;
}

function place(slots: Int32Array, mask: number, hash: number, entry: number): void {
  let slot = hash & mask;
  while (slots[slot * 2 + 1] !== NO_ENTRY) slot = (slot + 1) & mask;
  slots[slot * 2] = hash;
  slots[slot * 2 + 1] = entry;
}

function grownFloats(floats: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  return new Float64Array(floats.buffer.transfer(floats.byteLength * 2));
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
