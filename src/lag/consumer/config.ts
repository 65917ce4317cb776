import type { Section } from "../../config/mod.ts";
import type { ClusterConfig } from "../cluster/config.ts";
import { readGroupFilter } from "../config.ts";
import { type ConnectionProfile, PROFILE_KEYS, readBrokers, readProfile } from "../connection.ts";
import type { GroupFilter } from "../storage/group_filter.ts";

/** One reader of an offsets topic. */
export interface ConsumerConfig {
  readonly className: "kafka";
  /** The cluster whose groups it tells of. */
  readonly cluster: string;
  /** `host:port` of some brokers; the cluster's unless told otherwise. */
  readonly brokers: readonly string[];
  readonly profile: ConnectionProfile;
  readonly offsetsTopic: string;
  /** Begins at the end of each partition; else at its start. */
  readonly startLatest: boolean;
  /** Beside `startLatest`: reads what stands before that end too. */
  readonly backfillEarliest: boolean;
  /** Shows itself as a group `burrow-NAME`, whose lag is how far it is behind. */
  readonly selfReport: boolean;
  readonly filter: GroupFilter;
}

/** The one place where this default is written. */
const OFFSETS_TOPIC = "__consumer_offsets";

const KEYS = [
  "class_name",
  "cluster",
  "brokers",
  "client_profile",
  "offsets_topic",
  "start_latest",
  "backfill_earliest",
  "self_report",
  "group_allowlist",
  "group_denylist",
  "group_whitelist",
  "group_blacklist",
  ...PROFILE_KEYS,
];

/** Reads one consumer. @param clusters those that it may name @throws {ConfigError} */
export function readConsumerConfig(
  section: Section,
  name: string,
  clusters: ReadonlyMap<string, ClusterConfig>,
  profiles: Section,
): ConsumerConfig {
  section.refuseOthers(KEYS);
  const className = section.string("class_name") ?? "kafka";
  if (className === "kafka_zk") {
    section.fail("class_name", "kafka: offsets that are kept in ZooKeeper (kafka_zk) can't be read");
  }
  if (className !== "kafka") section.fail("class_name", `kafka: Unknown consumer className provided: ${className}`);
  const cluster = section.string("cluster") ?? (clusters.size === 1 ? [...clusters.keys()][0]! : "");
  const of = clusters.get(cluster);
  if (of === undefined) {
    section.fail(
      "cluster",
      `a cluster that is configured: Consumer '${name}' references an unknown cluster '${cluster}'`,
    );
  }
  const ownProfile = ["client_profile", ...PROFILE_KEYS].some((key) => section.has(key));
  const offsetsTopic = section.string("offsets_topic") ?? OFFSETS_TOPIC;
  if (!/^[A-Za-z0-9_.-]{1,249}$/.test(offsetsTopic)) section.refuse("offsets_topic", "the name of a topic");
  return {
    className,
    cluster,
    brokers: readBrokers(section, `consumer ${name}`) ?? of.brokers,
    profile: ownProfile ? readProfile(section, profiles) : of.profile,
    offsetsTopic,
    startLatest: section.boolean("start_latest") ?? false,
    backfillEarliest: section.boolean("backfill_earliest") ?? false,
    selfReport: section.boolean("self_report") ?? false,
    filter: readGroupFilter(section),
  };
}

/** The reader of a cluster for which none is written. */
export function defaultConsumer(cluster: string, of: ClusterConfig): ConsumerConfig {
  const { brokers, profile } = of;
  return {
    className: "kafka",
    cluster,
    brokers,
    profile,
    offsetsTopic: OFFSETS_TOPIC,
    startLatest: false,
    backfillEarliest: false,
    selfReport: false,
    filter: {},
  };
}
