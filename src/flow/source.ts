/** The flow source as the agent runs it: an inlet, an outlet, Kafka between them or not, and the store. */
import { type Clock, type Running, startWhole } from "../clock/mod.ts";
import type { GroupHandover } from "../linux/mod.ts";
import type { Meter } from "../metric/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";
import type { FlowConfig, OutletConfig } from "./config.ts";
import { type Inlet, startInlet } from "./inlet/inlet.ts";
import { type InletKafka, startInletKafka } from "./inlet/inlet_kafka.ts";
import { rawTopic } from "./kafka_config.ts";
import { enrichedTopic } from "./kafka_output/config.ts";
import { enrichedMessage } from "./kafka_output/message.ts";
import { type Outlet, startOutlet } from "./outlet/outlet.ts";
import type { WorkerConfig } from "./outlet/worker.ts";
import { type FlowStore, type FlowStoreDeps, resolveSchema, startFlowStore } from "./store/mod.ts";
import { manageTopic } from "./topic.ts";

/** What the source is given. */
export interface FlowDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** Readers and workers get threads of their own; otherwise everything shares the caller's. */
  readonly threads: boolean;
  /** What brokers call us: `limier-1.0.0`. */
  readonly clientId: string;
  /** Where flow rates are measured, if the configuration asks for it. */
  readonly meter?: Meter;
  /** Opens sockets that a successor can take over. */
  readonly handover?: GroupHandover;
  /** Resolves when a predecessor, which may have the store, has ended; absent: there is none. */
  readonly predecessorLeft?: () => Promise<void>;
  /** Where a ClickHouse server finds the agent's dictionaries. */
  readonly dictionaryUrl?: string;
  /** The HTTP of the store. */
  readonly fetch?: FlowStoreDeps["fetch"];
}

/** A running flow source. Disposing takes in what has arrived and stores all of it. */
export interface FlowSource extends Running {
  /** Where it listens: `udp://127.0.0.1:2055`. */
  readonly addresses: readonly string[];
  /** Where flows are stored and asked for; absent where this process stores none. */
  readonly store: FlowStore | undefined;
  /** The definition of the messages that go to Kafka completed, as the text of a `.proto` file; "" where none do. */
  readonly enrichedProto: string;
  /** Closes the sockets once they are empty; what was in them is on its way to the store then. */
  stopReceiving(): Promise<void>;
  /** Ends the batch of what has come so far, where there is no Kafka; resolves when it is stored. */
  flushNow(): Promise<void>;
}

/** Datagrams that may wait for the outlet of the same process. */
const DIRECT_QUEUE = 16_384;

/**
 * Starts the source: the store first, then the outlet, then the inlet.
 *
 * @throws {SystemError} when an address can't be bound
 * @throws {StoreError} on settings of the store that no waiting mends
 * @throws {KafkaError} when the brokers refuse the topic
 */
export async function startFlow(config: FlowConfig, deps: FlowDeps): Promise<FlowSource> {
  return await startWhole(new Source(config, deps));
}

