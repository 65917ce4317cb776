/** What tests of lag share: real clients of a real broker, and what an agent says of their groups. */
import assert from "node:assert/strict";
import { type Admin, type Consumer, Kafka, logLevel, type Producer } from "kafkajs";
import type { TestBroker } from "../../src/kafka/testing.ts";

/** One partition as the agent shows it. */
export interface ShownPartition {
  readonly topic: string;
  readonly partition: number;
  readonly owner: string;
  readonly client_id: string;
  readonly status: string;
  readonly start: ShownCommit | null;
  readonly end: ShownCommit | null;
  readonly current_lag: number;
  readonly complete: number;
  readonly lag_seconds: number | null;
  readonly lag_seconds_source: string | null;
  readonly lost: number;
}

/** One commit as the agent shows it. */
export interface ShownCommit {
  readonly offset: number;
  readonly timestamp: number;
  readonly observedAt: number;
  readonly lag: number | null;
}

/** A group as the agent shows it. */
export interface ShownGroup {
  readonly cluster: string;
  readonly group: string;
  readonly status: string;
  readonly complete: number;
  readonly partitions: readonly ShownPartition[];
  readonly partition_count: number;
  readonly maxlag: ShownPartition | null;
  readonly totallag: number;
}

/** A guard against a hang. */
const PATIENCE_MS = 120_000;

/** Resolves with the first answer that is not undefined; asks ten times a second. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    assert.ok(performance.now() < endMs, `waited in vain until ${what}`);
    await sleep(100);
  }
}

/** Waits; for a pace of events, never for something to have happened. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Real clients of a broker. Disposing closes them. */
export class Clients implements AsyncDisposable {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly #producer: Producer;
  readonly #open: { disconnect(): Promise<void> }[] = [];

  private constructor(address: string) {
    this.kafka = new Kafka({ brokers: [address], clientId: "test-client", logLevel: logLevel.NOTHING });
    this.admin = this.kafka.admin();
    this.#producer = this.kafka.producer({ allowAutoTopicCreation: false });
  }

  static async connect(address: string): Promise<Clients> {
    const clients = new Clients(address);
    await Promise.all([clients.admin.connect(), clients.#producer.connect()]);
    clients.#open.push(clients.admin, clients.#producer);
    return clients;
  }

  async createTopic(topic: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<void> {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
    const created = await this.admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic, numPartitions: partitions, configEntries }],
    });
    assert.ok(created, `${topic} is there already`);
    await until(`${topic} has leaders`, async () => {
      try {
        const { topics: [made] } = await this.admin.fetchTopicMetadata({ topics: [topic] });
        return made!.partitions.filter(({ leader }) => leader >= 0).length === partitions || undefined;
      } catch {
        return undefined; // the broker does not know it yet
      }
    });
  }

  async produce(topic: string, count: number, partition = 0): Promise<void> {
    const messages = Array.from({ length: count }, (_, i) => ({ partition, value: `message ${i}` }));
    await this.#producer.send({ topic, messages });
  }

  /** A member of a classic group, which commits what it is told to. */
  async member(group: string, topics: readonly string[]): Promise<Consumer> {
    const consumer = this.kafka.consumer({ groupId: group, sessionTimeout: 10_000, heartbeatInterval: 500 });
    const joined = new Promise<void>((resolve) => void consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
    await consumer.connect();
    this.#open.push(consumer);
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachMessage: () => Promise.resolve() });
    await joined;
    return consumer;
  }

  /** Commits offsets of a partition in a transaction, which ends as told; without an end it stays open. */
  async commitInTransaction(
    group: string,
    topic: string,
    offset: number,
    end: "commit" | "abort" | undefined,
  ): Promise<void> {
    const producer = this.kafka.producer({
      transactionalId: `tx-${group}-${crypto.randomUUID()}`,
      maxInFlightRequests: 1,
      idempotent: true,
      transactionTimeout: 60_000,
    });
    await producer.connect();
    this.#open.push(producer);
    const transaction = await producer.transaction();
    const topics = [{ topic, partitions: [{ partition: 0, offset: String(offset) }] }];
    await transaction.sendOffsets({ consumerGroupId: group, topics });
    if (end !== undefined) await transaction[end]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#open.reverse()) {
      try {
        await one.disconnect();
      } catch {
        // A broker that has been stopped needs no farewell.
      }
    }
  }
}

/** Commits an offset as a member. The client may pass over it in silence, amid a rebalance: then again. */
export async function commit(consumer: Consumer, topic: string, offset: number, partition = 0): Promise<void> {
  await until(`${offset} of ${topic}/${partition} is committed`, async () => {
    let isDone = false;
    const end = consumer.on(consumer.events.COMMIT_OFFSETS, () => void (isDone = true));
    try {
      await consumer.commitOffsets([{ topic, partition, offset: String(offset) }]);
    } finally {
      end();
    }
    return isDone || undefined;
  });
}

/** Asks an agent's pages. */
export class LagPages {
  constructor(readonly url: () => string, readonly cluster = "main") {}

  async get(
    path: string,
    init: RequestInit = {},
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    const response = await fetch(`${this.url()}${path}`, init);
    return { status: response.status, body: await response.json() };
  }

  async text(path: string): Promise<string> {
    return await (await fetch(`${this.url()}${path}`)).text();
  }

  /** A group with all its partitions; undefined where the agent does not know it. */
  async group(group: string): Promise<ShownGroup | undefined> {
    const { status, body } = await this.get(
      `/v3/kafka/${this.cluster}/consumer/${encodeURIComponent(group)}/lag`,
    );
    assert.equal(status, (body.status as ShownGroup).status === "NOTFOUND" ? 404 : 200);
    return status === 404 ? undefined : body.status as ShownGroup;
  }

  /** The group once `isThere` says so of it. */
  groupOnce(group: string, what: string, isThere: (group: ShownGroup) => boolean): Promise<ShownGroup> {
    return until(`${group}: ${what}`, async () => {
      const shown = await this.group(group);
      return shown !== undefined && isThere(shown) ? shown : undefined;
    });
  }

  async gone(group: string): Promise<void> {
    await until(`${group} is gone`, async () => await this.group(group) === undefined ? true : undefined);
    assert.ok(!(await this.groups()).includes(group));
  }

  async groups(): Promise<readonly string[]> {
    return (await this.get(`/v3/kafka/${this.cluster}/consumer`)).body.consumers as string[];
  }
}

/** Kafka's own tool for groups of consumers. */
export const GROUP_COMMAND = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";

/** The runs of Kafka's tools so far: each starts a Java of its own, which several at once would starve. */
let lastRun: Promise<unknown> = Promise.resolve();

/** Runs one of Kafka's own tools, when those before it have ended. */
export function inTurn(run: () => Promise<string>): Promise<string> {
  const running = lastRun.then(run);
  lastRun = running.catch(() => {}); // told to whoever asked for that run
  return running;
}

/** Runs Kafka's own tool for groups. */
export function groupCommand(broker: TestBroker, ...args: string[]): Promise<string> {
  return inTurn(() => broker.tool(GROUP_COMMAND, args));
}
