/** What Kafka's own tools say of groups, and whether the agent says the same. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestBroker } from "../../src/kafka/testing.ts";
import { serversDirectory } from "../../src/testing/mod.ts";
import { GROUP_COMMAND, groupCommand, inTurn, type LagPages, type ShownGroup, until } from "./lag_stage.ts";

/** One partition of a group as Kafka's own tool describes it. */
export interface DescribedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Null where there is no commit. */
  readonly committed: number | null;
  readonly end: number;
  readonly lag: number | null;
  /** "" where nobody reads it, and in a group of Streams, of which the tool does not tell. */
  readonly host: string;
  readonly clientId: string;
}

const STREAMS_GROUP_COMMAND = "org.apache.kafka.tools.streams.StreamsGroupCommand";

/** How long the agent has to say what the tool said, before the tool is asked again: it, too, may have been early. */
const ONE_LOOK_MS = 20_000;
const MOST_LOOKS = 4;

/** Runs Kafka's own tool for groups of Streams. */
export function streamsGroupCommand(broker: TestBroker, ...args: string[]): Promise<string> {
  return inTurn(() => broker.tool(STREAMS_GROUP_COMMAND, args));
}

/** A group as Kafka's own tool describes it. */
export async function describeGroup(broker: TestBroker, group: string): Promise<readonly DescribedPartition[]> {
  return readDescription(await groupCommand(broker, "--describe", "--group", group));
}

/** A group of Streams as Kafka's own tool describes it, as long as it has members. */
export async function describeStreamsGroup(broker: TestBroker, group: string): Promise<readonly DescribedPartition[]> {
  return readDescription(await streamsGroupCommand(broker, "--describe", "--verbose", "--group", group));
}

/** Reads a table whose first line names its columns. */
function readDescription(text: string): readonly DescribedPartition[] {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  const head = lines.findIndex(([first]) => first === "GROUP");
  assert.ok(head >= 0, text);
  const at = (line: readonly string[], ...names: readonly string[]) =>
    line[lines[head]!.findIndex((name) => names.includes(name))] ?? "-";
  const number = (value: string) => value === "-" ? null : Number(value);
  const name = (value: string) => value === "-" ? "" : value;
  return lines.slice(head + 1).filter((line) => line.length > 3).map((line) => ({
    topic: at(line, "TOPIC"),
    partition: Number(at(line, "PARTITION")),
    committed: number(at(line, "CURRENT-OFFSET")),
    end: Number(at(line, "LOG-END-OFFSET")),
    lag: number(at(line, "LAG", "OFFSET-LAG")),
    host: name(at(line, "HOST")),
    clientId: name(at(line, "CLIENT-ID")),
  })).sort((a, b) => a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition);
}

/** How a group is compared. */
export interface Comparison {
  /** How Kafka describes it. @default as a group of consumers */
  readonly describe?: (broker: TestBroker, group: string) => Promise<readonly DescribedPartition[]>;
  /** The lag that is right, where it is not the tool's, which counts what can't be read. */
  readonly lagOf?: (described: DescribedPartition) => number;
  /** The lag of the page that shows windows, which reads no records to see whether they are messages. @default lagOf's */
  readonly storedLagOf?: (described: DescribedPartition) => number;
}

/**
 * Checks that the agent and Kafka's own tool say the same of a group that stands still: commits, lags and owners, by each of
 * the group's pages, and the ends of its topics. A partition that the tool does not show has neither commit nor owner.
 */
export async function assertSame(
  pages: LagPages,
  broker: TestBroker,
  group: string,
  { describe = describeGroup, lagOf = ({ lag }) => lag ?? 0, storedLagOf = lagOf }: Comparison = {},
): Promise<ShownGroup> {
  for (let look = 1;; look++) {
    const described = await describe(broker, group);
    const wanted = described.map((one) => ({
      topic: one.topic,
      partition: one.partition,
      committed: one.committed,
      end: one.end,
      lag: lagOf(one),
      storedLag: storedLagOf(one),
      owner: one.host,
      client: one.clientId,
    }));
    let got: Awaited<ReturnType<typeof seen>>;
    try {
      await until(`the agent says what the tool says of ${group}`, async () => {
        got = await seen(pages, group);
        return JSON.stringify(got?.partitions) === JSON.stringify(wanted) ? true : undefined;
      }, ONE_LOOK_MS);
    } catch (error) {
      if (look < MOST_LOOKS) continue;
      assert.deepEqual(got?.partitions, wanted, group);
      throw error;
    }
    const { shown } = got!;
    assert.equal(shown.totallag, wanted.reduce((sum, { lag }) => sum + lag, 0));
    for (const topic of new Set(wanted.map((one) => one.topic))) {
      const { body } = await pages.get(`/v3/kafka/${pages.cluster}/topic/${topic}/consumers`);
      assert.ok((body.consumers as string[]).includes(group), `${group} reads ${topic}`);
    }
    return shown;
  }
}