class Source implements FlowSource {
  readonly #config: FlowConfig;
  readonly #deps: FlowDeps;
  readonly #stop = new AbortController();
  readonly #failed = Promise.withResolvers<void>();
  readonly done = this.#failed.promise;
  store: FlowStore | undefined;
  #outlet: Outlet | undefined;
  #kafka: InletKafka | undefined;
  #inlet: Inlet | undefined;
  #starting: Promise<void> | undefined;
  #enriching: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(config: FlowConfig, deps: FlowDeps) {
    this.#config = config;
    this.#deps = deps;
    this.done.catch(() => {}); // whoever waits for `done` hears of it; nobody has to
  }

  get enrichedProto(): string {
    const { outlet, schema } = this.#config;
    if (!outlet?.kafkaOutput.enabled) return "";
    return enrichedMessage(resolveSchema(schema, outlet.clickhouse.database).ingested).proto;
  }

  get addresses(): readonly string[] {
    return this.#inlet?.addresses ?? [];
  }

  async start(): Promise<void> {
    const { kafka, outlet, inlet } = this.#config;
    const { predecessorLeft } = this.#deps;
    if (outlet !== undefined) this.store = this.#openStore(outlet);
    if (outlet?.kafkaOutput.enabled) this.#enriching = this.#manageEnriched(outlet);
    if (kafka !== undefined) {
      // Datagrams are received, and kept by Kafka or in the queue, while brokers and the store come up.
      this.#inBackground(this.#startBehindKafka(outlet));
    } else if (outlet !== undefined) {
      // A predecessor may have the store until it has ended; what comes until then waits in the queue.
      if (predecessorLeft === undefined) await this.store?.prepare(this.#stop.signal);
      else this.#inBackground(predecessorLeft().then(() => this.store?.prepare(this.#stop.signal)));
      await this.#startOutlet(outlet);
    }
    if (inlet.listen.length > 0) await this.#startInlet();
  }

  #inBackground(starting: Promise<unknown>): void {
    this.#starting = starting.then(() => {}, (error) => {
      if (!this.#stop.signal.aborted) this.#failed.reject(error);
    });
  }

  async #startBehindKafka(outlet: OutletConfig | undefined): Promise<void> {
    const { kafka } = this.#config;
    const { clock, reporter, clientId, predecessorLeft } = this.#deps;
    const { signal } = this.#stop;
    if (kafka?.managesTopic) await manageTopic(kafka, rawTopic(kafka), { clock, reporter, clientId, signal });
    if (outlet === undefined) return;
    await predecessorLeft?.();
    await this.store?.prepare(signal);
    if (!signal.aborted) await this.#startOutlet(outlet);
  }

  /** Never rejects: flows are stored whatever becomes of the topic. */
  async #manageEnriched({ kafkaOutput, clickhouse }: OutletConfig): Promise<void> {
    if (!kafkaOutput.managesTopic) return;
    const { clock, reporter, clientId } = this.#deps;
    const message = enrichedMessage(resolveSchema(this.#config.schema, clickhouse.database).ingested);
    const topic = enrichedTopic(kafkaOutput, message);
    try {
      await manageTopic(kafkaOutput, topic, { clock, reporter, clientId, signal: this.#stop.signal });
    } catch (error) {
      reporter.error(`Cannot look after the topic ${topic}: it stays as it is`, { error });
    }
  }

  #openStore({ clickhouse }: OutletConfig): FlowStore {
    const { clock, reporter, dictionaryUrl } = this.#deps;
    const schema = resolveSchema(this.#config.schema, clickhouse.database);
    return startFlowStore({ clickhouse, store: this.#config.store, schema }, {
      clock,
      reporter,
      fetch: this.#deps.fetch ?? fetch,
      ...(dictionaryUrl === undefined ? {} : { dictionaryUrl }),
    });
  }

  async #startOutlet(outlet: OutletConfig): Promise<void> {
    const { clock, reporter, threads, clientId, meter } = this.#deps;
    const { store } = this;
    if (store === undefined) throw new TypeError("unreachable: an outlet has a store");
    this.#outlet = await startOutlet(this.#workerConfig(outlet), {
      clock,
      reporter,
      threads,
      store,
      clientId,
      meter,
      queueSize: DIRECT_QUEUE,
    });
    this.#outlet.done.catch((error) => this.#failed.reject(error));
  }

  #workerConfig(outlet: OutletConfig): WorkerConfig {
    const { kafka, inlet } = this.#config;
    const { clickhouse, enrichment, decoder, meter, kafkaOutput } = outlet;
    let { kafkaInput } = outlet;
    if (enrichment.routing !== undefined && kafkaInput.maxWorkers > 1) {
      // Routers speak to one address, behind which there is one worker that knows their routes.
      kafkaInput = { ...kafkaInput, minWorkers: 1, maxWorkers: 1 };
    }
    return {
      decoder,
      enrichment,
      kafkaInput,
      ...(kafka === undefined ? {} : { kafka }),
      ...(kafkaOutput.enabled ? { kafkaOutput } : {}),
      maximumBatchSize: clickhouse.maximumBatchSize,
      maximumWaitTimeMs: clickhouse.maximumWaitTimeMs,
      gracePeriodMs: clickhouse.gracePeriodMs,
      maxExporters: inlet.maxExporters,
      measures: meter,
    };
  }

  async #startInlet(): Promise<void> {
    const { inlet, kafka } = this.#config;
    const { clock, reporter, threads, clientId, handover } = this.#deps;
    if (kafka !== undefined) {
      const { maxExporters } = inlet;
      this.#kafka = await startInletKafka(kafka, { clock, reporter, threads, clientId, maxExporters });
      this.#kafka.done.catch((error) => this.#failed.reject(error));
    }
    const sink = this.#kafka?.sink ?? this.#outlet?.sink;
    if (sink === undefined) throw new TypeError("unreachable: without Kafka there is an outlet");
    const queueSize = kafka?.queueSize ?? DIRECT_QUEUE;
    this.#inlet = await startInlet(inlet, { clock, reporter, sink, threads, queueSize, handover });
    this.#inlet.done.catch((error) => this.#failed.reject(error));
  }

  async stopReceiving(): Promise<void> {
    await this.#inlet?.[Symbol.asyncDispose]();
  }

  async flushNow(): Promise<void> {
    await this.#outlet?.flush();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= (async () => {
      this.#stop.abort();
      await this.stopReceiving();
      await this.#kafka?.[Symbol.asyncDispose]();
      await this.#starting;
      await this.#enriching;
      await this.#outlet?.[Symbol.asyncDispose]();
      await this.store?.[Symbol.asyncDispose]();
      this.#failed.resolve();
    })();
  }
}
