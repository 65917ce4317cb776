import assert from "node:assert/strict";
import { startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { brokerTest, startTestBroker, type TestBroker } from "../../src/kafka/testing.ts";
import {
  assertSame,
  Clients,
  commit,
  describeGroup,
  groupCommand,
  LagPages,
  type ShownGroup,
  sleep,
  until,
} from "./lag_stage.ts";

/** Intervals scaled down: what takes minutes in production takes seconds here. */
function configOf(broker: TestBroker): string {
  return `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "" }
outputs: []
lag:
  clusters:
    main: { brokers: ["${broker.address}"], offset_refresh: 300ms, topic_refresh: 600ms }
  storage: { intervals: 5 }
  evaluator: { expire_cache: 0s }
`;
}

/** What a test of groups is handed. */
interface Stage {
  readonly broker: TestBroker;
  readonly clients: Clients;
  readonly pages: LagPages;
}

const cases: readonly (readonly [name: string, run: (stage: Stage) => Promise<void>])[] = [
  ["a group that commits is shown as Kafka's tool shows it, owners too", sameAsTool],
  ["a slow group is WARN, STOP from the first second on where the rules say so", slowThenStopped],
  ["a group that goes back is REWIND, with its lag of now", rewound],
  ["offsets of an aborted transaction, or of one that is open, do not count", transactions],
  ["behind the last commit nothing but transactions' ends: no lag", transactionEnds],
  ["a group of the new protocol has owners, and is gone when it was deleted", newProtocol],
  ["a group that goes over to the new protocol keeps its window", converted],
  ["a share group says nothing of lag, and is no group of ours", shareGroup],
  ["a topic that is made anew with fewer partitions is another topic", madeAnew],
  ["an offset that was deleted, and a partition that was never committed", deletedOffset],
  ["messages that retention took are lost, and lag begins where the log does", lostMessages],
  ["partitions that are added, a topic that is deleted, a group that is deleted", changes],
  ["metadata of a commit may be long", longMetadata],
];

brokerTest("an agent judges groups as a real broker's own tool does", async () => {
  await using broker = await startTestBroker();
  await deletedBefore(broker);
  await using clients = await Clients.connect(broker.address);
  await using agent = await startAgentProcess({ config: configOf(broker) });
  const stage = { broker, clients, pages: new LagPages(() => agent.url) };
  await until("the agent is ready", async () => await stage.pages.text("/burrow/admin/ready") === "READY" || undefined);
  assert.ok(!(await stage.pages.groups()).includes("gone-before"));
  // One after the other: each has topics and groups of its own, and all share the time of one broker.
  const failures: Error[] = [];
  await Promise.all(cases.map(async ([name, run]) => {
    try {
      await run(stage);
    } catch (error) {
      failures.push(new Error(`${name}: ${error instanceof Error ? error.message : error}`, { cause: error }));
    }
  }));
  if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join("\n"));
  await nothingUnread(agent, stage.pages);
});

const CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer";

/** Reads a topic as the only member of a group of the new protocol, which commits. */
function consumeNew(broker: TestBroker, group: string, topic: string, ...args: string[]): Promise<string> {
  return broker.tool(CONSUMER, [
    "--topic",
    topic,
    "--group",
    group,
    "--from-beginning",
    "--command-property",
    "group.protocol=consumer",
    "--command-property",
    "auto.commit.interval.ms=200",
    ...args,
  ]);
}

/** A group of the new protocol that is deleted before anybody watches. */
async function deletedBefore(broker: TestBroker): Promise<void> {
  await using clients = await Clients.connect(broker.address);
  await clients.createTopic("before");
  await clients.produce("before", 3);
  await consumeNew(broker, "gone-before", "before", "--max-messages", "3");
  await groupCommand(broker, "--delete", "--group", "gone-before");
}

async function sameAsTool({ broker, clients, pages }: Stage): Promise<void> {
  await clients.createTopic("same", 3);
  for (const partition of [0, 1, 2]) await clients.produce("same", 10 * (partition + 1), partition);
  const member = await clients.member("same-group", ["same"]);
  for (const partition of [0, 1, 2]) await commit(member, "same", 4 + partition, partition);
  const shown = await assertSame(pages, broker, "same-group");
  assert.deepEqual(shown.partitions.map(({ current_lag }) => current_lag), [6, 15, 24]);
  assert.equal(shown.maxlag?.partition, 2);
  assert.ok(shown.partitions.every(({ lag_seconds_source: source }) => source === "record"));
  const { body } = await pages.get("/v3/kafka/main/topic/same");
  assert.deepEqual(body.offsets, [10, 20, 30]);
  const { body: readers } = await pages.get("/v3/kafka/main/topic/same/consumers");
  assert.deepEqual(readers.consumers, ["same-group"]);
  await member.disconnect();
  await assertSame(pages, broker, "same-group"); // nobody owns it any more
}

