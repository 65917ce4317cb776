import assert from "node:assert/strict";
import type { TestBroker } from "../../src/kafka/testing.ts";
import { testWith } from "../../src/testing/mod.ts";
import { type LagStage, playLagCases } from "./lag_cases.ts";
import { assertSame, assertUnknown, describeStreamsGroup, streamsGroupCommand } from "./lag_comparison.ts";
import { type Clients, commit, groupCommand, inTurn, sleep } from "./lag_stage.ts";
import { runStreams, STREAMS } from "./lag_streams.ts";

testWith("an agent tells the kinds of groups of a real broker apart", STREAMS, () =>
  playLagCases({
    before: deletedBefore,
    cases: [
      ["groups that were deleted before anybody watched are not known", unknownBefore],
      ["a group of the new protocol has owners, and is gone when it was deleted", newProtocol],
      ["a group that goes over to the new protocol keeps its window", converted],
      ["a share group says nothing of lag, and is no group of ours", shareGroup],
      ["a group of Streams has its lag, and is gone when it was deleted", streamsGroup],
    ],
    async after({ agent }) {
      // Records of all these kinds are known: those that say nothing of lag are counted, and no line is lost on them.
      const metrics = await agent.metrics();
      assert.ok((metrics['limier_lag_records_ignored_total{cluster="main"}'] ?? 0) > 0);
      assert.deepEqual(agent.log.filter(({ level }) => level === "warn"), []);
    },
  }));

const CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const SHARE_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleShareConsumer";
const SHARE_GROUP_COMMAND = "org.apache.kafka.tools.consumer.group.ShareGroupCommand";

/** Reads a topic as the only member of a group of the new protocol, which commits, until it has read so many messages. */
function consumeNew(broker: TestBroker, group: string, topic: string, messages: number): Promise<string> {
  const settings = ["group.protocol=consumer", "auto.commit.interval.ms=200"];
  return broker.tool(CONSUMER, [
    ...["--topic", topic, "--group", group, "--from-beginning"],
    ...settings.flatMap((one) => ["--command-property", one]),
    ...["--max-messages", String(messages), "--timeout-ms", "180000"],
  ]);
}

/** Groups of the new protocol and of Streams that commit, and are deleted. */
async function deletedBefore(broker: TestBroker, clients: Clients): Promise<void> {
  await clients.createTopic("before");
  await clients.produce("before", 3);
  await Promise.all([
    consumeNew(broker, "gone-before", "before", 3),
    runStreams(broker, "gone-streams", "before", 3),
  ]);
  const { admin } = clients;
  for (const groupId of ["gone-before", "gone-streams"]) {
    const [committed] = await admin.fetchOffsets({ groupId, topics: ["before"] });
    assert.equal(committed!.partitions[0]!.offset, "3", groupId);
  }
  assert.match(await groupCommand(broker, "--delete", "--group", "gone-before"), /was successful/);
  assert.match(await streamsGroupCommand(broker, "--delete", "--group", "gone-streams"), /was successful/);
}

async function unknownBefore({ broker, pages }: LagStage): Promise<void> {
  assert.ok((await pages.groups()).every((group) => !group.startsWith("gone-")));
  for (const group of ["gone-before", "gone-streams"]) await assertUnknown(pages, broker, group);
}

async function newProtocol({ broker, clients, pages }: LagStage): Promise<void> {
  await clients.createTopic("new", 2);
  for (const partition of [0, 1]) await clients.produce("new", 20, partition);
  const reading = consumeNew(broker, "new-group", "new", 41); // it waits for one more
  reading.catch(() => {}); // told of where it is awaited
  await pages.groupOnce("new-group", "all is read, and owned", (one) => {
    return one.partition_count === 2 && one.partitions.every(({ end, owner }) => end?.offset === 20 && owner !== "");
  });
  const shown = await assertSame(pages, broker, "new-group");
  assert.deepEqual(shown.partitions.map(({ owner, client_id: client }) => [owner, client]), [
    ["/127.0.0.1", "console-consumer"],
    ["/127.0.0.1", "console-consumer"],
  ]);
  assert.deepEqual([shown.status, shown.totallag], ["OK", 0]);
  await clients.produce("new", 1, 1);
  await reading;
  await pages.groupOnce("new-group", "nobody owns it", (one) => one.partitions.every(({ owner }) => owner === ""));
  await clients.produce("new", 7, 1);
  assert.equal((await assertSame(pages, broker, "new-group")).totallag, 7);
  await groupCommand(broker, "--delete", "--group", "new-group");
  await assertUnknown(pages, broker, "new-group");
}

