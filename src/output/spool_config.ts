import type { Section } from "../config/mod.ts";
import type { FsyncPolicy, WhenFull } from "./spool/mod.ts";

/** The section `spool`. Sizes in bytes. */
export interface SpoolConfig {
  readonly directory: string;
  readonly maxBytes: number;
  readonly segmentBytes: number;
  readonly whenFull: WhenFull;
  readonly fsync: FsyncPolicy;
  /** Events that wait longer are dropped; `null`: none are. */
  readonly maxAgeMs: number | null;
  readonly maxEventBytes: number;
  /** Left free on the disk; `null`: the smaller of 5 % of it and 256 MiB. */
  readonly minFreeBytes: number | null;
}

/** The keys of `spool`. */
export const SPOOL_KEYS = [
  "directory",
  "max_bytes",
  "segment_bytes",
  "when_full",
  "fsync",
  "max_age",
  "max_event_bytes",
  "min_free_bytes",
] as const;

const MIB = 2 ** 20;

/**
 * Reads the section.
 *
 * @throws {ConfigError} on a value that can't be used
 */
export function readSpoolConfig(section: Section): SpoolConfig {
  section.refuseOthers(SPOOL_KEYS);
  const directory = section.string("directory") ?? "/var/lib/limier/spool";
  if (directory === "") section.refuse("directory", "the path of a directory that only Limier uses");
  return {
    directory,
    maxBytes: section.size("max_bytes", { atLeast: "1MiB" }) ?? 1_024 * MIB,
    segmentBytes: section.size("segment_bytes", { atLeast: "64KiB" }) ?? 16 * MIB,
    whenFull: section.oneOf("when_full", ["block", "drop_oldest", "drop_newest"]) ?? "block",
    fsync: section.oneOf("fsync", ["always", "interval", "never"]) ?? "interval",
    maxAgeMs: section.duration("max_age", { atLeast: "1s" }) ?? null,
    maxEventBytes: section.size("max_event_bytes", { atLeast: "1KiB", atMost: "4MiB" }) ?? 4 * MIB,
    minFreeBytes: section.size("min_free_bytes") ?? null,
  };
}
