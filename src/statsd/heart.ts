/** The heart of the statsd source: lines and spans in, one interval's state out. Pure but for the time it is told. */
import type { Check, Event } from "../metric/mod.ts";
import { parseCheck, type ParsedCheck } from "./check_wire.ts";
import { type ParsedEvent, parseEvent } from "./event_wire.ts";
import { type MetricLine, MetricType, newMetricLine, Reason, REASON_MESSAGES, REASON_NAMES } from "./metric_line.ts";
import { hashLine, parseCommon, READ_AHEAD } from "./metric_scan.ts";
import { forEachValue, parseLine } from "./metric_wire.ts";
import type { DecodedImport, ImportCause } from "./forward_wire.ts";
import type { ExtractedSample } from "./span_metrics.ts";
import { SeriesTable, type TableConfig, type TableState, tableTransferables } from "./series_table.ts";
import { At, FIRST_METRIC_REFUSAL, type PacketType, refusalAt, TOO_LONG } from "./stats.ts";

/** A line that was refused, for whoever wants to hear of each. */
export interface RefusedLine {
  readonly packetType: PacketType;
  readonly reason: string;
  readonly message: string;
  /** The line's bytes, decoded. */
  readonly line: string;
}

/** What the heart needs to know of the configuration. */
export interface HeartConfig extends TableConfig {
  /** Bytes of the longest datagram or stream line. */
  readonly metricMaxLength: number;
  /** Events, and checks, kept for one flush. */
  readonly maxEvents: number;
}

/** One interval of one thread, as it crosses threads. */
export interface Interval {
  readonly table: TableState;
  readonly events: readonly Event[];
  readonly checks: readonly Check[];
}

/** The buffers to transfer with an interval. */
export function intervalTransferables(interval: Interval): ArrayBuffer[] {
  return tableTransferables(interval.table);
}

/** Where an element of an import that can't be used is counted. */
const IMPORT_ERRORS: Readonly<Record<ImportCause, number>> = {
  name: At.importName,
  type: At.importType,
  value: At.importValue,
  mismatch: At.importMismatch,
  scope: At.importScope,
};

const LF = 0x0a, CR = 0x0d, UNDERSCORE = 0x5f;

/** Takes in everything one thread receives, and gives away an interval at each flush. */
export class Heart {
  readonly #config: HeartConfig;
  readonly #budget: Int32Array;
  /** What this thread counts. */
  readonly stats: Float64Array;
  readonly #onRefused: ((refused: RefusedLine) => void) | undefined;
  #line: MetricLine = newMetricLine();
  #table: SeriesTable;
  #bytes: Uint8Array = new Uint8Array(0);
  #words: DataView = new DataView(new ArrayBuffer(0));
  #events: Event[] = [];
  #checks: Check[] = [];
  #text = new TextDecoder("utf-8", { ignoreBOM: true });
  #utf8 = new TextEncoder();
  #nowS = 0;

  constructor(
    config: HeartConfig,
    budget: Int32Array,
    stats: Float64Array,
    onRefused?: (refused: RefusedLine) => void,
  ) {
    this.#config = config;
    this.#budget = budget;
    this.stats = stats;
    this.#onRefused = onRefused;
    this.#table = new SeriesTable(config, budget);
  }

  /** Tells the time of what comes next: Unix milliseconds for timestamps, monotonic ones for the order of gauges. */
  setTime(unixMs: number, monotonicMs: number): void {
    this.#nowS = Math.floor(unixMs / 1000);
    this.#table.nowMs = monotonicMs;
  }

  /** Series sampled in this interval. */
  get series(): number {
    return this.#table.series;
  }

