/** Raw flows in, rows out: decoding, limits and counts. Nothing in it waits. */
import { newLogSampler, type Reporter } from "../../telemetry/mod.ts";
import type { Clock } from "../../clock/mod.ts";
import { formatAddress } from "../address.ts";
import type { CountedError } from "../decode/outcome.ts";
import { NetflowDecoder } from "../decode/netflow.ts";
import { SflowDecoder } from "../decode/sflow.ts";
import { FlowState } from "../decode/state.ts";
import { RawFlow } from "../raw_flow.ts";
import { type DecoderConfig, stateLimits } from "./config.ts";
import { DecoderCounts, OutletCounts } from "./counts.ts";
import { RateLimiter } from "./rate_limit.ts";
import type { RowBatch } from "./row_batch.ts";

/** What the heart is given. */
export interface HeartDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** Exporters with counters of their own. */
  readonly maxExporters: number;
  /** Told of each thing that is wrong with a datagram. */
  readonly onError?: (error: CountedError) => void;
  /** What decoders learn is noted down. @default false */
  readonly tracks?: boolean;
}

/** Decodes the datagrams of one worker; its state is its own. */
export class FlowHeart {
  readonly state: FlowState;
  readonly counts: OutletCounts;
  readonly #raw = new RawFlow();
  readonly #netflow: NetflowDecoder;
  readonly #sflow = new SflowDecoder();
  readonly #decoders: DecoderCounts;
  readonly #limiter = new RateLimiter();
  readonly #log;
  readonly #onError: HeartDeps["onError"];
  /** Unix seconds of receipt, of datagrams since `expire()`. */
  #oldestS = Infinity;

  constructor(config: DecoderConfig, { clock, reporter, maxExporters, onError, tracks = false }: HeartDeps) {
    this.#onError = onError;
    this.state = new FlowState(stateLimits(config), { tracks });
    const { queueUnknownSets } = config;
    this.#netflow = new NetflowDecoder(this.state, { queueUnknownSets });
    this.counts = new OutletCounts(reporter.metrics, maxExporters);
    this.#decoders = new DecoderCounts(reporter.metrics, maxExporters, this.state);
    this.#log = newLogSampler(reporter, clock).sampled("flow.decode", 1);
  }

  /**
   * Forgets templates that were not sent again in time. Time is that of the datagrams, and of the oldest among those
   * read since this was last called: what waited in Kafka for days is read with the templates of its day.
   */
  expire(): void {
    if (this.#oldestS !== Infinity) this.state.expire(this.#oldestS);
    this.#oldestS = Infinity;
  }

  /** Appends the rows of one raw flow, `octets[start, end)`. Never throws. */
  read(octets: Uint8Array, start: number, end: number, batch: RowBatch): void {
    const { counts } = this;
    const raw = this.#raw;
    counts.rawFlows.inc();
    if (!raw.read(octets, start, end)) {
      counts.unreadable.inc();
      return;
    }
    if (raw.timeS < this.#oldestS) this.#oldestS = raw.timeS;
    const { columns } = batch;
    const isNetflow = raw.decoder === "netflow";
    const outcome = isNetflow ? this.#netflow.decode(raw, columns) : this.#sflow.decode(raw, columns);
    if (outcome.failure !== undefined) {
      counts.undecodable.inc();
      this.#decoders.failed(raw.decoder);
      const exporter = formatAddress(raw.source);
      this.#log.error(`Cannot decode a datagram of ${exporter}: the decoder failed`, { error: outcome.failure });
      return;
    }
    if (isNetflow) this.#decoders.netflow(raw.source, outcome);
    else this.#decoders.sflow(raw.source, this.#sflow.agent, outcome);
    if (outcome.errors.length > 0) {
      if (this.#onError !== undefined) outcome.errors.forEach(this.#onError);
      const { code, message, at } = outcome.errors[0]!;
      this.#log.warn(message, () => ({ exporter: formatAddress(raw.source), error: code, at }));
      if (outcome.rows === 0 && isWhole(code)) counts.undecodable.inc();
    }
    if (outcome.rows > 0) this.#limit(raw, batch, outcome.firstRow);
  }

  /** The exporter's flows of this second: those beyond the limit go, those that stay stand for them. */
  #limit(raw: RawFlow, batch: RowBatch, firstRow: number): void {
    const { columns } = batch;
    const id = columns.exporterAddress[firstRow]!;
    const exporter = this.counts.exporter(columns.addresses.words, 4 * id);
    const flows = columns.rows - firstRow;
    exporter.received.inc(flows);
    if (raw.rateLimit === 0) return;
    const { passed, factor } = this.#limiter.admit(exporter.key, raw.timeS, flows, raw.rateLimit);
    for (let row = columns.rows - 1; row >= firstRow + passed; row--) columns.clearRow(row);
    columns.rows = firstRow + passed;
    batch.multiply(firstRow, factor);
    if (passed < flows) exporter.limited().inc(flows - passed);
  }
}

/** Whether the datagram as a whole could not be read. */
function isWhole(code: string): boolean {
  return code === "payload too small" || code === "unknown version" || code === "malformed datagram" ||
    code === "malformed message";
}
