/** Topics of flows, made and changed as they should be. */
import {
  alterTopics,
  createPartitions,
  createTopics,
  describeTopics,
  KafkaCluster,
  KafkaError,
  type NamedAnswer,
  ProtocolError,
  protocolErrorName,
  topicOf,
} from "../kafka/mod.ts";
import type { Clock } from "../clock/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";
import { clusterOptions, type FlowKafkaConfig, type TopicConfig } from "./kafka_config.ts";

/** What is given to who looks after the topic. */
export interface TopicDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly clientId: string;
  readonly signal?: AbortSignal;
}

const RETRY_MS = 1_000;

/** Looks after a topic, and waits for brokers that can't be reached. @throws {KafkaError} when they refuse */
export async function manageTopic(
  config: Pick<FlowKafkaConfig, "brokers" | "tls" | "sasl" | "topicConfig">,
  name: string,
  deps: TopicDeps,
): Promise<void> {
  const { clock, reporter, clientId, signal } = deps;
  const cluster = new KafkaCluster({ ...clusterOptions(config, clientId), clock });
  const close = () => cluster.close();
  signal?.addEventListener("abort", close, { once: true });
  try {
    for (let isTold = false; !signal?.aborted;) {
      try {
        return await alignTopic(cluster, name, config.topicConfig, reporter);
      } catch (error) {
        if (signal?.aborted) return;
        if (!(error instanceof KafkaError) || !error.retryable) throw error;
        if (!isTold) reporter.warn(`Cannot look after the topic ${name} yet; it is tried again`, { error });
        isTold = true;
      }
      await clock.sleep(RETRY_MS, signal);
    }
  } finally {
    signal?.removeEventListener("abort", close);
    cluster.close();
  }
}

/** One look at the topic, and what it takes to mend it. @throws {KafkaError} */
export async function alignTopic(
  cluster: KafkaCluster,
  name: string,
  config: TopicConfig,
  reporter: Reporter,
): Promise<void> {
  const { partitions, replicationFactor, entries } = config;
  const present = topicOf(await cluster.metadata([name]), name);
  if (present === undefined || present.error !== 0 || present.partitions.length === 0) {
    const [answer] = await createTopics(cluster, [{ name, partitions, replicationFactor, configs: entries }]);
    if (answer?.error === ProtocolError.topicAlreadyExists) return; // somebody else was quicker
    refuse(answer, `make topic ${name}`);
    reporter.info("made the topic of flows", { topic: name, partitions });
    return;
  }
  const count = present.partitions.length;
  if (count > partitions) {
    reporter.warn(`Cannot lower the partitions of ${name} from ${count} to ${partitions}: they stay as they are`);
  } else if (count < partitions) {
    const [answer] = await createPartitions(cluster, [{ name, partitions }]);
    refuse(answer, `add partitions to ${name}`);
    reporter.info("added partitions to the topic of flows", { topic: name, from: count, to: partitions });
  }
  await alignSettings(cluster, name, config, reporter);
}

async function alignSettings(
  cluster: KafkaCluster,
  name: string,
  { entries, strict }: TopicConfig,
  reporter: Reporter,
): Promise<void> {
  const [described] = await describeTopics(cluster, [name]);
  if (described === undefined || described.error !== 0) return; // whoever may not look at settings leaves them alone
  const overrides = new Map(
    [...described.settings].filter(([, { isOwn }]) => isOwn).map(([key, { value }]) => [key, value]),
  );
  const set = Object.entries(entries).filter(([key, value]) => overrides.get(key) !== value);
  const remove = strict ? [...overrides.keys()].filter((key) => !(key in entries)) : [];
  if (set.length + remove.length === 0) return;
  const [answer] = await alterTopics(cluster, [{
    name,
    settings: { ...Object.fromEntries(set), ...Object.fromEntries(remove.map((key) => [key, null])) },
  }]);
  refuse(answer, `change the settings of ${name}`);
  reporter.info("changed the settings of the topic of flows", { topic: name, set: set.map(([key]) => key), remove });
}

function refuse(answer: NamedAnswer | undefined, what: string): void {
  if (answer === undefined || answer.error === 0) return;
  const message = `Cannot ${what}: the broker says ${protocolErrorName(answer.error)}`;
  throw new KafkaError("kafka.answer", message, { number: answer.error });
}
