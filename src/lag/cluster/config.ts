import type { Section } from "../../config/mod.ts";
import { type ConnectionProfile, PROFILE_KEYS, readBrokers, readProfile } from "../connection.ts";

/** One cluster that is watched. */
export interface ClusterConfig {
  readonly className: "kafka";
  /** `host:port` of some of its brokers. */
  readonly brokers: readonly string[];
  readonly profile: ConnectionProfile;
  /** How often the ends of all partitions are measured. */
  readonly offsetRefreshMs: number;
  /** How often topics and leaders are looked up. */
  readonly topicRefreshMs: number;
  /** How often groups are looked for that the brokers do not list any more; 0 never. */
  readonly groupsReaperRefreshMs: number;
}

/** The one place where these defaults are written. */
const DEFAULTS = { offsetRefreshMs: 10_000, topicRefreshMs: 60_000, groupsReaperRefreshMs: 0 };

const KEYS = [
  "class_name",
  "brokers",
  "client_profile",
  "offset_refresh",
  "topic_refresh",
  "groups_reaper_refresh",
  ...PROFILE_KEYS,
];

/** Reads one cluster. @param profiles connection profiles by name @throws {ConfigError} */
export function readClusterConfig(section: Section, name: string, profiles: Section): ClusterConfig {
  section.refuseOthers(KEYS);
  const className = section.string("class_name") ?? "kafka";
  if (className !== "kafka") {
    section.fail("class_name", `kafka: Unknown cluster className provided: ${className}`);
  }
  const brokers = readBrokers(section, `cluster ${name}`);
  if (brokers === undefined) {
    section.fail("brokers", `host:port of some brokers: No Kafka brokers specified for cluster ${name}`);
  }
  return {
    className,
    brokers,
    profile: readProfile(section, profiles),
    offsetRefreshMs: section.duration("offset_refresh", { atLeast: "100ms" }) ?? DEFAULTS.offsetRefreshMs,
    topicRefreshMs: section.duration("topic_refresh", { atLeast: "100ms" }) ?? DEFAULTS.topicRefreshMs,
    groupsReaperRefreshMs: section.duration("groups_reaper_refresh") ?? DEFAULTS.groupsReaperRefreshMs,
  };
}