/** Whether the rule for a consumer that has stopped holds in that second. */
function isSilent(group: ShownGroup, atMs: number): boolean {
  const { start, end } = group.partitions[0]!;
  return Math.floor(atMs / 1000) * 1000 - end!.timestamp > end!.timestamp - start!.timestamp;
}

async function slowThenStopped({ broker, clients, pages }: Stage): Promise<void> {
  await clients.createTopic("slow");
  await clients.produce("slow", 400);
  const member = await clients.member("slow-group", ["slow"]);
  // Messages come all the time, faster than they are read.
  let produces = true;
  const producing = (async () => {
    while (produces) {
      await clients.produce("slow", 20);
      await sleep(20);
    }
  })();
  const seen: string[] = [];
  for (let i = 1; i <= 24; i++) {
    await commit(member, "slow", i * 10);
    await sleep(250);
    const shown = await pages.group("slow-group");
    if (i > 8) seen.push(shown?.status ?? "unknown");
  }
  assert.deepEqual([...new Set(seen)], ["WARN"]);
  // It stops; messages still come.
  let stops = 0;
  for (let i = 0; stops < 3; i++) {
    assert.ok(i < 150, "it is never seen to have stopped");
    const beforeMs = Date.now();
    const shown = await pages.group("slow-group");
    const afterMs = Date.now();
    assert.ok(shown !== undefined);
    const [first, last] = [isSilent(shown, beforeMs), isSilent(shown, afterMs)];
    const isStopped = shown.partitions[0]!.status === "STOP";
    if (isStopped) stops++;
    if (first === last) assert.equal(isStopped, first, JSON.stringify(shown));
    assert.equal(shown.status, isStopped ? "ERR" : "WARN");
    await sleep(100);
  }
  produces = false;
  await producing;
  await assertSame(pages, broker, "slow-group");
}

async function rewound({ broker, clients, pages }: Stage): Promise<void> {
  await clients.createTopic("back");
  await clients.produce("back", 500);
  const member = await clients.member("back-group", ["back"]);
  for (const offset of [100, 200, 300]) {
    await commit(member, "back", offset);
    await sleep(400);
  }
  // It goes on committing, so that it has not stopped.
  let shown: ShownGroup | undefined;
  for (let offset = 100; offset <= 160; offset += 20) {
    await commit(member, "back", offset);
    shown = await pages.groupOnce(
      "back-group",
      `${offset} is seen`,
      (one) => one.partitions[0]?.end?.offset === offset,
    );
    assert.deepEqual([shown.status, shown.partitions[0]!.status], ["ERR", "REWIND"]);
    assert.equal(shown.totallag, 500 - offset);
    await sleep(200);
  }
  assert.equal((await describeGroup(broker, "back-group"))[0]!.lag, 340);
}

async function transactions({ broker, clients, pages }: Stage): Promise<void> {
  await clients.createTopic("tx");
  await clients.produce("tx", 3_251);
  await clients.commitInTransaction("tx-group", "tx", 5, "commit");
  await clients.commitInTransaction("tx-group", "tx", 900_000, "abort");
  const aborted = await pages.groupOnce("tx-group", "the commit is seen", (one) => one.partition_count === 1);
  assert.deepEqual([aborted.partitions[0]!.end?.offset, aborted.totallag], [5, 3_246]);
  await clients.commitInTransaction("open-group", "tx", 100, "commit");
  await clients.commitInTransaction("open-group", "tx", 2_000, undefined);
  const open = await pages.groupOnce("open-group", "the commit is seen", (one) => one.partition_count === 1);
  assert.equal(open.partitions[0]!.end?.offset, 100);
  await assertSame(pages, broker, "tx-group");
}

