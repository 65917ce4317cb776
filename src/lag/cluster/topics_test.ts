import assert from "node:assert/strict";
import type { ClusterMetadata, TopicMetadata } from "../../kafka/mod.ts";
import { ClusterTopics } from "./topics.ts";

function topic(name: string, leaders: readonly number[], over: Partial<TopicMetadata> = {}): TopicMetadata {
  const partitions = leaders.map((leader, partition) => ({
    partition,
    error: leader < 0 ? 5 : 0,
    leader,
    leaderEpoch: 0,
    replicas: 1,
  }));
  return { name, id: `id-${name}`, error: 0, isInternal: false, partitions, ...over };
}

function metadata(...topics: TopicMetadata[]): ClusterMetadata {
  return { brokers: [], clusterId: "", controller: 1, topics };
}

Deno.test("ClusterTopics.refresh() tells of new ids, and of topics that are gone", () => {
  const topics = new ClusterTopics();
  assert.deepEqual(topics.refresh(metadata(topic("a", [1, 2]), topic("b", [1]))), {
    deleted: [],
    ids: [["a", "id-a"], ["b", "id-b"]],
    leaderless: 0,
  });
  assert.deepEqual(topics.refresh(metadata(topic("a", [1, 2]))), { deleted: ["b"], ids: [["b", null]], leaderless: 0 });
  assert.deepEqual([topics.size, topics.partitions, topics.leaderOf("a", 1), topics.leaderOf("b", 0)], [1, 2, 2, -1]);
});

Deno.test("ClusterTopics.refresh() takes a topic of the same name with another id for another topic", () => {
  const topics = new ClusterTopics();
  topics.refresh(metadata(topic("a", [1, 1])));
  topics.measured("a", 0, 500);
  const changes = topics.refresh(metadata(topic("a", [1], { id: "id-2" })));
  assert.deepEqual(changes, { deleted: ["a"], ids: [["a", "id-2"]], leaderless: 0 });
  assert.equal(topics.measured("a", 0, 3), true); // nothing is left of the ends before
});

Deno.test("ClusterTopics.refresh() knows no ids where brokers tell none", () => {
  const topics = new ClusterTopics();
  const none = { id: "00000000-0000-0000-0000-000000000000" };
  assert.deepEqual(topics.refresh(metadata(topic("a", [1], none))).ids, []);
  assert.deepEqual(topics.refresh(metadata(topic("a", [1], { id: "" }))).deleted, []);
});

Deno.test("ClusterTopics.refresh() keeps a topic that it has an error for, and measures no leaderless partition", () => {
  const topics = new ClusterTopics();
  topics.refresh(metadata(topic("a", [1, 2]), topic("b", [1])));
  const changes = topics.refresh(metadata(topic("a", [], { error: 3 }), topic("b", [1, -1])));
  assert.deepEqual(changes, { deleted: [], ids: [], leaderless: 1 });
  assert.equal(topics.countOf("b"), 2);
  assert.deepEqual(topics.queries(-1).map(({ topic, partition }) => `${topic}/${partition}`), ["a/0", "a/1", "b/0"]);
});

Deno.test("ClusterTopics.refresh() believes that all topics are gone when it is said twice", () => {
  const topics = new ClusterTopics(["restored"]);
  topics.refresh(metadata(topic("a", [1]), topic("restored", [1])));
  assert.deepEqual(topics.refresh(metadata()).deleted, []);
  assert.deepEqual(topics.refresh(metadata()).deleted.toSorted(), ["a", "restored"]);
});

Deno.test("ClusterTopics.refresh() deletes what was restored and is not there any more", () => {
  assert.deepEqual(new ClusterTopics(["old"]).refresh(metadata(topic("a", [1]))).deleted, ["old"]);
});

Deno.test("ClusterTopics.measured() wants a fall confirmed", () => {
  const topics = new ClusterTopics();
  topics.refresh(metadata(topic("a", [1])));
  const ends: [end: number, counts: boolean][] = [[100, true], [90, false], [110, true], [90, false], [80, true], [
    -1,
    false,
  ]];
  for (const [end, counts] of ends) assert.equal(topics.measured("a", 0, end), counts, String(end));
  assert.equal(topics.measured("a", 1, 5), false);
  assert.equal(topics.measured("b", 0, 5), false);
});
