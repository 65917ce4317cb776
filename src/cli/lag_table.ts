/** Groups and partitions as tables for people. */
import type { LagGroup } from "./lag_client.ts";

/** A table of groups, the worst first. */
export function groupTable(groups: readonly LagGroup[]): string {
  const rank = ["ERR", "WARN", "OK"];
  const sorted = groups.toSorted((a, b) =>
    rank.indexOf(a.status) - rank.indexOf(b.status) || b.totallag - a.totallag ||
    (a.group < b.group ? -1 : a.group > b.group ? 1 : 0)
  );
  return table(
    ["CLUSTER", "GROUP", "STATUS", "LAG", "BEHIND", "PARTITIONS", "WORST"],
    sorted.map((one) => [
      one.cluster,
      one.group,
      one.status,
      String(one.totallag),
      secondsText(one.maxlag_seconds),
      String(one.partition_count),
      one.maxlag === null || one.totallag === 0 ? "-" : `${one.maxlag.topic}/${one.maxlag.partition}`,
    ]),
  );
}

/** A table of one group's partitions. */
export function partitionTable({ partitions }: LagGroup): string {
  return table(
    ["TOPIC", "PARTITION", "STATUS", "COMMITTED", "LAG", "BEHIND", "LOST", "OWNER", "CLIENT"],
    partitions.map((one) => [
      one.topic,
      String(one.partition),
      one.status,
      one.end === null ? "-" : String(one.end.offset),
      String(one.current_lag),
      secondsText(one.lag_seconds),
      String(one.lost),
      one.owner || "-",
      one.client_id || "-",
    ]),
  );
}

/** `-`, `4s`, `3m20s`, `2h5m`, `3d4h`. */
export function secondsText(seconds: number | null): string {
  if (seconds === null) return "-";
  const whole = Math.floor(seconds);
  const units = [["d", 86_400], ["h", 3_600], ["m", 60], ["s", 1]] as const;
  const first = units.findIndex(([, size]) => whole >= size);
  if (first < 0) return "0s";
  const [unit, size] = units[first]!;
  const next = units[first + 1];
  const rest = next === undefined ? 0 : Math.floor(whole % size / next[1]);
  return `${Math.floor(whole / size)}${unit}${rest > 0 ? `${rest}${next![0]}` : ""}`;
}

/** What draws lines of its own, or drives a terminal, is shown as a mark. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll(/[\p{Cc}\p{Cf}]/gu, "\u{fffd}")));
  const widths = head.map((_, i) => Math.max(...all.map((row) => [...row[i]!].length)));
  return all.map((row) => row.map((cell, i) => cell + " ".repeat(widths[i]! - [...cell].length)).join("  ").trimEnd())
    .join("\n");
}
