/** Prometheus text under Burrow's names, made of what is there at the moment. */
import type { Evaluator } from "../evaluator/caching.ts";
import { shortFloat32 } from "../evaluator/objects.ts";
import { Status } from "../evaluator/status.ts";
import type { LagStore } from "../storage/lag_store.ts";

/** What the page is made of. */
export interface MetricsPageDeps {
  readonly store: Pick<LagStore, "clusters" | "cluster">;
  readonly evaluator: Pick<Evaluator, "evaluate">;
}

const PREFIX = "burrow_kafka_";

/** The families, in the order of the page, with what they tell. */
const HELP = {
  consumer_current_offset: "Latest committed offset of a partition whose window is full.",
  consumer_lag_total: "Messages that a group has not read, all its partitions together.",
  consumer_max_lag_seconds: "Age of the oldest message that a group has not read.",
  consumer_partition_lag: "Messages of a partition that a group has not read.",
  consumer_partition_lag_seconds: "Age of the oldest message of a partition that a group has not read.",
  consumer_partition_lost_messages: "Messages of a partition that retention took before the group read them.",
  consumer_status: "Status of a group: 1 OK, 2 WARN, 3 ERR.",
  consumer_uncommitted_partitions: "Partitions of a group without a commit.",
  topic_partition_offset: "Latest end of a partition.",
  topic_partition_status: "Status of a partition whose window is full: 1 OK, 2 WARN, 4 STOP, 5 STALL, 6 REWIND.",
} as const;

type Family = keyof typeof HELP;

/** The page: every group of every cluster, judged now or a moment ago. */
export async function burrowPage({ store, evaluator }: MetricsPageDeps): Promise<string> {
  const lines = new Map<Family, string[]>();
  const add = (family: Family, labels: string, value: number | bigint) => {
    const of = lines.get(family);
    const line = `${PREFIX}${family}{${labels}} ${value}`;
    if (of === undefined) lines.set(family, [line]);
    else of.push(line);
  };
  for (const cluster of store.clusters) {
    const known = store.cluster(cluster);
    if (known === undefined) continue;
    for (const topic of known.topics()) {
      known.topicOffsets(topic)?.forEach((offset, partition) => {
        if (offset === null) return;
        add(
          "topic_partition_offset",
          `cluster=${quoted(cluster)},partition="${partition}",topic=${quoted(topic)}`,
          offset,
        );
      });
    }
    for (const group of known.consumers()) await addGroup(evaluator, cluster, group, add);
  }
  const families = (Object.keys(HELP) as Family[]).filter((family) => lines.has(family));
  return families.map((family) => {
    const name = PREFIX + family;
    return `# HELP ${name} ${HELP[family]}\n# TYPE ${name} gauge\n${lines.get(family)!.join("\n")}\n`;
  }).join("");
}

async function addGroup(
  evaluator: Pick<Evaluator, "evaluate">,
  cluster: string,
  group: string,
  add: (family: Family, labels: string, value: number | bigint) => void,
): Promise<void> {
  const status = await evaluator.evaluate(cluster, group, true);
  if (status.status === Status.notFound) return;
  const labels = `cluster=${quoted(cluster)},consumer_group=${quoted(group)}`;
  add("consumer_lag_total", labels, status.totalLag);
  add("consumer_status", labels, status.status);
  if (status.maxLagSeconds !== null) add("consumer_max_lag_seconds", labels, status.maxLagSeconds);
  add("consumer_uncommitted_partitions", labels, status.partitions.filter(({ end }) => end === null).length);
  for (const one of status.partitions) {
    const own = `${labels},partition="${one.partition}",topic=${quoted(one.topic)}`;
    add("consumer_partition_lag", own, one.currentLag);
    if (one.lag.seconds !== null) add("consumer_partition_lag_seconds", own, one.lag.seconds);
    if (one.lost > 0) add("consumer_partition_lost_messages", own, one.lost);
    if (shortFloat32(one.complete) !== 1 || one.end === null) continue;
    add("consumer_current_offset", own, one.end.offset);
    add("topic_partition_status", own, one.status);
  }
}

function quoted(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
