/** What became of a commit; the words label the counter. */
export const OUTCOMES = [
  "stored",
  "merged",
  "duplicate",
  "behind_window",
  "unknown_cluster",
  "expired",
  "filtered",
  "unknown_topic",
  "negative_partition",
  "unknown_partition",
  "no_broker_offset",
  "negative_offset",
  "too_many_groups",
  "other_topic_id",
  "deleted_topic",
] as const;
export type OutcomeName = (typeof OUTCOMES)[number];

/** The places of the words in {@linkcode OUTCOMES}. */
export const Outcome = {
  stored: 0,
  merged: 1,
  duplicate: 2,
  behindWindow: 3,
  unknownCluster: 4,
  expired: 5,
  filtered: 6,
  unknownTopic: 7,
  negativePartition: 8,
  unknownPartition: 9,
  noBrokerOffset: 10,
  negativeOffset: 11,
  tooManyGroups: 12,
  otherTopicId: 13,
  deletedTopic: 14,
} as const satisfies Record<string, number>;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];
