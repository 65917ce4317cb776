/** The outlet: one worker behind the inlet, or as many as Kafka's partitions keep busy; in threads, or on the caller's. */
import { type Running, startWhole } from "../../clock/mod.ts";
import { committedOffsets, KafkaCluster, listOffsets, OffsetAt } from "../../kafka/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import { PortSink } from "../inlet/port_sink.ts";
import type { InletSink } from "../inlet/inlet.ts";
import { clusterOptions, type FlowKafkaConfig, rawTopic } from "../kafka_config.ts";
import { MetricsOfThreads } from "../relayed_metrics.ts";
import { measureRates } from "./flow_rates.ts";
import type { OutletDeps, OutletWorker, WorkerHooks } from "./hooks.ts";
import { startInlineWorker } from "./inline_worker.ts";
import { type FlushSignal, Scaler } from "./scaler.ts";
import { Knowledge } from "./knowledge.ts";
import { KnowledgeTopic } from "./knowledge_topic.ts";
import { startThreadWorker } from "./thread_worker.ts";
import type { WorkerConfig } from "./worker.ts";

/** A running outlet. Disposing stores, and commits, everything that was taken in. */
export interface Outlet extends Running {
  /** Takes the inlet's datagrams; undefined where they come from Kafka. */
  readonly sink: (InletSink & { end(): void }) | undefined;
  /** Workers that run. */
  readonly workers: number;
  /** Ends the batch of the inlet's datagrams now; resolves when it is stored. */
  flush(): Promise<void>;
}

/** How often the lag is looked at, and within what time it has to be found. */
const LAG_EVERY_MS = 10_000;
const LAG_BUDGET_MS = 500;

/** Starts the outlet. @throws when a database can't be used, or the topic is not there */
export async function startOutlet(config: WorkerConfig, deps: OutletDeps): Promise<Outlet> {
  return await startWhole(new Workers(config, deps));
}

class Workers implements Outlet {
  readonly #config: WorkerConfig;
  readonly #deps: OutletDeps;
  readonly #metrics: MetricsOfThreads;
  readonly #workers: OutletWorker[] = [];
  readonly #stop = new AbortController();
  readonly #knowledge: Knowledge;
  #knowledgeTopic: KnowledgeTopic | undefined;
  readonly #failed = Promise.withResolvers<void>();
  readonly done = this.#failed.promise;
  #scaler: Scaler | undefined;
  #scaling: Promise<void> | undefined;
  #watching: Promise<void> | undefined;
  #sink: (InletSink & { end(): void }) | undefined;
  #started = 0;
  #stopping: Promise<void> | undefined;

  constructor(config: WorkerConfig, deps: OutletDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#metrics = new MetricsOfThreads(deps.reporter.metrics);
    this.#knowledge = new Knowledge(config.decoder, deps.reporter);
    this.done.catch(() => {}); // whoever waits for `done` hears of it; nobody has to
  }

  get sink(): (InletSink & { end(): void }) | undefined {
    return this.#sink;
  }

  get workers(): number {
    return this.#workers.length;
  }