  /**
   * Takes in one datagram, `b[start, start + length)`. The byte behind it is overwritten, and `READ_AHEAD` more are read,
   * so they must exist. `length` may exceed the configured bound, and then only the whole lines below the bound are taken.
   */
  ingestDatagram(b: Uint8Array, start: number, length: number): void {
    const stats = this.stats;
    stats[At.datagrams]!++;
    stats[At.bytes]! += length;
    let end = start + length;
    if (length > this.#config.metricMaxLength) {
      end = start + this.#config.metricMaxLength;
      while (end > start && b[end - 1] !== LF) end--;
      stats[At.lines]!++;
      stats[TOO_LONG]!++;
      if (this.#onRefused !== undefined) {
        this.#refusedTooLong(b.subarray(start, start + this.#config.metricMaxLength));
      }
    }
    const words = this.#wordsOf(b);
    b[end] = LF; // the parser's loops end here without looking at a length
    const line = this.#line;
    const table = this.#table;
    let lines = 0, common = 0, refused = 0;
    for (let at = start; at < end;) {
      const first = b[at]!;
      if (first !== UNDERSCORE && first !== LF && parseCommon(b, words, at, line)) {
        common++;
        if (!table.sample(b, words, line)) refused++;
        at = line.lineEnd + 1;
      } else {
        let lineEnd = at;
        while (b[lineEnd] !== LF) lineEnd++;
        this.ingestLine(b, at, lineEnd);
        at = lineEnd + 1;
        continue;
      }
      lines++;
    }
    stats[At.lines]! += lines;
    stats[At.metrics]! += common;
    stats[At.samples]! += common;
    stats[At.refusedSeries]! += refused;
  }

  /** Takes in one line without its LF; false if it was refused. */
  ingestLine(b: Uint8Array, start: number, end: number): boolean {
    const stats = this.stats;
    stats[At.lines]!++;
    if (end > start && b[end - 1] === CR) end--;
    if (end === start) {
      stats[At.empty]!++;
      return true;
    }
    if (b[start] === UNDERSCORE) {
      if (b[start + 1] === 0x65 && b[start + 2] === 0x7b && end > start + 2) return this.#event(b, start, end);
      if (b[start + 1] === 0x73 && b[start + 2] === 0x63 && end > start + 2) {
        if (end === start + 3 || b[start + 3] === 0x7c) return this.#check(b, start, end);
      }
    }
    return this.#metric(b, start, end);
  }

