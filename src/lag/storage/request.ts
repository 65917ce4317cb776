import { type Int64, toInt64 } from "../wire/int64.ts";
import type { CommitEntry } from "./window_store.ts";

/** The types of requests; a type's number is its place. The last one stands for no type of the twelve that Burrow has. */
export const REQUEST_TYPES = [
  "StorageSetBrokerOffset",
  "StorageSetConsumerOffset",
  "StorageSetConsumerOwner",
  "StorageSetDeleteTopic",
  "StorageSetDeleteGroup",
  "StorageFetchClusters",
  "StorageFetchConsumers",
  "StorageFetchTopics",
  "StorageFetchConsumer",
  "StorageFetchTopic",
  "StorageClearConsumerOwners",
  "StorageFetchConsumersForTopic",
  "StorageSetDeletePartition",
] as const;
export type RequestType = (typeof REQUEST_TYPES)[number];

/** What a request may say. Which fields one needs goes by its type; those it does not need are not looked at. */
export interface StorageRequest {
  readonly type: RequestType;
  readonly cluster: string;
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** Partitions of the topic, those without a leader included. */
  readonly topicPartitionCount: number;
  readonly offset: Int64;
  /** The commit's place in the log it was read from. */
  readonly order: Int64;
  /** Unix milliseconds. */
  readonly timestamp: Int64;
  readonly owner: string;
  readonly clientId: string;
  /** Of a broker offset: the oldest record that is left; absent where it is not known. */
  readonly logStart?: Int64;
}

/** One partition of a group, as it was when it was asked for. */
export interface PartitionState {
  /** As many as there are intervals, unfilled ones null and first; empty where there never was a commit or an owner. */
  readonly offsets: readonly (CommitEntry | null)[];
  /** The partition's measured ends, oldest first. */
  readonly brokerOffsets: readonly Int64[];
  /** "" is unknown. */
  readonly owner: string;
  readonly clientId: string;
  /** Messages that are left to read. */
  readonly currentLag: Int64;
  /** Messages that retention took before the group read them. */
  readonly lost: Int64;
}

/** Partitions of a group by topic, topics in order. */
export type ConsumerTopics = ReadonlyMap<string, readonly PartitionState[]>;

/** What a fetch is answered with. */
export type StorageReply =
  | { readonly kind: "names"; readonly names: readonly string[] }
  | { readonly kind: "consumer"; readonly topics: ConsumerTopics }
  /** Index = partition; null where the end is not known. */
  | { readonly kind: "topic"; readonly offsets: readonly (Int64 | null)[] };

const NO_VALUES: Omit<StorageRequest, "type" | "logStart"> = {
  cluster: "",
  group: "",
  topic: "",
  partition: 0,
  topicPartitionCount: 0,
  offset: 0,
  order: 0,
  timestamp: 0,
  owner: "",
  clientId: "",
};

/** A request of these fields, the others empty. */
export function newRequest(type: RequestType, fields: Partial<Omit<StorageRequest, "type">> = {}): StorageRequest {
  return { type, ...NO_VALUES, ...fields };
}

/** Whether a request of that type is answered. */
export function isFetch(type: RequestType): boolean {
  return type.startsWith("StorageFetch");
}

/** The name that a type's number stands for; `UNKNOWN` of any other number. */
export function requestTypeName(number: number): string {
  return REQUEST_TYPES[number] ?? "UNKNOWN";
}

const TEXTS = ["cluster", "group", "topic", "owner", "clientId"] as const;
const COUNTS = ["partition", "topicPartitionCount"] as const;
const NUMBERS = ["offset", "order", "timestamp", "logStart"] as const;
const LEAST_INT32 = -0x8000_0000;
const MOST_INT32 = 0x7fff_ffff;

/**
 * A request as text formats have it: keys in any case, with or without `_` and `-`; the type as its name, with or without
 * `Storage`, or as its number.
 *
 * @returns what is wrong with it as a text
 */
export function readRequest(value: unknown, defaults: Partial<StorageRequest> = {}): StorageRequest | string {
  if (typeof value !== "object" || value === null) return "Cannot read the request: write an object";
  const found = new Map(Object.entries(value).map(([key, member]) => [plain(key), member]));
  const type = readType(found.get("type") ?? found.get("requesttype") ?? found.get("name"));
  if (type === undefined) return `Cannot read the request: write its type, one of ${REQUEST_TYPES.join(", ")}`;
  const fields: Record<string, string | Int64> = {};
  for (const key of TEXTS) {
    const member = found.get(plain(key));
    if (member === undefined) continue;
    if (typeof member !== "string") return `Cannot read the request: write ${key} as a text`;
    fields[key] = member;
  }
  for (const key of [...COUNTS, ...NUMBERS]) {
    const member = found.get(plain(key));
    if (member === undefined || member === null) continue;
    if (typeof member !== "number" && typeof member !== "bigint") return `Cannot read the request: ${key} is no number`;
    try {
      fields[key] = toInt64(member);
    } catch (error) {
      if (error instanceof RangeError) return `Cannot read the request: ${key}: ${error.message}`;
      throw error;
    }
    const isCount = COUNTS.some((count) => count === key);
    if (isCount && (member < LEAST_INT32 || member > MOST_INT32)) {
      return `Cannot read the request: ${key} takes more than 32 bits`;
    }
  }
  return { ...newRequest(type, defaults), ...fields, type };
}

function readType(value: unknown): RequestType | undefined {
  if (typeof value === "number") return REQUEST_TYPES[value];
  if (typeof value !== "string") return undefined;
  const wanted = plain(value).replace(/^storage/, "");
  return REQUEST_TYPES.find((type) => plain(type) === `storage${wanted}`);
}

function plain(key: string): string {
  return key.replaceAll(/[_-]/g, "").toLowerCase();
}