  async start(): Promise<void> {
    const { kafka, enrichment } = this.#config;
    const { queueSize } = this.#deps;
    await this.#knowledge.read();
    if (kafka === undefined) {
      const { sink } = await this.#startWorker();
      if (sink === undefined) throw new TypeError("unreachable: a worker without Kafka takes datagrams");
      const { connect } = sink;
      if (connect === undefined) this.#sink = { take: (parcel) => sink.take(parcel), end() {} };
      else {
        const own = new PortSink((...args) => sink.connect?.(...args), queueSize);
        this.#sink = {
          take: (parcel) => own.take(parcel),
          connect: (...args) => sink.connect?.(...args),
          end: () => own.end(),
        };
      }
      return;
    }
    if (enrichment.startupDelayMs > 0) await this.#deps.clock.sleep(enrichment.startupDelayMs, this.#stop.signal);
    await this.#startGroup(kafka);
  }

  async #startGroup(kafka: FlowKafkaConfig): Promise<void> {
    const { clock, reporter, clientId } = this.#deps;
    const { minWorkers, maxWorkers, increaseMs, decreaseMs } = this.#config.kafkaInput;
    const cluster = new KafkaCluster({ ...clusterOptions(kafka, `${clientId}-lag`), clock });
    const topic = rawTopic(kafka);
    const { topics } = await cluster.metadata([topic]);
    const partitions = topics.find(({ name, error }) => name === topic && error === 0)?.partitions.length ?? 0;
    if (partitions === 0) {
      cluster.close();
      throw new Error(`Cannot read flows from Kafka: there is no topic ${topic}; set flow.kafka.manage_topic: true`);
    }
    const most = Math.max(minWorkers, Math.min(maxWorkers, partitions));
    if (maxWorkers > partitions && maxWorkers !== 8) {
      reporter.warn(`Cannot use ${maxWorkers} workers: ${topic} has ${partitions} partitions`);
    }
    this.#watching = this.#watchLag(cluster, topic).finally(() => cluster.close());
    const { metrics } = reporter;
    metrics.gauge("limier_outlet_kafkainput_min_workers", "The fewest workers.").set(minWorkers);
    metrics.gauge("limier_outlet_kafkainput_max_workers", "The most workers.").set(most);
    if (this.#config.decoder.shareState) await this.#share(kafka);
    this.#scaler = new Scaler({ minWorkers, maxWorkers: most, increaseMs, decreaseMs });
    for (let i = 0; i < minWorkers; i++) await this.#startWorker();
  }

  async #share(kafka: FlowKafkaConfig): Promise<void> {
    const { clock, reporter, clientId } = this.#deps;
    const knowledge = this.#knowledge;
    const topic = this.#knowledgeTopic = new KnowledgeTopic(kafka, {
      clock,
      reporter,
      clientId: `${clientId}-state`,
      hear: (learned) => knowledge.hear(learned),
    });
    await topic.start();
    knowledge.share(topic);
  }

  async #startWorker(): Promise<OutletWorker> {
    const { reporter, threads } = this.#deps;
    const name = String(this.#started++);
    const hooks: WorkerHooks = {
      ...this.#deps,
      name,
      metrics: this.#metrics,
      onRates: (rates) => {
        if (this.#deps.meter !== undefined) measureRates(this.#deps.meter, rates);
      },
      onFlushed: (signal) => this.#flushed(signal),
      knowledge: this.#knowledge,
    };
    const worker = threads
      ? await startThreadWorker(this.#config, hooks)
      : await startInlineWorker(this.#config, hooks);
    worker.done.catch((error) => this.#failed.reject(error));
    this.#workers.push(worker);
    this.#countWorkers(reporter);
    return worker;
  }

  #countWorkers({ metrics }: Reporter): void {
    if (this.#config.kafka === undefined) return;
    metrics.gauge("limier_outlet_kafkainput_workers", "Workers that run.").set(this.#workers.length);
  }

  #flushed(signal: FlushSignal): void {
    // Signals that come while workers are started or stopped say nothing of how it will be.
    if (this.#scaler === undefined || this.#scaling !== undefined || this.#stopping !== undefined) return;
    const target = this.#scaler.decide(signal, this.#workers.length, this.#deps.clock.monotonic());
    if (target === this.#workers.length) return;
    this.#scaling = this.#scale(target).finally(() => this.#scaling = undefined);
  }

  async #scale(target: number): Promise<void> {
    const { reporter } = this.#deps;
    const { metrics } = reporter;
    reporter.info("changing the number of outlet workers", { from: this.#workers.length, to: target });
    while (this.#workers.length < target) {
      try {
        await this.#startWorker();
      } catch (error) {
        reporter.error("Cannot start a worker of the outlet", { error });
        return;
      }
      metrics.counter("limier_outlet_kafkainput_worker_increase_total", "Workers started for the load.").inc();
    }
    while (this.#workers.length > target) {
      const worker = this.#workers.pop()!; // the last that came
      this.#countWorkers(reporter);
      await worker[Symbol.asyncDispose]();
      metrics.counter("limier_outlet_kafkainput_worker_decrease_total", "Workers stopped for want of load.").inc();
    }
  }

  async #watchLag(cluster: KafkaCluster, topic: string): Promise<void> {
    const { clock, reporter } = this.#deps;
    const gauge = reporter.metrics.gauge(
      "limier_outlet_kafkainput_consumergroup_lag_messages",
      "Records not read yet.",
    );
    while (!this.#stop.signal.aborted) {
      gauge.set(await this.#lag(cluster, topic));
      await clock.sleep(LAG_EVERY_MS, this.#stop.signal);
    }
  }

  /** -1 where it can't be found. */
  async #lag(cluster: KafkaCluster, topic: string): Promise<number> {
    const signal = AbortSignal.timeout(LAG_BUDGET_MS);
    try {
      const metadata = await cluster.metadata([topic], { signal });
      const partitions = metadata.topics.flatMap(({ partitions }) =>
        partitions.map(({ partition }) => ({ topic, partition }))
      );
      const queries = partitions.map((one) => ({ ...one, timestampMs: OffsetAt.latest }));
      const { answers, failures } = await listOffsets(cluster, metadata, queries, { signal });
      if (failures.length > 0 || answers.some(({ error }) => error !== 0)) return -1;
      const committed = await committedOffsets(cluster, this.#config.kafkaInput.group, partitions, { signal });
      const ends = new Map(answers.map(({ partition, offset }) => [partition, offset]));
      return committed.filter(({ offset }) => offset >= 0)
        .reduce((sum, { partition, offset }) => sum + Math.max(0, (ends.get(partition) ?? offset) - offset), 0);
    } catch {
      return -1; // the gauge says so
    }
  }

  async flush(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.flush()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= this.#end();
  }

  async #end(): Promise<void> {
    this.#stop.abort();
    this.#sink?.end();
    await this.#scaling;
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]()));
    await this.#knowledgeTopic?.[Symbol.asyncDispose]();
    await this.#watching;
    this.#failed.resolve();
  }
}
