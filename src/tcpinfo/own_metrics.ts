/** The source's counts on `/metrics`, by names of Limier's own. */
import type { Registry } from "../telemetry/mod.ts";
import { At, type StatName } from "./stats.ts";

const PREFIX = "limier_tcpinfo_";

/** Counters by name; those with labels have one series a label. */
const COUNTERS: readonly (readonly [
  name: string,
  help: string,
  at: StatName | readonly (readonly [label: string, value: string, at: StatName])[],
])[] = [
  ["polls_total", "Polls of the kernel, each a dump of every address family.", "cycles"],
  ["polls_incomplete_total", "Polls of which a family's dump was not read to its end.", "incompleteCycles"],
  ["messages_total", "Sockets in dumps, by what became of them.", [
    ["outcome", "archived", "archived"],
    ["outcome", "unchanged", "unchanged"],
    ["outcome", "duplicate", "duplicates"],
    ["outcome", "excluded_srcport", "excludedSourcePort"],
    ["outcome", "excluded_local", "excludedLocal"],
    ["outcome", "excluded_dstip", "excludedDestination"],
    ["outcome", "rejected_short", "rejectedShort"],
    ["outcome", "rejected_attribute", "rejectedAttribute"],
    ["outcome", "rejected_cookie", "rejectedCookie"],
    ["outcome", "rejected_bound", "rejectedBound"],
  ]],
  ["connections_opened_total", "Connections seen for the first time.", "opened"],
  ["connections_closed_total", "Connections that are gone, by how that was found out.", [
    ["reason", "absent", "closedAbsent"],
    ["reason", "destroyed", "closedDestroyed"],
    ["reason", "shutdown", "closedShutdown"],
  ]],
  ["connections_missed_total", "Connections that lived between two polls.", "missed"],
  ["snapshots_total", "Records chosen for writing.", "snapshots"],
  ["sent_bytes_total", "Bytes that connections have sent, retransmissions included.", "sentBytes"],
  ["received_bytes_total", "Bytes that connections have received.", "receivedBytes"],
  ["attributes_dropped_total", "Attributes whose number is above those that are kept.", "attributesDropped"],
  ["attributes_repeated_total", "Attributes that a message had before.", "attributesRepeated"],
  ["dumps_failed_total", "Dumps that failed, by why.", [
    ["reason", "no_answer", "failedDump"],
    ["reason", "done_status", "failedStatus"],
    ["reason", "nlmsg_error", "failedError"],
    ["reason", "truncated", "failedTruncated"],
    ["reason", "malformed_message", "failedMalformed"],
    ["reason", "out_of_memory", "failedMemory"],
  ]],
  ["dumps_interrupted_total", "Dumps that changed while they were made, and were repeated.", "interrupted"],
  ["messages_skipped_total", "Messages and datagrams passed over, by why.", [
    ["reason", "sequence", "wrongSequence"],
    ["reason", "port", "wrongPort"],
    ["reason", "sender", "foreign"],
  ]],
  ["lookups_total", "Questions to the kernel about connections that a dump lacks.", "lookups"],
  ["lookups_failed_total", "Questions to the kernel that it did not answer.", "lookupFailures"],
  ["notifications_total", "Notifications that the kernel freed a socket.", "notifications"],
  ["notifications_late_total", "Notifications of connections that had been closed already.", "late"],
  ["notifications_ignored_total", "Notifications of sockets that are no connections or are left out.", "ignored"],
  ["notifications_overflows_total", "Times that notifications met a full buffer.", "overflows"],
  ["notifications_dropped_total", "Notifications that met a full buffer.", "notificationsDropped"],
  ["rates_refused_total", "Seconds whose traffic cannot be right.", [
    ["direction", "sent", "sentBeyond"],
    ["direction", "received", "receivedBeyond"],
  ]],
  ["files_created_total", "Files of the archive.", "files"],
  ["files_repaired_total", "Files that an earlier process left unfinished, and that are complete now.", "repaired"],
  ["files_failed_total", "Files that could not be begun.", "rotateErrors"],
  ["writes_failed_total", "Writes that failed, and files that could not be completed.", "writeErrors"],
  ["files_unsynced_total", "Files that got their names without being forced to the disk: too many waited.", "unsynced"],
  ["records_encoded_total", "Records that were encoded for their files.", "records"],
  ["records_lost_total", "Records whose file could not be begun or written.", "lostRecords"],
  ["records_refused_total", "Records that could not be made anonymous.", "unknownFamily"],
  ["encoded_bytes_total", "Bytes of records before they are compressed.", "recordBytes"],
  ["written_bytes_total", "Bytes written into files.", "fileBytes"],
  ["frames_written_total", "Compressed frames written into files.", "frames"],
];

/** Shows the counts on a registry's page, read when the page is. */
export function exposeTcpinfo(registry: Registry, source: { stats(): Float64Array }): void {
  const updates: ((stats: Float64Array) => void)[] = [];
  for (const [name, help, at] of COUNTERS) {
    const counter = registry.counter(PREFIX + name, help);
    const series = typeof at === "string"
      ? [{ child: counter.child(), at: At[at] }]
      : at.map(([label, value, stat]) => ({ child: counter.child({ [label]: value }), at: At[stat] }));
    for (const { child, at } of series) {
      let before = 0;
      updates.push((stats) => {
        child.inc(stats[at]! - before);
        before = Math.max(before, stats[at]!);
      });
    }
  }
  const open = registry.gauge(`${PREFIX}open_connections`, "Connections that are followed.");
  const suspects = registry.gauge(`${PREFIX}suspect_connections`, "Connections that the last dump lacked.");
  const blocked = registry.counter(`${PREFIX}blocked_seconds_total`, "Time that polls waited for marshallers.").child();
  let blockedS = 0;
  registry.onCollect(() => {
    const stats = source.stats();
    for (const update of updates) update(stats);
    open.set(stats[At.open]!);
    suspects.set(stats[At.suspects]!);
    blocked.inc(stats[At.blockedMs]! / 1000 - blockedS);
    blockedS = Math.max(blockedS, stats[At.blockedMs]! / 1000);
  });
}
