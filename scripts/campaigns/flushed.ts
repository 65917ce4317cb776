/** What an agent printed, added up. */
import { TextLineStream } from "@std/streams/text-line-stream";

/** Sums over the printed points of a generated load. */
export interface Flushed {
  /** JSON lines. */
  readonly lines: number;
  /** Flushes, told apart by their timestamp. */
  readonly flushes: number;
  /** What the counters add up to: value times interval of each point, which must come to a whole number. */
  readonly counterTotal: number;
  /** Samples of timers, from their `.count` points. */
  readonly timerSamples: number;
  /** Points whose value times interval is no whole number, as the load's are: a sum that went wrong. */
  readonly uneven: number;
}

const COUNTERS = ["web.requests.", "load.unique."];
const TIMER = /^web\.latency\.\d+\.count$/;
/** A rate is a total divided by the seconds of an interval, and so off by a rounding of the last bit. */
const ROUNDING = 1e-6;

/** Adds up the lines of a file that an agent printed to. @throws {SyntaxError} on a line that is no JSON */
export async function readFlushed(path: string): Promise<Flushed> {
  const file = await Deno.open(path);
  return await sumFlushed(file.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()));
}

/** What {@linkcode readFlushed} does with the lines. */
export async function sumFlushed(lines: AsyncIterable<string> | Iterable<string>): Promise<Flushed> {
  const timestamps = new Set<number>();
  let seen = 0, counterTotal = 0, timerSamples = 0, uneven = 0;
  for await (const line of lines) {
    if (line === "") continue;
    const { name = "", type, value = NaN, interval = NaN, timestamp = NaN }: PrintedPoint = JSON.parse(line);
    seen++;
    timestamps.add(timestamp);
    if (type !== "rate") continue;
    const total = Math.round(value * interval);
    if (!(Math.abs(value * interval - total) < ROUNDING * Math.max(1, total))) uneven++;
    else if (COUNTERS.some((start) => name.startsWith(start))) counterTotal += total;
    else if (TIMER.test(name)) timerSamples += total;
  }
  return { lines: seen, flushes: timestamps.size, counterTotal, timerSamples, uneven };
}

interface PrintedPoint {
  readonly name?: string;
  readonly type?: string;
  readonly value?: number;
  readonly interval?: number;
  readonly timestamp?: number;
}
