/** What the workers of the outlet have in common: what they are given, what they tell. */
import type { Clock } from "../../clock/mod.ts";
import type { Histogram, Reporter } from "../../telemetry/mod.ts";
import type { Column } from "../columns.ts";
import type { CountedError } from "../decode/outcome.ts";
import { restoreState, type SavedState, saveLessons, saveState } from "../decode/saved_state.ts";
import type { FlowKafkaConfig } from "../kafka_config.ts";
import type { KafkaOutputConfig } from "../kafka_output/config.ts";
import { type KafkaOutput, startKafkaOutput } from "../kafka_output/output_sender.ts";
import type { InsertOutcome, RowBlock } from "../store/mod.ts";
import { BlockMaker } from "./block_maker.ts";
import type { DecoderConfig, KafkaInputConfig } from "./config.ts";
import { type Enrichment, type EnrichmentConfig, startEnrichment } from "./enrichment.ts";
import type { FlowRate } from "./flow_rates.ts";
import { FlowHeart } from "./heart.ts";
import { type FlushSignal, flushSignal } from "./scaler.ts";

/** Settings of a worker. Plain data, so that they can cross to a thread. */
export interface WorkerConfig {
  readonly decoder: DecoderConfig;
  readonly enrichment: EnrichmentConfig;
  readonly kafkaInput: KafkaInputConfig;
  /** Absent: datagrams come from the inlet itself. */
  readonly kafka?: FlowKafkaConfig;
  /** Absent: completed flows go to the store only. */
  readonly kafkaOutput?: KafkaOutputConfig;
  readonly maximumBatchSize: number;
  readonly maximumWaitTimeMs: number;
  /** How long the last insert may take when the worker is stopped. */
  readonly gracePeriodMs: number;
  readonly maxExporters: number;
  /** Flow rates are wanted. */
  readonly measures: boolean;
}

/** Where blocks go. */
export interface BlockStore {
  /** Stores a block, however long that takes, unless `signal` aborts. Never rejects. */
  insert(block: RowBlock, signal?: AbortSignal): Promise<InsertOutcome>;
  /** The highest offset stored of each partition of a topic. @throws when the store does not answer */
  storedOffsets(topic: string): Promise<ReadonlyMap<number, bigint>>;
}

/** What a worker is given. */
export interface WorkerDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly store: BlockStore;
  /** The columns that are stored. */
  readonly columns: readonly Column[];
  /** A label for its metrics. */
  readonly name: string;
  /** What brokers call us. */
  readonly clientId: string;
  readonly onRates?: (rates: readonly FlowRate[]) => void;
  /** How full a batch was when it was flushed. */
  readonly onFlushed?: (signal: FlushSignal) => void;
  /** Told of each thing that is wrong with a datagram. */
  readonly onError?: (error: CountedError) => void;
  /** Keeps what decoders have learnt, and tells the other workers. Rows that were read with it are stored after that. */
  readonly remember?: (learned: SavedState) => Promise<void>;
}

/** The parts that a worker works with. Disposing ends the enrichment, and the output. */
export interface WorkerParts extends AsyncDisposable {
  readonly heart: FlowHeart;
  readonly maker: BlockMaker;
  /** Where completed rows go beside the store; undefined: nowhere. */
  readonly output: KafkaOutput | undefined;
  /** What decoders know. */
  state(): SavedState;
  /** Tells what decoders have learnt; resolves when everything up to now is kept. */
  remember(): Promise<void>;
  /** Takes in what other workers have learnt. */
  learn(learned: SavedState): void;
  /** Notes a flush: its rows, and since when the first of them waited. */
  flushed(rows: number, waitMs: number): void;
}

/** Everything is told this often, for the age of templates that go on to be sent. */
const WHOLE_EVERY_MS = 300_000;

/**
 * Makes the parts of a worker.
 *
 * @throws {GeoDatabaseError} on a database that can't be used
 * @throws {KafkaError} `kafka.tls` when a file of the output can't be read
 */
export async function startWorkerParts(config: WorkerConfig, deps: WorkerDeps): Promise<WorkerParts> {
  const { clock, reporter, columns, clientId } = deps;
  const output = config.kafkaOutput === undefined
    ? undefined
    : startKafkaOutput(config.kafkaOutput, { clock, reporter, columns, clientId });
  const enrichment: Enrichment = await startEnrichment(config.enrichment, {
    clock,
    reporter,
    columns: new Set(columns.map(({ field }) => field)),
  });
  const heart = new FlowHeart(config.decoder, {
    clock,
    reporter,
    maxExporters: config.maxExporters,
    tracks: deps.remember !== undefined,
    ...(deps.onError === undefined ? {} : { onError: deps.onError }),
  });
  const { enricher } = enrichment;
  const { counts } = heart;
  const { onRates } = deps;
  const maker = new BlockMaker({
    enricher,
    counts,
    columns,
    ...(config.measures && onRates !== undefined ? { onRates } : {}),
  });
  const waits = waitHistogram(reporter, config.maximumWaitTimeMs);
  const { metrics } = reporter;
  const signals: Record<FlushSignal, { inc(): void }> = {
    increase: metrics.counter("limier_outlet_clickhouse_worker_overloaded_total", "Batches that were full.").child({}),
    decrease: metrics.counter("limier_outlet_clickhouse_worker_underloaded_total", "Batches with little in them.")
      .child({}),
    steady: metrics.counter("limier_outlet_clickhouse_worker_steady_total", "Batches neither full nor nearly empty.")
      .child({}),
  };
  let wholeMs = clock.monotonic();
  let remembered = Promise.resolve();
  const learned = (): SavedState | undefined => {
    const lessons = heart.state.takeLessons();
    if (clock.monotonic() - wholeMs < WHOLE_EVERY_MS) return saveLessons(lessons);
    wholeMs = clock.monotonic();
    return saveState(heart.state);
  };
  return {
    heart,
    maker,
    output,
    state: () => saveState(heart.state),
    remember() {
      const { remember } = deps;
      if (remember === undefined) return remembered;
      const state = learned();
      if (state !== undefined) remembered = Promise.all([remembered, remember(state)]).then(() => {});
      return remembered;
    },
    learn: (state) => void restoreState(heart.state, state),
    flushed(rows, waitMs) {
      waits.observe(waitMs / 1000);
      const signal = flushSignal(rows, config.maximumBatchSize);
      signals[signal].inc();
      deps.onFlushed?.(signal);
      heart.expire();
    },
    async [Symbol.asyncDispose]() {
      await output?.[Symbol.asyncDispose]();
      await enrichment[Symbol.asyncDispose]();
    },
  };
}

function waitHistogram({ metrics }: Reporter, maximumWaitTimeMs: number): Histogram {
  const parts = [0.1, 0.25, 0.5, 0.9, 1.1, 2.5, 5, 10].map((part) => part * maximumWaitTimeMs / 1000);
  return metrics.histogram("limier_outlet_clickhouse_wait_time_seconds", "How long rows waited for a batch.", parts);
}
