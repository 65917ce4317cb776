/** Prometheus text about groups, made of what is there at the moment. */
import type { Evaluator } from "../evaluator/caching.ts";
import type { GroupStatus } from "../evaluator/group.ts";
import { shortFloat32 } from "../evaluator/objects.ts";
import { Status } from "../evaluator/status.ts";
import type { LagStore } from "../storage/lag_store.ts";

/** What the page is made of. */
export interface MetricsPageDeps {
  readonly store: Pick<LagStore, "clusters" | "cluster">;
  readonly evaluator: Pick<Evaluator, "evaluate">;
}

/** The families in the order of their names here, with the names that Burrow has for them, and what they tell. */
const FAMILIES = {
  limier_lag_age_seconds: [
    "burrow_kafka_consumer_partition_lag_seconds",
    "Age of the oldest message of a partition that a group has not read.",
  ],
  limier_lag_committed_offset: ["burrow_kafka_consumer_current_offset", "Latest offset that a group has committed."],
  limier_lag_end_offset: ["burrow_kafka_topic_partition_offset", "Latest end of a partition."],
  limier_lag_group_age_seconds: [
    "burrow_kafka_consumer_max_lag_seconds",
    "Age of the oldest message that a group has not read.",
  ],
  limier_lag_group_messages: [
    "burrow_kafka_consumer_lag_total",
    "Messages that a group has not read, all its partitions together.",
  ],
  limier_lag_group_status: ["burrow_kafka_consumer_status", "Status of a group: 1 OK, 2 WARN, 3 ERR."],
  limier_lag_group_uncommitted_partitions: [
    "burrow_kafka_consumer_uncommitted_partitions",
    "Partitions of a group without a commit.",
  ],
  limier_lag_lost_messages: [
    "burrow_kafka_consumer_partition_lost_messages",
    "Messages of a partition that retention took before the group read them.",
  ],
  limier_lag_messages: ["burrow_kafka_consumer_partition_lag", "Messages of a partition that a group has not read."],
  limier_lag_status: [
    "burrow_kafka_topic_partition_status",
    "Status of a partition: 1 OK, 2 WARN, 4 STOP, 5 STALL, 6 REWIND.",
  ],
} as const;

type Family = keyof typeof FAMILIES;

/** Whose names the page has. */
type Names = "burrow" | "limier";

/** What shows a page of that kind where the configuration says how much of it. */
export const METRICS_DETAILS = ["partitions", "groups", "none"] as const;
export type MetricsDetail = (typeof METRICS_DETAILS)[number];

/** The page under Burrow's names: every group of every cluster, judged now or a moment ago. */
export function burrowPage(deps: MetricsPageDeps): Promise<string> {
  return textOf(deps, "burrow", "partitions");
}

/** The same under names of ours, for the agent's own page. */
export async function ownPage(deps: MetricsPageDeps, detail: MetricsDetail): Promise<string> {
  return detail === "none" ? "" : await textOf(deps, "limier", detail);
}

async function textOf({ store, evaluator }: MetricsPageDeps, names: Names, detail: MetricsDetail): Promise<string> {
  const lines = new Map<Family, string[]>();
  const nameOf = (family: Family) => names === "burrow" ? FAMILIES[family][0] : family;
  const add: Add = (family, labels, value) => {
    const of = lines.get(family);
    const line = `${nameOf(family)}{${labels}} ${value}`;
    if (of === undefined) lines.set(family, [line]);
    else of.push(line);
  };
  for (const cluster of store.clusters) {
    const known = store.cluster(cluster);
    if (known === undefined) continue;
    for (const topic of detail === "partitions" ? known.topics() : []) {
      known.topicOffsets(topic)?.forEach((offset, partition) => {
        if (offset === null) return;
        add(
          "limier_lag_end_offset",
          `cluster=${quoted(cluster)},partition="${partition}",topic=${quoted(topic)}`,
          offset,
        );
      });
    }
    for (const group of known.consumers()) {
      const status = await evaluator.evaluate(cluster, group, true);
      if (status.status !== Status.notFound) addGroup(status, names, detail, add);
    }
  }
  const families = (Object.keys(FAMILIES) as Family[]).filter((family) => lines.has(family))
    .sort((a, b) => nameOf(a) < nameOf(b) ? -1 : 1);
  return families.map((family) => {
    const name = nameOf(family);
    return `# HELP ${name} ${FAMILIES[family][1]}\n# TYPE ${name} gauge\n${lines.get(family)!.join("\n")}\n`;
  }).join("");
}

type Add = (family: Family, labels: string, value: number | bigint) => void;

function addGroup(status: GroupStatus, names: Names, detail: MetricsDetail, add: Add): void {
  const { cluster, group } = status;
  const labels = `cluster=${quoted(cluster)},${names === "burrow" ? "consumer_group" : "group"}=${quoted(group)}`;
  add("limier_lag_group_messages", labels, status.totalLag);
  add("limier_lag_group_status", labels, status.status);
  if (status.maxLagSeconds !== null) add("limier_lag_group_age_seconds", labels, status.maxLagSeconds);
  const uncommitted = status.partitions.filter(({ end }) => end === null).length;
  add("limier_lag_group_uncommitted_partitions", labels, uncommitted);
  for (const one of detail === "partitions" ? status.partitions : []) {
    const own = `${labels},partition="${one.partition}",topic=${quoted(one.topic)}`;
    add("limier_lag_messages", own, one.currentLag);
    if (one.lag.seconds !== null) add("limier_lag_age_seconds", own, one.lag.seconds);
    if (one.lost > 0) add("limier_lag_lost_messages", own, one.lost);
    // Burrow leaves out what a window that is not full says.
    if (one.end === null || names === "burrow" && shortFloat32(one.complete) !== 1) continue;
    add("limier_lag_committed_offset", own, one.end.offset);
    add("limier_lag_status", own, one.status);
  }
}

function quoted(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