async function transactionEnds({ clients, pages }: Stage): Promise<void> {
  await clients.createTopic("ends");
  const producer = clients.kafka.producer({ transactionalId: "tx-ends", maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  for (const end of ["commit", "abort"] as const) {
    const transaction = await producer.transaction();
    await transaction.send({ topic: "ends", messages: [{ value: "one" }, { value: "two" }] });
    await transaction[end]();
  }
  await producer.disconnect();
  const member = await clients.member("ends-group", ["ends"]);
  await commit(member, "ends", 2); // behind it: COMMIT, two messages of nobody, ABORT
  const shown = await pages.groupOnce("ends-group", "there is no lag", (one) => {
    return one.partitions[0]?.end?.offset === 2 && one.totallag === 0;
  });
  assert.deepEqual([shown.status, shown.partitions[0]!.lag_seconds], ["OK", 0]);
  await member.disconnect();
}

async function newProtocol({ broker, clients, pages }: Stage): Promise<void> {
  await clients.createTopic("new", 2);
  for (const partition of [0, 1]) await clients.produce("new", 20, partition);
  const reading = consumeNew(broker, "new-group", "new", "--timeout-ms", "12000").catch(String);
  const shown = await pages.groupOnce("new-group", "all is read, and owned", (one) => {
    return one.partition_count === 2 && one.partitions.every(({ end, owner }) => end?.offset === 20 && owner !== "");
  });
  assert.deepEqual(shown.partitions.map(({ owner, client_id: client }) => [owner, client]), [
    ["/127.0.0.1", "console-consumer"],
    ["/127.0.0.1", "console-consumer"],
  ]);
  assert.deepEqual([shown.status, shown.totallag], ["OK", 0]);
  await reading;
  await pages.groupOnce("new-group", "nobody owns it", (one) => one.partitions.every(({ owner }) => owner === ""));
  await clients.produce("new", 7, 1);
  await assertSame(pages, broker, "new-group");
  await groupCommand(broker, "--delete", "--group", "new-group");
  await pages.gone("new-group");
}

async function converted({ broker, clients, pages }: Stage): Promise<void> {
  await clients.createTopic("over");
  await clients.produce("over", 20);
  const member = await clients.member("over-group", ["over"]);
  for (const offset of [2, 4]) {
    await commit(member, "over", offset);
    await pages.groupOnce("over-group", `${offset} is seen`, (one) => one.partitions[0]?.end?.offset === offset);
  }
  await member.disconnect();
  await consumeNew(broker, "over-group", "over", "--max-messages", "6");
  const shown = await pages.groupOnce("over-group", "it is read on", (one) => one.partitions[0]?.end?.offset === 10);
  assert.deepEqual([shown.partitions[0]!.start!.offset, shown.totallag], [2, 10]);
}

const SHARE_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleShareConsumer";

async function shareGroup({ broker, clients, pages }: Stage): Promise<void> {
  await clients.createTopic("share");
  await broker.tool(SHARE_CONSUMER, ["--topic", "share", "--group", "share-group", "--timeout-ms", "3000"]).catch(
    () => {
      // It ends with an error as nothing came; that it was a member is all that is wanted.
    },
  );
  assert.match(await groupCommand(broker, "--list"), /-group/);
  assert.ok(!(await pages.groups()).includes("share-group"));
}

async function madeAnew({ broker, clients, pages }: Stage): Promise<void> {
  await clients.createTopic("anew", 3);
  const member = await clients.member("anew-group", ["anew"]);
  for (const partition of [0, 2]) {
    await clients.produce("anew", 10, partition);
    await commit(member, "anew", 7, partition);
  }
  await pages.groupOnce("anew-group", "it is seen", (one) => one.partition_count === 3 && one.totallag === 6);
  await member.disconnect();
  await clients.admin.deleteTopics({ topics: ["anew"] });
  await until("the name is free", () => clients.createTopic("anew").then(() => true, () => undefined));
  await using later = await Clients.connect(broker.address);
  await later.produce("anew", 4);
  const again = await later.member("anew-group", ["anew"]);
  await commit(again, "anew", 1);
  const shown = await pages.groupOnce("anew-group", "one partition is left", (one) => {
    return one.partition_count === 1 && one.totallag === 3;
  });
  assert.equal(shown.partitions[0]!.start!.offset, 1); // nothing of the window before
  await assertSame(pages, broker, "anew-group");
  await again.disconnect();
}

async function deletedOffset({ broker, clients, pages }: Stage): Promise<void> {
  await clients.createTopic("part", 3);
  const member = await clients.member("part-group", ["part"]);
  for (const partition of [0, 1]) {
    await clients.produce("part", 10, partition);
    await commit(member, "part", 5, partition);
  }
  const shown = await pages.groupOnce("part-group", "both are seen", (one) => one.totallag === 10);
  const never = shown.partitions.find(({ partition }) => partition === 2)!;
  assert.deepEqual([never.status, never.end, never.complete, never.current_lag], ["OK", null, 0, 0]);
  await member.disconnect();
  await groupCommand(broker, "--delete-offsets", "--group", "part-group", "--topic", "part:0");
  const left = await pages.groupOnce("part-group", "one is left", (one) => one.totallag === 5);
  const first = left.partitions[0]!;
  assert.deepEqual([first.status, first.start, first.end, first.complete], ["OK", null, null, 0]);
  const { body } = await pages.get("/v3/kafka/main/consumer/part-group");
  assert.deepEqual((body.topics as { part: { offsets: unknown[] }[] }).part[0]!.offsets, []);
}

async function lostMessages({ broker, clients, pages }: Stage): Promise<void> {
  await clients.createTopic("lost");
  await clients.produce("lost", 8);
  const member = await clients.member("lost-group", ["lost"]);
  await commit(member, "lost", 0);
  await clients.admin.deleteTopicRecords({ topic: "lost", partitions: [{ partition: 0, offset: "5" }] });
  const shown = await pages.groupOnce("lost-group", "some are lost", (one) => one.partitions[0]?.lost === 5);
  assert.deepEqual([shown.totallag, shown.partitions[0]!.lag_seconds_source], [3, "record"]);
  assert.equal((await describeGroup(broker, "lost-group"))[0]!.end, 8);
  await member.disconnect();
}

async function changes({ broker, clients, pages }: Stage): Promise<void> {
  await clients.createTopic("grows");
  await clients.createTopic("goes");
  await clients.produce("grows", 5);
  await clients.produce("goes", 5);
  const member = await clients.member("both-group", ["grows", "goes"]);
  await commit(member, "grows", 1);
  await commit(member, "goes", 1);
  await pages.groupOnce("both-group", "both topics are seen", (one) => one.totallag === 8);
  await member.disconnect();

  await clients.admin.createPartitions({ topicPartitions: [{ topic: "grows", count: 3 }] });
  await using later = await Clients.connect(broker.address); // the first one's producer does not look again
  const grown = await later.member("both-group", ["grows"]);
  await later.produce("grows", 9, 2);
  await commit(grown, "grows", 2, 2);
  await pages.groupOnce("both-group", "the new partition is seen", (one) => {
    return one.partitions.some(({ topic, partition, current_lag: lag }) => {
      return topic === "grows" && partition === 2 && lag === 7;
    });
  });
  await grown.disconnect();

  await clients.admin.deleteTopics({ topics: ["goes"] });
  const left = await pages.groupOnce("both-group", "one topic is left", (one) => {
    return one.partitions.every(({ topic }) => topic === "grows");
  });
  assert.equal(left.totallag, 11);
  await until("the topic is gone", async () => {
    const { body } = await pages.get("/v3/kafka/main/topic");
    return (body.topics as string[]).includes("goes") ? undefined : true;
  });
  assert.doesNotMatch(await pages.text("/metrics/burrow"), /topic="goes"/);

  await groupCommand(broker, "--delete", "--group", "both-group");
  await pages.gone("both-group");
  assert.doesNotMatch(await pages.text("/metrics/burrow"), /both-group/);
}

async function longMetadata({ clients, pages }: Stage): Promise<void> {
  await clients.createTopic("long");
  await clients.produce("long", 5);
  const member = await clients.member("long-group", ["long"]);
  const metadata = "m".repeat(300);
  const nowMs = Date.now();
  await member.commitOffsets([{ topic: "long", partition: 0, offset: "2", metadata }]);
  const shown = await pages.groupOnce("long-group", "the commit is seen", (one) => one.partition_count === 1);
  const { offset, timestamp } = shown.partitions[0]!.end!;
  assert.equal(offset, 2);
  assert.ok(Math.abs(timestamp - nowMs) < 60_000, String(timestamp));
}

/** All records of the topic were understood, and the reader is no group. */
async function nothingUnread(
  agent: { readonly log: readonly { level?: string }[]; metrics(): Promise<Record<string, number>> },
  pages: LagPages,
): Promise<void> {
  const metrics = await agent.metrics();
  for (const name of Object.keys(metrics)) assert.doesNotMatch(name, /^limier_lag_records_refused_total\{/);
  // Target assignments of the new protocol, for one, are known and say nothing of lag.
  assert.ok((metrics['limier_lag_records_ignored_total{cluster="main"}'] ?? 0) > 0);
  assert.ok((await pages.groups()).every((group) => !group.startsWith("limier") && !group.startsWith("burrow")));
  assert.deepEqual(agent.log.filter(({ level }) => level === "error"), []);
}
