import assert from "node:assert/strict";
import { brokerTest } from "../../src/kafka/testing.ts";
import { type LagStage, playLagCases } from "./lag_cases.ts";
import { assertSame } from "./lag_comparison.ts";
import { commit, groupCommand, type LagPages, type ShownCommit, type ShownGroup, sleep, until } from "./lag_stage.ts";

brokerTest("an agent judges groups as a real broker's own tool does", () =>
  playLagCases({
    paced: [
      ["a slow group is WARN, STOP from the first second on where the rules say so", slowThenStopped],
      ["a group that goes back is REWIND, with its lag of now", rewound],
    ],
    cases: [
      ["a group that commits is shown as Kafka's tool shows it, owners too", sameAsTool],
      ["offsets of an aborted transaction, or of one that is open, do not count", transactions],
      ["behind the last commit nothing but transactions' ends: no lag", transactionEnds],
      ["an offset that was deleted, and a partition that was never committed", deletedOffset],
      ["messages that retention took are lost, and lag begins where the log does", lostMessages],
      ["metadata of a commit may be long", longMetadata],
    ],
  }));

async function sameAsTool({ broker, clients, pages }: LagStage): Promise<void> {
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

/** Looks at a group, whose partition has stopped exactly when the rule says so. On a slow machine that may be at any time. */
async function judged(
  pages: LagPages,
  group: string,
): Promise<{ readonly shown: ShownGroup; readonly isStopped: boolean }> {
  const beforeMs = Date.now();
  const shown = await pages.group(group);
  const afterMs = Date.now();
  assert.ok(shown !== undefined);
  const [first, last] = [isSilent(shown, beforeMs), isSilent(shown, afterMs)];
  const isStopped = shown.partitions[0]!.status === "STOP";
  if (first === last) assert.equal(isStopped, first, JSON.stringify(shown));
  if (isStopped) assert.equal(shown.status, "ERR");
  return { shown, isStopped };
}

/** How many commits in the window of a partition were stored with a smaller lag than the one before. */
async function lagsThatFall(pages: LagPages, group: string, topic: string): Promise<number> {
  const { body } = await pages.get(`/v3/kafka/main/consumer/${group}`);
  const [{ offsets }] = (body.topics as Record<string, [{ offsets: (ShownCommit | null)[] }]>)[topic]!;
  const lags = offsets.flatMap((one) => one?.lag ?? []);
  return lags.filter((lag, i) => i > 0 && lag < lags[i - 1]!).length;
}

async function slowThenStopped({ broker, clients, pages }: LagStage): Promise<void> {
  await clients.createTopic("slow");
  const member = await clients.member("slow-group", ["slow"]);
  let produced = 0;
  const produce = async (count: number) => {
    await clients.produce("slow", count);
    produced += count;
  };
  const measured = () =>
    until("the agent has measured the end", async () => {
      const { body } = await pages.get("/v3/kafka/main/topic/slow");
      return (body.offsets as number[] | undefined)?.[0] === produced ? true : undefined;
    });
  // An end that was measured while the topic was empty says that it was read to its end, until five others have come.
  for (let i = 0; i < 6; i++) {
    await produce(10);
    await measured();
  }
  const lags: number[] = [];
  let falls = 0;
  for (let offset = 20; lags.length < 16; offset += 20) {
    assert.ok(offset < 4_000, "it has stopped all the time");
    await produce(200);
    await measured();
    await produce(200); // so that whenever it measures again, the end has moved by more than what is read
    await commit(member, "slow", offset - 10);
    await commit(member, "slow", offset); // most often with the same end, by which the lag seems to fall
    await pages.groupOnce("slow-group", `${offset} is seen`, (one) => one.partitions[0]?.end?.offset === offset);
    const { shown, isStopped } = await judged(pages, "slow-group");
    if (isStopped) continue;
    assert.deepEqual([shown.status, shown.partitions[0]!.status], ["WARN", "WARN"]);
    lags.push(shown.totallag);
    falls += await lagsThatFall(pages, "slow-group", "slow");
  }
  assert.ok(lags.at(-1)! > lags[0]!, lags.join());
  assert.ok(falls > 0, "no lag has seemed to fall");
  // It stops; messages still come.
  for (let i = 0, stops = 0; stops < 3; i++) {
    assert.ok(i < 150, "it is never seen to have stopped");
    await clients.produce("slow", 20);
    const { shown, isStopped } = await judged(pages, "slow-group");
    if (isStopped) stops++;
    else assert.equal(shown.status, "WARN");
    await sleep(100);
  }
  await assertSame(pages, broker, "slow-group");
}

async function rewound({ broker, clients, pages }: LagStage): Promise<void> {
  await clients.createTopic("back");
  await clients.produce("back", 500);
  const member = await clients.member("back-group", ["back"]);
  for (const offset of [100, 200, 300]) {
    await commit(member, "back", offset);
    await sleep(1_000);
  }
  // It goes on committing, so that it has not stopped. Four, as the window of five still knows of the 300.
  let rewinds = 0;
  for (const offset of [100, 120, 140, 160]) {
    await commit(member, "back", offset);
    await pages.groupOnce("back-group", `${offset} is seen`, (one) => one.partitions[0]?.end?.offset === offset);
    const { shown, isStopped } = await judged(pages, "back-group");
    assert.equal(shown.totallag, 500 - offset);
    if (!isStopped) {
      assert.deepEqual([shown.status, shown.partitions[0]!.status], ["ERR", "REWIND"]);
      rewinds++;
    }
    await sleep(200);
  }
  assert.ok(rewinds > 0, "it has stopped all the time");
  assert.equal((await assertSame(pages, broker, "back-group")).totallag, 340);
}

async function transactions({ broker, clients, pages }: LagStage): Promise<void> {
  await clients.createTopic("tx");
  await clients.createTopic("tx-behind");
  await clients.produce("tx", 3_251);
  await clients.produce("tx-behind", 1);
  // A group's records stand in one log: when the last one is shown, all before it have been read.
  const readAll = async (group: string) => {
    await clients.commitInTransaction(group, "tx-behind", 1, "commit");
    await pages.groupOnce(group, "what came last is seen", (one) => one.partition_count === 2);
    return (await assertSame(pages, broker, group)).partitions[0]!;
  };
  await clients.commitInTransaction("tx-group", "tx", 5, "commit");
  await clients.commitInTransaction("tx-group", "tx", 900_000, "abort");
  const aborted = await readAll("tx-group");
  assert.deepEqual([aborted.end?.offset, aborted.current_lag], [5, 3_246]);
  await clients.commitInTransaction("open-group", "tx", 100, "commit");
  await clients.commitInTransaction("open-group", "tx", 2_000, undefined);
  const open = await readAll("open-group");
  assert.deepEqual([open.end?.offset, open.current_lag], [100, 3_151]);
}

async function transactionEnds({ broker, clients, pages }: LagStage): Promise<void> {
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
  const shown = await assertSame(pages, broker, "ends-group", {
    lagOf({ lag }) {
      assert.equal(lag, 4); // the tool counts them
      return 0;
    },
    storedLagOf: ({ lag }) => lag!,
  });
  assert.deepEqual([shown.status, shown.partitions[0]!.lag_seconds], ["OK", 0]);
  await member.disconnect();
}

async function deletedOffset({ broker, clients, pages }: LagStage): Promise<void> {
  await clients.createTopic("part", 3);
  const member = await clients.member("part-group", ["part"]);
  for (const partition of [0, 1]) {
    await clients.produce("part", 10, partition);
    await commit(member, "part", 5, partition);
  }
  const shown = await assertSame(pages, broker, "part-group");
  assert.equal(shown.totallag, 10);
  const never = shown.partitions.find(({ partition }) => partition === 2)!;
  assert.deepEqual([never.status, never.end, never.complete, never.current_lag], ["OK", null, 0, 0]);
  await member.disconnect();
  await groupCommand(broker, "--delete-offsets", "--group", "part-group", "--topic", "part:0");
  const left = await assertSame(pages, broker, "part-group");
  assert.equal(left.totallag, 5);
  const first = left.partitions[0]!;
  assert.deepEqual([first.status, first.start, first.end, first.complete], ["OK", null, null, 0]);
  const { body } = await pages.get("/v3/kafka/main/consumer/part-group");
  assert.deepEqual((body.topics as { part: { offsets: unknown[] }[] }).part[0]!.offsets, []);
}

async function lostMessages({ broker, clients, pages }: LagStage): Promise<void> {
  await clients.createTopic("lost");
  await clients.produce("lost", 8);
  const member = await clients.member("lost-group", ["lost"]);
  await commit(member, "lost", 0);
  await member.disconnect(); // it would commit -2 if what it is about to read went
  await clients.admin.fetchTopicOffsets("lost"); // or the client may not know the topic's leader yet
  await clients.admin.deleteTopicRecords({ topic: "lost", partitions: [{ partition: 0, offset: "5" }] });
  const shown = await assertSame(pages, broker, "lost-group", {
    lagOf({ end, lag }) {
      assert.deepEqual([end, lag], [8, 8]); // the tool does not look where the log starts
      return 3;
    },
  });
  assert.deepEqual([shown.partitions[0]!.lost, shown.partitions[0]!.lag_seconds_source], [5, "record"]);
}

async function longMetadata({ broker, clients, pages }: LagStage): Promise<void> {
  await clients.createTopic("long", 2);
  for (const partition of [0, 1]) await clients.produce("long", 5, partition);
  const member = await clients.member("long-group", ["long"]);
  const beforeMs = Date.now();
  await member.commitOffsets([
    { topic: "long", partition: 0, offset: "2", metadata: "m".repeat(127) }, // from here on its length takes two bytes
    { topic: "long", partition: 1, offset: "3", metadata: "m".repeat(300) },
  ]);
  const afterMs = Date.now();
  const shown = await assertSame(pages, broker, "long-group");
  assert.equal(shown.totallag, 5);
  for (const { end } of shown.partitions) {
    assert.ok(beforeMs <= end!.timestamp && end!.timestamp <= afterMs, `${end!.timestamp} from ${beforeMs} on`);
  }
}
