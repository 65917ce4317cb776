import assert from "node:assert/strict";
import { brokerTest } from "../../src/kafka/testing.ts";
import { type LagStage, playLagCases } from "./lag_cases.ts";
import { assertSame, assertUnknown } from "./lag_comparison.ts";
import { Clients, commit, groupCommand, until } from "./lag_stage.ts";

brokerTest("an agent follows a real broker's topics and groups as they come and go", () =>
  playLagCases({
    cases: [
      ["a topic that is made anew with fewer partitions is another topic", madeAnew],
      ["partitions that are added, a topic that is deleted, a group that is deleted", changes],
    ],
  }));

async function madeAnew({ broker, clients, pages }: LagStage): Promise<void> {
  await clients.createTopic("anew", 3);
  const member = await clients.member("anew-group", ["anew"]);
  for (const partition of [0, 2]) {
    await clients.produce("anew", 10, partition);
    await commit(member, "anew", 7, partition);
  }
  const before = await assertSame(pages, broker, "anew-group");
  assert.deepEqual([before.partition_count, before.totallag], [3, 6]);
  await member.disconnect();
  await clients.admin.deleteTopics({ topics: ["anew"] });
  await until("the name is free", () => clients.createTopic("anew").then(() => true, () => undefined));
  await using later = await Clients.connect(broker.address);
  await later.produce("anew", 4);
  const again = await later.member("anew-group", ["anew"]);
  await commit(again, "anew", 1);
  await pages.groupOnce("anew-group", "one partition is left", (one) => {
    return one.partition_count === 1 && one.totallag === 3;
  });
  const shown = await assertSame(pages, broker, "anew-group");
  assert.deepEqual([shown.partition_count, shown.totallag], [1, 3]);
  assert.equal(shown.partitions[0]!.start!.offset, 1); // nothing of the window before
  await again.disconnect();
}

async function changes({ broker, clients, pages }: LagStage): Promise<void> {
  await clients.createTopic("grows");
  await clients.createTopic("goes");
  await clients.produce("grows", 5);
  await clients.produce("goes", 5);
  const member = await clients.member("both-group", ["grows", "goes"]);
  await commit(member, "grows", 1);
  await commit(member, "goes", 1);
  assert.equal((await assertSame(pages, broker, "both-group")).totallag, 8);
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
  await assertSame(pages, broker, "both-group"); // it owns the new one, too
  await grown.disconnect();

  await clients.admin.deleteTopics({ topics: ["goes"] });
  await pages.groupOnce("both-group", "one topic is left", (one) => {
    return one.partitions.every(({ topic }) => topic === "grows");
  });
  assert.equal((await assertSame(pages, broker, "both-group")).totallag, 11);
  await until("the topic is gone", async () => {
    const { body } = await pages.get("/v3/kafka/main/topic");
    return (body.topics as string[]).includes("goes") ? undefined : true;
  });
  assert.doesNotMatch(await pages.text("/metrics/burrow"), /topic="goes"/);

  await groupCommand(broker, "--delete", "--group", "both-group");
  await assertUnknown(pages, broker, "both-group");
}
