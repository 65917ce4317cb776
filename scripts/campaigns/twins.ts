/** Two aggregations that are given the same datagrams, the one whole, the other line by line, and must agree. */
import { Section } from "../../src/config/mod.ts";
import {
  AggregationCore,
  At,
  coreConfig,
  newStats,
  type Published,
  readStatsdConfig,
  STATS_LENGTH,
} from "../../src/statsd/mod.ts";

const LF = 0x0a;
/** What only datagrams count. */
const OWN_COUNTS: readonly number[] = [At.datagrams, At.bytes];

/**
 * The quick way through a datagram, which reads the common form of a line in place, beside the plain way, which takes each
 * line out and parses it by itself.
 */
export class Twins {
  readonly stats = newStats();
  readonly #lineStats = newStats();
  readonly #whole: AggregationCore;
  readonly #lines: AggregationCore;
  readonly #metricMaxLength: number;
  readonly #published: { whole: string[]; lines: string[] } = { whole: [], lines: [] };
  /** Points without a number, which nobody could deliver. */
  #unfit = 0;

  /** @param statsd the section of the configuration */
  constructor(statsd: Readonly<Record<string, unknown>>) {
    const read = readStatsdConfig(Section.of({ ...statsd }), false);
    const config = coreConfig(read, "fuzz", []);
    this.#metricMaxLength = read.metricMaxLength;
    const core = (stats: Float64Array, published: string[]) =>
      new AggregationCore(config, {
        budget: new Int32Array(1),
        stats,
        post: () => Promise.resolve(),
        forward: () => Promise.reject(new TypeError("Cannot forward: this is no local instance")),
        pause: () => Promise.resolve(),
        monotonic: () => 0,
        onPublished: (one) => void published.push(this.#shown(one)),
      });
    this.#whole = core(this.stats, this.#published.whole);
    this.#lines = core(this.#lineStats, this.#published.lines);
  }

  /** The time of what comes next. */
  setTime(unixMs: number): void {
    this.#whole.heart.setTime(unixMs, unixMs);
    this.#lines.heart.setTime(unixMs, unixMs);
  }

  /** Gives both the datagram `b[0, length)`. @returns what they counted differently; undefined if nothing */
  take(b: Uint8Array, length: number): string | undefined {
    this.#takeLines(b, length);
    this.#whole.heart.ingestDatagram(b, 0, length);
    for (let i = 0; i < STATS_LENGTH; i++) {
      if (this.stats[i] === this.#lineStats[i] || OWN_COUNTS.includes(i)) continue;
      return `count ${i} is ${this.stats[i]} for the datagram, ${this.#lineStats[i]} for its lines`;
    }
    return undefined;
  }

  /** Flushes both. @returns how what they publish differs; undefined if it does not */
  async flush(unixS: number): Promise<string | undefined> {
    await this.#whole.flush([], unixS);
    await this.#lines.flush([], unixS);
    const whole = this.#published.whole.splice(0), lines = this.#published.lines.splice(0);
    if (this.#unfit > 0) return `${this.#unfit} points without a finite number`;
    if (whole.length !== lines.length) return `${whole.length} values published, of single lines ${lines.length}`;
    const at = whole.findIndex((one, i) => one !== lines[i]);
    return at < 0 ? undefined : `published ${whole[at]}, of single lines ${lines[at]}`;
  }

  #takeLines(b: Uint8Array, length: number): void {
    const { heart } = this.#lines;
    let end = length;
    if (length > this.#metricMaxLength) {
      end = b.lastIndexOf(LF, this.#metricMaxLength - 1) + 1;
      heart.tooLong(b.subarray(0, this.#metricMaxLength));
    }
    for (let at = 0; at < end;) {
      const lf = b.indexOf(LF, at);
      const lineEnd = lf < 0 || lf > end ? end : lf;
      heart.ingestLine(b.slice(at, lineEnd), 0, lineEnd - at);
      at = lineEnd + 1;
    }
  }

  #shown(one: Published): string {
    if (one.kind === "point" && !Number.isFinite(one.point.value)) this.#unfit++;
    return JSON.stringify(one);
  }
}
