import type { PreparedDatagrams } from "../../src/linux/mod.ts";

/**
 * What a load is made of: `one` metric a datagram, `twenty` metrics a datagram, or `unique` counters, each of its own name,
 * twenty a datagram.
 */
export type Shape = "one" | "twenty" | "unique";

/** The load that {@linkcode buildDatagrams} prepares. */
export interface LoadShape {
  shape: Shape;
  /** Distinct series in all. */
  series: number;
  /** Sockets that share the series: a series always comes from the same one, so that its samples keep their order. */
  senders: number;
  /** Length of a name of shape `unique`; 24 or more. @default {60} */
  nameBytes?: number;
}

/** Lines by type, and what the counters among them add up to. */
export interface Tally {
  lines: number;
  counters: number;
  gauges: number;
  timers: number;
  sets: number;
  /** Sum of the counters' values: whole numbers. */
  counterTotal: number;
}

/** One sender's part of a load: datagrams to be sent over and over, in order. */
export interface SenderLoad extends PreparedDatagrams {
  /** Distinct series in it. */
  series: number;
  /** Sums over the datagrams before each: `sums[i]` covers 0 up to, not including, i. */
  sums: Readonly<Record<keyof Tally, Float64Array>>;
}

const LINES_PER_DATAGRAM: Readonly<Record<Shape, number>> = { one: 1, twenty: 20, unique: 20 };

/** A load repeats each series with other values until it has about so many lines. */
const VARIED_LINES = 4_000;

/** The types of ten series in a row: 4 counters, 2 gauges, 3 timers, 1 set. */
const TYPES = ["c", "ms", "c", "g", "ms", "c", "s", "ms", "c", "g"] as const;
type LineType = (typeof TYPES)[number];

/** One line and what it counts. */
export interface LoadLine {
  text: string;
  type: LineType;
  /** Of a counter. */
  value: number;
}

/**
 * Line number `round` of one of a thousand or so series: 35 to 45 bytes, `web.latency.0123:12.5|ms|#env:prod,route:r2`.
 */
export function mixedLine(series: number, round: number): LoadLine {
  const type = TYPES[series % TYPES.length] ?? "c";
  const id = String(series).padStart(4, "0");
  const tags = `|#env:prod,route:r${Math.floor(series / 10) % 10}`;
  const step = series * 7 + round * 13;
  switch (type) {
    case "c": {
      const value = 1 + step % 9;
      return { text: `web.requests.${id}:${value}|c${tags}`, type, value };
    }
    case "g":
      return { text: `web.inflight.${id}:${(step % 1000 / 10).toFixed(1)}|g${tags}`, type, value: 0 };
    case "ms":
      return { text: `web.latency.${id}:${(step % 4000 / 10).toFixed(1)}|ms${tags}`, type, value: 0 };
    case "s":
      return { text: `web.users.${id}:u${step % 500}|s${tags}`, type, value: 0 };
  }
}

const NAME_HEAD = "load.unique.";
const NAME_FILL = "checkout.http.server.requests.by_customer.and_endpoint.";
const NAME_DIGITS = 9;

/** The name of a unique counter: exactly `bytes` long, the number at its end. */
export function uniqueName(series: number, bytes: number): string {
  const fill = bytes - NAME_HEAD.length - NAME_DIGITS;
  const middle = NAME_FILL.repeat(Math.ceil(fill / NAME_FILL.length)).slice(0, fill);
  return NAME_HEAD + middle + String(series).padStart(NAME_DIGITS, "0");
}

/**
 * Prepares a load, one part a sender. Each part holds each of its series equally often.
 *
 * @throws {RangeError} if there are fewer series than senders, or names too short to be unique
 */
export function buildDatagrams(load: LoadShape): SenderLoad[] {
  const { shape, series, senders, nameBytes = 60 } = load;
  if (!Number.isInteger(senders) || senders < 1) throw new RangeError(`Cannot send from ${senders} sockets`);
  if (!Number.isInteger(series) || series < senders || series >= 10 ** NAME_DIGITS) {
    throw new RangeError(`Cannot spread ${series} series over ${senders} senders: write ${senders} or more`);
  }
  if (!Number.isInteger(nameBytes) || nameBytes < 24) {
    throw new RangeError(`Cannot make unique names of ${nameBytes} bytes: write 24 or more`);
  }
  const line = shape === "unique"
    ? (i: number): LoadLine => ({ text: `${uniqueName(i, nameBytes)}:1|c`, type: "c", value: 1 })
    : mixedLine;
  const perDatagram = LINES_PER_DATAGRAM[shape];
  return Array.from({ length: senders }, (_, sender) => {
    const first = Math.floor(series * sender / senders);
    const end = Math.floor(series * (sender + 1) / senders);
    const rounds = shape === "unique" ? 1 : roundsFor(end - first, perDatagram);
    return pack(first, end, rounds, perDatagram, line);
  });
}

/** How often to go through `series` so that full datagrams come out, with values that vary. */
function roundsFor(series: number, perDatagram: number): number {
  const varied = Math.ceil(VARIED_LINES / series);
  return Math.ceil(varied / perDatagram) * perDatagram;
}

function pack(
  first: number,
  end: number,
  rounds: number,
  perDatagram: number,
  line: (series: number, round: number) => LoadLine,
): SenderLoad {
  const lines = (end - first) * rounds;
  const datagrams = Math.ceil(lines / perDatagram);
  const offsets = new Uint32Array(datagrams);
  const lengths = new Uint32Array(datagrams);
  const sum = () => new Float64Array(datagrams + 1);
  const sums = { lines: sum(), counters: sum(), gauges: sum(), timers: sum(), sets: sum(), counterTotal: sum() };
  const seen: Tally = { lines: 0, counters: 0, gauges: 0, timers: 0, sets: 0, counterTotal: 0 };
  const encoder = new TextEncoder();
  let buffer = new Uint8Array(lines * 48);
  let written = 0;
  let datagram = -1;
  for (let i = 0; i < lines; i++) {
    const series = end - first;
    const { text, type, value } = line(first + i % series, Math.floor(i / series));
    if (written + text.length + 1 > buffer.length) buffer = grow(buffer);
    if (i % perDatagram === 0) {
      datagram++;
      offsets[datagram] = written;
    } else {
      buffer[written++] = 0x0a;
    }
    written += encoder.encodeInto(text, buffer.subarray(written)).written;
    lengths[datagram] = written - (offsets[datagram] ?? 0);
    seen.lines++;
    seen[COUNTED_AS[type]]++;
    seen.counterTotal += value;
    for (const name of TALLY_NAMES) sums[name][datagram + 1] = seen[name];
  }
  return { buffer: buffer.slice(0, written), offsets, lengths, sums, series: end - first };
}

const COUNTED_AS = { c: "counters", g: "gauges", ms: "timers", s: "sets" } as const satisfies Record<LineType, string>;
const TALLY_NAMES = ["lines", "counters", "gauges", "timers", "sets", "counterTotal"] as const;

function grow(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(bytes.length * 2 + 256);
  larger.set(bytes);
  return larger;
}

/** Adds to `tally` what the datagrams from `first` on carry, `count` of them. */
export function addTally(tally: Tally, load: SenderLoad, first: number, count: number): void {
  for (const name of TALLY_NAMES) {
    const sums = load.sums[name];
    tally[name] += (sums[first + count] ?? NaN) - (sums[first] ?? NaN);
  }
}
