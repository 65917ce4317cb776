import type { Registry } from "../telemetry/mod.ts";
import type { ClusterWatch } from "./cluster/watch.ts";
import type { OffsetsReader } from "./consumer/reader.ts";
import type { LagStore } from "./storage/lag_store.ts";
import { OUTCOMES } from "./storage/outcome.ts";

/** Shows what the source does on the agent's page. @returns what ends that */
export function exposeLag(
  metrics: Registry,
  store: LagStore,
  clusters: readonly ClusterWatch[],
  readers: readonly OffsetsReader[],
): () => void {
  const commits = metrics.counter("limier_lag_commits_total", "Commits that were read, by what became of them.");
  const ignored = metrics.counter("limier_lag_records_ignored_total", "Records of types that say nothing of lag.");
  const lost = metrics.counter(
    "limier_lag_commits_lost_total",
    "Commits that were given up: for lack of room while their transaction was open, or of a partition nobody knows.",
  );
  const groups = metrics.gauge("limier_lag_groups", "Groups in memory.");
  const windows = metrics.gauge("limier_lag_windows", "Partitions of groups in memory, those with commits.");
  const partitions = metrics.gauge("limier_lag_cluster_partitions", "Partitions of a cluster.");
  const isUp = metrics.gauge("limier_lag_cluster_up", "Whether the last look at a cluster succeeded: 1, else 0.");
  const behind = metrics.gauge("limier_lag_reader_lag", "Records of an offsets topic that are not read yet.");
  const shown: { readonly cluster: string; readonly partition: string }[] = [];
  const told = new Map<string, number>();
  const raise = (key: string, now: number, inc: (by: number) => void) => {
    const by = now - (told.get(key) ?? 0);
    if (by > 0) inc(by);
    told.set(key, now);
  };

  const collect = () => {
    OUTCOMES.forEach((outcome, i) => {
      raise(outcome, store.outcomes[i]!, (by) => commits.inc(by, { outcome }));
    });
    groups.set(store.groups);
    windows.set(store.partitions);
    for (const { name: cluster, topics, isHealthy } of clusters) {
      partitions.set(topics.partitions, { cluster });
      isUp.set(isHealthy ? 1 : 0, { cluster });
    }
    for (const { name, cluster, log, positions } of readers) {
      raise(`${name} ignored`, log.ignored, (by) => ignored.inc(by, { cluster }));
      raise(`${name} lost`, log.overflowed + log.droppedHeld, (by) => lost.inc(by, { cluster }));
      for (const { partition, next, end } of positions) {
        if (end < 0) continue;
        const labels = { cluster, partition: String(partition) };
        if (!shown.some((one) => one.cluster === cluster && one.partition === labels.partition)) shown.push(labels);
        behind.set(Math.max(0, end - next), labels);
      }
    }
  };
  const end = metrics.onCollect(collect);
  return () => {
    end();
    for (const labels of shown) behind.remove(labels);
    for (const { name: cluster } of clusters) {
      partitions.remove({ cluster });
      isUp.remove({ cluster });
    }
  };
}
