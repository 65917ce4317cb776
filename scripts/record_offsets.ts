/**
 * Records what a real broker writes into `__consumer_offsets`, as fixtures, and compares what we make of it with Kafka's own
 * formatter.
 *
 * ```text
 * deno run -A scripts/record_offsets.ts
 * ```
 *
 * Needs the broker of `scripts/setup-kafka.sh`. Each scene is played by real clients with a group of its own, and becomes a
 * fixture with all records of that group, in their order. The diff is read before it is committed.
 *
 * @module
 */
import { formatGolden } from "../conformance/golden.ts";
import type { Json } from "../conformance/json.ts";
import { Clients, commit, groupCommand } from "../conformance/process/lag_stage.ts";
import { toHex } from "../src/bytes/mod.ts";
import { realClock } from "../src/clock/mod.ts";
import { KafkaCluster } from "../src/kafka/mod.ts";
import { readTopic, startTestBroker, type TestBroker } from "../src/kafka/testing.ts";
import { decodeOffsetsText } from "../src/lag/mod.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const TOPIC = "__consumer_offsets";
const CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const SHARE_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleShareConsumer";
const FORMATTER = "org.apache.kafka.tools.consumer.OffsetsMessageFormatter";

/** What is played before the topic is read. */
interface Scene {
  /** Also the group's name. */
  readonly name: string;
  readonly why: string;
  play(broker: TestBroker, clients: Clients): Promise<unknown>;
}

/** Reads as a group by Kafka's own client, until nothing comes any more. */
function consume(broker: TestBroker, group: string, ...args: string[]): Promise<string> {
  const end = ["--timeout-ms", "8000", "--command-property", "auto.commit.interval.ms=500"];
  return broker.tool(CONSUMER, ["--group", group, "--from-beginning", ...end, ...args]).catch(String);
}

const NEW_PROTOCOL = ["--command-property", "group.protocol=consumer"];

const SCENES: readonly Scene[] = [
  {
    name: "w-classic",
    why: "a classic group that a member joins, commits in with and without metadata, and leaves",
    async play(_, clients) {
      const member = await clients.member("w-classic", ["w"]);
      await commit(member, "w", 3);
      await member.commitOffsets([{ topic: "w", partition: 1, offset: "7", metadata: "m".repeat(130) }]);
      await member.disconnect();
    },
  },
  {
    name: "w-static",
    why: "a static member of a classic group",
    play: (broker) => consume(broker, "w-static", "--topic", "w", "--command-property", "group.instance.id=static-1"),
  },
  {
    name: "w-new",
    why: "a group of the new protocol: epochs, members, assignments, commits",
    play: (broker) => consume(broker, "w-new", "--topic", "w", ...NEW_PROTOCOL),
  },
  {
    name: "w-pattern",
    why: "a group of the new protocol that subscribes to a pattern, which the broker resolves",
    play: (broker) => consume(broker, "w-pattern", "--include", "w.*", ...NEW_PROTOCOL),
  },
  {
    name: "w-deleted",
    why: "a group of the new protocol, deleted when it is empty: tombstones of everything",
    async play(broker) {
      await consume(broker, "w-deleted", "--topic", "w", ...NEW_PROTOCOL);
      await groupCommand(broker, "--delete", "--group", "w-deleted");
    },
  },
  {
    name: "w-taken-back",
    why: "an offset that is deleted, and a classic group",
    async play(broker, clients) {
      const member = await clients.member("w-taken-back", ["w"]);
      for (const partition of [0, 1]) await commit(member, "w", 1, partition);
      await member.disconnect();
      await groupCommand(broker, "--delete-offsets", "--group", "w-taken-back", "--topic", "w:0");
      await groupCommand(broker, "--delete", "--group", "w-taken-back");
    },
  },
  {
    name: "w-tx",
    why: "offsets that are sent in a transaction carry no topic id",
    play: (_, clients) => clients.commitInTransaction("w-tx", "w", 5, "commit"),
  },
  {
    name: "w-share",
    why: "a share group, whose records say nothing of lag",
    play: (broker) =>
      broker.tool(SHARE_CONSUMER, ["--topic", "w", "--group", "w-share", "--timeout-ms", "8000"]).catch(String),
  },
];

/** Every record of the topic that is no transaction's end: `KEYHEX VALUEHEX`. */
async function readLines(address: string): Promise<string[]> {
  const cluster = new KafkaCluster({ brokers: [address], clientId: "record", clock: realClock });
  try {
    const hex = (octets: Uint8Array | null) => octets === null ? "-" : toHex(octets);
    const records = await readTopic(cluster, TOPIC, "read_uncommitted");
    return records.map(({ key, value }) => `${hex(key)} ${hex(value)}`);
  } finally {
    cluster.close();
  }
}

/** Whether the key is one of that group: its name stands behind the type. */
function isOf(line: string, group: string): boolean {
  const name = new TextEncoder().encode(group);
  const length = name.length.toString(16).padStart(4, "0");
  return line.slice(4).startsWith(length + toHex(name));
}

/** Commits as Kafka's own formatter reads them: group, topic, partition, offset. */
async function formatted(broker: TestBroker): Promise<string[]> {
  const text = await broker.tool(CONSUMER, [
    ...["--topic", TOPIC, "--from-beginning", "--timeout-ms", "6000", "--formatter", FORMATTER],
  ]);
  // It prints them without anything in between.
  return text.split(/(?=\{"key")|\n/).filter((line) => line.startsWith("{")).flatMap((line) => {
    const { key, value } = JSON.parse(line.slice(0, line.lastIndexOf("}") + 1));
    const data = value?.data;
    return data === undefined || data === null || data === "unknown"
      ? []
      : [`${key.data.group} ${key.data.topic} ${key.data.partition} ${data.offset} v${value.version}`];
  }).sort();
}

if (import.meta.main) {
  await using broker = await startTestBroker();
  await using clients = await Clients.connect(broker.address);
  await clients.createTopic("w", 2);
  for (const partition of [0, 1]) await clients.produce("w", 10, partition);
  await Promise.all(SCENES.map((scene) => scene.play(broker, clients)));

  const lines = await readLines(broker.address);
  const theirs = (await formatted(broker)).filter((line) => line.startsWith("w-"));
  const ours: string[] = [];
  for (const { name, why } of SCENES) {
    const own = lines.filter((line) => isOf(line, name));
    const objects = [...decodeOffsetsText(own.join("\n"))];
    for (const one of objects) {
      if (one.kind === "offset") ours.push(`${one.group} ${one.topic} ${one.partition} ${one.offset} v${one.version}`);
    }
    const source = "Recorded by scripts/record_offsets.ts: what Apache Kafka 4.3.1 wrote into __consumer_offsets.";
    const golden = formatGolden({
      why,
      source,
      config: {},
      options: {},
      expect: { decode: objects as unknown as Json[] },
    });
    await Deno.writeTextFile(`${ROOT}testdata/offsets/${name}.txt`, own.map((line) => `${line}\n`).join(""));
    await Deno.writeTextFile(`${ROOT}testdata/offsets/${name}.json`, golden);
    const faults = objects.filter(({ kind }) => kind === "error").length;
    console.log(`${name}: ${own.length} records, ${faults} faults`);
  }
  const same = JSON.stringify(theirs) === JSON.stringify(ours.sort());
  console.log(
    same
      ? `Kafka's formatter reads the same ${ours.length} commits`
      : `theirs:\n${theirs.join("\n")}\nours:\n${ours.join("\n")}`,
  );
  if (!same) Deno.exitCode = 1;
}