/** A partition of a group as its own page has it. */
interface DetailedPartition {
  readonly owner: string;
  readonly client_id: string;
  readonly "current-lag": number;
}

/** What the agent says of a group, in the words of a comparison; undefined where it does not know it. */
async function seen(pages: LagPages, group: string) {
  const shown = await pages.group(group);
  if (shown === undefined) return undefined;
  const { body } = await pages.get(`/v3/kafka/${pages.cluster}/consumer/${encodeURIComponent(group)}`);
  const topics = (body.topics ?? {}) as Record<string, readonly DetailedPartition[]>;
  const ends = new Map<string, readonly (number | null)[]>();
  for (const topic of new Set(shown.partitions.map((one) => one.topic))) {
    const { body } = await pages.get(`/v3/kafka/${pages.cluster}/topic/${topic}`);
    ends.set(topic, (body.offsets ?? []) as (number | null)[]);
  }
  const partitions = shown.partitions.filter(({ end, owner }) => end !== null || owner !== "").map((one) => {
    const detail = topics[one.topic]?.[one.partition];
    // The two pages say it one after the other: of a group that stands still, they agree.
    const agreed = <T>(here: T, there: T | undefined) => here === there ? here : `${here} and ${there}`;
    return {
      topic: one.topic,
      partition: one.partition,
      committed: one.end?.offset ?? null,
      end: ends.get(one.topic)?.[one.partition] ?? null,
      lag: one.current_lag,
      storedLag: detail?.["current-lag"],
      owner: agreed(one.owner, detail?.owner),
      client: agreed(one.client_id, detail?.client_id),
    };
  });
  return { shown, partitions };
}

/** Checks that neither Kafka's own tool nor the agent knows a group, the agent on none of its pages. */
export async function assertUnknown(pages: LagPages, broker: TestBroker, group: string): Promise<void> {
  assert.match(await groupCommand(broker, "--describe", "--group", group), notFound(group));
  await pages.gone(group);
  const { status } = await pages.get(`/v3/kafka/${pages.cluster}/consumer/${encodeURIComponent(group)}`);
  assert.equal(status, 404);
  assert.ok(!(await pages.text("/metrics/burrow")).includes(`consumer_group="${group}"`));
}

function notFound(group: string): RegExp {
  return new RegExp(`GroupIdNotFoundException: Group ${group} not found`);
}

/** Checks that the agent lists the groups of consumers and of Streams that Kafka's own tools list, and no others. */
export async function assertSameGroups(
  pages: LagPages,
  broker: TestBroker,
  { hidden = [] }: { readonly hidden?: readonly string[] } = {},
): Promise<void> {
  const listed = [await groupCommand(broker, "--list"), await streamsGroupCommand(broker, "--list")];
  const wanted = listed.flatMap((text) => text.split("\n")).map((line) => line.trim())
    .filter((line) => line !== "" && !hidden.includes(line)).sort();
  let got: readonly string[] = [];
  await until("the agent lists the tool's groups", async () => {
    got = await pages.groups();
    return JSON.stringify(got) === JSON.stringify(wanted) ? true : undefined;
  }, ONE_LOOK_MS).catch((error) => {
    assert.deepEqual(got, wanted);
    throw error;
  });
}

/** What Kafka's own tool prints when it logs in at an address as a file of properties says. */
export async function listGroupsAs(
  broker: TestBroker,
  address: string,
  properties: Readonly<Record<string, string>>,
): Promise<string> {
  const file = join(broker.directory, `${crypto.randomUUID()}.properties`);
  await Deno.writeTextFile(file, Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join(""));
  return await inTurn(async () => {
    const { stdout, stderr } = await new Deno.Command("java", {
      args: [GROUP_COMMAND, "--bootstrap-server", address, "--command-config", file, "--list"],
      env: { CLASSPATH: join(serversDirectory(), "kafka", "libs", "*") },
    }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  });
}