async function converted({ broker, clients, pages }: LagStage): Promise<void> {
  await clients.createTopic("over");
  await clients.produce("over", 20);
  const member = await clients.member("over-group", ["over"]);
  for (const offset of [2, 4]) {
    await commit(member, "over", offset);
    await pages.groupOnce("over-group", `${offset} is seen`, (one) => one.partitions[0]?.end?.offset === offset);
  }
  await member.disconnect();
  await consumeNew(broker, "over-group", "over", 6);
  await pages.groupOnce("over-group", "it is read on", (one) => one.partitions[0]?.end?.offset === 10);
  const shown = await assertSame(pages, broker, "over-group");
  assert.deepEqual([shown.partitions[0]!.start!.offset, shown.totallag], [2, 10]);
}

async function shareGroup({ broker, clients, pages }: LagStage): Promise<void> {
  await clients.createTopic("share");
  let isOver = false;
  const reading = broker.tool(SHARE_CONSUMER, [
    ...["--topic", "share", "--group", "share-group", "--max-messages", "1", "--timeout-ms", "180000"],
  ]).finally(() => isOver = true);
  reading.catch(() => {}); // told of where it is awaited
  // It begins with what comes after it has joined.
  while (!isOver) {
    await clients.produce("share", 1);
    await sleep(500);
  }
  await reading;
  assert.match(await inTurn(() => broker.tool(SHARE_GROUP_COMMAND, ["--list"])), /^share-group$/m);
  // Each of its commands is for one kind of groups.
  assert.match(
    await groupCommand(broker, "--describe", "--group", "share-group"),
    /share-group is not a consumer group/,
  );
  assert.equal(await pages.group("share-group"), undefined);
  assert.ok(!(await pages.groups()).includes("share-group"));
}

async function streamsGroup({ broker, clients, pages }: LagStage): Promise<void> {
  await clients.createTopic("flow", 2);
  await clients.produce("flow", 5, 0);
  await clients.produce("flow", 7, 1);
  const running = runStreams(broker, "streams-group", "flow", 13); // it waits for one more
  running.catch(() => {}); // told of where it is awaited
  await pages.groupOnce("streams-group", "all is read", ({ partitions }) => {
    return partitions.length === 2 && partitions[0]!.end?.offset === 5 && partitions[1]!.end?.offset === 7;
  });
  const shown = await assertSame(pages, broker, "streams-group", { describe: describeStreamsGroup });
  assert.deepEqual([shown.status, shown.totallag], ["OK", 0]);
  await clients.produce("flow", 1, 1);
  await running;
  await clients.produce("flow", 4, 0);
  // The tool describes it only while it has members; what it committed the broker tells anybody.
  const left = await assertSame(pages, broker, "streams-group", {
    describe: async () => {
      const [committed] = await clients.admin.fetchOffsets({ groupId: "streams-group", topics: ["flow"] });
      const ends = await clients.admin.fetchTopicOffsets("flow");
      const endOf = (partition: number) => Number(ends.find((one) => one.partition === partition)!.offset);
      return committed!.partitions.map(({ partition, offset }) => ({
        topic: "flow",
        partition,
        committed: Number(offset),
        end: endOf(partition),
        lag: endOf(partition) - Number(offset),
        host: "",
        clientId: "",
      })).sort((a, b) => a.partition - b.partition);
    },
  });
  assert.deepEqual(left.partitions.map(({ end, current_lag: lag }) => [end!.offset, lag]), [[5, 4], [8, 0]]);
  await streamsGroupCommand(broker, "--delete", "--group", "streams-group");
  await assertUnknown(pages, broker, "streams-group");
}