  /** Counts a stream line or datagram that was longer than allowed. */
  tooLong(head: Uint8Array): void {
    this.stats[At.lines]!++;
    this.stats[TOO_LONG]!++;
    if (this.#onRefused !== undefined) this.#refusedTooLong(head);
  }

  /** Samples a value that did not come as a line; false: refused at a bound. */
  ingestSample(sample: ExtractedSample): boolean {
    if (sample.type === "check") {
      this.addCheck({
        name: sample.name,
        status: sample.status ?? 0,
        timestamp: sample.timestampNs === undefined ? this.#nowS : Number(sample.timestampNs / 1_000_000_000n),
        tags: sample.tags,
        ...(sample.message === undefined ? {} : { message: sample.message }),
      });
      return true;
    }
    const tags = sample.scope === "mixed" ? sample.tags : [...sample.tags, `veneur${sample.scope}only`];
    const parts = [sample.name, tags.join(","), sample.member ?? ""].map((part) => this.#utf8.encode(part));
    const b = concat(parts);
    const line = this.#line;
    line.nameStart = 0;
    line.tagsStart = line.nameEnd = parts[0]!.length;
    line.valueStart = line.tagsEnd = line.tagsStart + parts[1]!.length;
    line.valueEnd = b.length - READ_AHEAD;
    line.type = MetricType[sample.type];
    line.value = sample.value;
    line.rate = sample.rate;
    line.timestamp = 0;
    line.hash = hashLine(b, line);
    this.stats[At.samples]!++;
    if (this.#table.sample(b, this.#wordsOf(b), line)) return true;
    this.stats[At.refusedSeries]!++;
    return false;
  }

  /** Merges in what other instances handed on, and counts what could not be. */
  importAll({ series, errors }: DecodedImport): void {
    const { stats } = this;
    for (const { cause } of errors) stats[IMPORT_ERRORS[cause]]!++;
    for (const one of series) {
      stats[At.imported]!++;
      if (!this.#table.importSeries(one)) stats[At.refusedSeries]!++;
    }
  }

  /** Adds a check that did not come as a line. */
  addCheck(check: Check): void {
    if (this.#checks.length < this.#config.maxEvents) this.#checks.push(check);
    else this.stats[At.refusedEvents]!++;
  }

  /** Ends the interval: what was taken in until now belongs to it, what comes later to the next. */
  swap(): Interval {
    const { nowMs } = this.#table;
    const table = this.#table.release();
    this.#table = new SeriesTable(this.#config, this.#budget, table);
    this.#table.nowMs = nowMs;
    const interval = { table, events: this.#events, checks: this.#checks };
    this.#events = [];
    this.#checks = [];
    return interval;
  }

  /** The view of a buffer; one buffer is mostly followed by itself. */
  #wordsOf(b: Uint8Array): DataView {
    if (b !== this.#bytes) {
      this.#bytes = b;
      this.#words = new DataView(b.buffer, b.byteOffset, b.byteLength);
    }
    return this.#words;
  }

  #metric(b: Uint8Array, start: number, end: number): boolean {
    if (end + READ_AHEAD > b.length) {
      // A line at the very end of its buffer, as streams have them: the table reads whole words.
      const room = new Uint8Array(end - start + READ_AHEAD);
      room.set(b.subarray(start, end));
      return this.#metric(room, 0, end - start);
    }
    const line = this.#line, stats = this.stats;
    const words = this.#wordsOf(b);
    const reason = parseLine(b, start, end, line);
    if (reason !== Reason.ok) {
      stats[FIRST_METRIC_REFUSAL + reason]!++;
      this.#refused("metric", REASON_NAMES[reason]!, REASON_MESSAGES[reason]!, b, start, end);
      return false;
    }
    stats[At.metrics]!++;
    stats[At.samples]! += line.valueCount;
    line.hash = hashLine(b, line);
    let refused = 0;
    if (line.timestamp > 0) {
      forEachValue(b, line, (value) => {
        if (!this.#table.sampleAt(b, line, value)) refused++;
      });
    } else if (line.valueCount === 1) {
      if (!this.#table.sample(b, words, line)) refused++;
    } else {
      forEachValue(b, line, (value) => {
        line.value = value;
        if (!this.#table.sample(b, words, line)) refused++;
      });
    }
    stats[At.refusedSeries]! += refused;
    return true;
  }

  #event(b: Uint8Array, start: number, end: number): boolean {
    const event = parseEvent(b, start, end, this.#nowS);
    if ("reason" in event) {
      this.stats[refusalAt("event", event.reason)]!++;
      this.#refused("event", event.reason, event.message, b, start, end);
      return false;
    }
    this.stats[At.events]!++;
    if (this.#events.length < this.#config.maxEvents) this.#events.push(withoutOrigin(event));
    else this.stats[At.refusedEvents]!++;
    return true;
  }

  #check(b: Uint8Array, start: number, end: number): boolean {
    const check = parseCheck(b, start, end, this.#nowS);
    if ("reason" in check) {
      this.stats[refusalAt("service_check", check.reason)]!++;
      this.#refused("service_check", check.reason, check.message, b, start, end);
      return false;
    }
    this.stats[At.checks]!++;
    this.addCheck(withoutOrigin(check));
    return true;
  }

  #refused(packetType: PacketType, reason: string, message: string, b: Uint8Array, start: number, end: number): void {
    this.#onRefused?.({ packetType, reason, message, line: this.#text.decode(b.subarray(start, end)) });
  }

  #refusedTooLong(head: Uint8Array): void {
    const message =
      `Cannot read all of it: it is longer than metric_max_length (${this.#config.metricMaxLength} bytes)`;
    this.#onRefused?.({ packetType: "unknown", reason: "toolong", message, line: this.#text.decode(head) });
  }
}

/** The parts one behind the other, and room to read ahead. */
function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, READ_AHEAD));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** What is published of an event or check: where it came from on the host was for the agent only. */
function withoutOrigin<T extends ParsedEvent | ParsedCheck>(parsed: T): T {
  const { container: _container, externalData: _externalData, cardinality: _cardinality, ...rest } = parsed;
  return rest as T;
}
