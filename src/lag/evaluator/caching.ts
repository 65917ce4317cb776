import type { Clock } from "../../clock/mod.ts";
import type { EvaluatorConfig, Named } from "../config.ts";
import type { StorageCoordinator } from "../storage/coordinator.ts";
import { newRequest, type PartitionState } from "../storage/request.ts";
import {
  badOnly,
  type GroupStatus,
  judgeGroup,
  notFound,
  type PartitionExtra,
  partitionsOf,
  type SecondsLag,
} from "./group.ts";
import { type RecordSource, type UnreadQuestion, UnreadRecords } from "./unread_records.ts";

/** What the evaluator asks storage for. */
export type EvaluatedStorage = Pick<StorageCoordinator, "fetch" | "store">;

/** What an evaluator is handed. */
export interface EvaluatorDeps {
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly storage: EvaluatedStorage;
  /** Reads records for the lag in seconds; without one it is interpolated. */
  readonly records?: RecordSource;
}

/** Judges groups. */
export interface Evaluator {
  readonly name: string;
  /** @param showAll all partitions; else those that are not OK */
  evaluate(cluster: string, group: string, showAll: boolean): Promise<GroupStatus>;
  /** Forgets what was found of a group: it was deleted. */
  forget(cluster: string, group: string): void;
}

/** Entries of the cache beyond which those that are too old are looked for. */
const MANY = 1_000;

/** An evaluator that gives one answer to all who ask within `expireCacheMs`. */
export function newCachingEvaluator({ name, config }: Named<EvaluatorConfig>, deps: EvaluatorDeps): Evaluator {
  const { clock, storage, records } = deps;
  const unread = records !== undefined && config.timeLag === "exact"
    ? new UnreadRecords(records, config.timeLagFetches, clock)
    : undefined;
  const cache = new Map<string, { readonly untilMs: number; readonly status: Promise<GroupStatus> }>();
  let sweepAt = MANY;

  async function judge(cluster: string, group: string): Promise<GroupStatus> {
    const reply = await storage.fetch(newRequest("StorageFetchConsumer", { cluster, group }));
    if (reply?.kind !== "consumer") return notFound(cluster, group);
    const parts = partitionsOf(reply.topics);
    if (unread !== undefined) await unread.ask(questionsOf(cluster, parts));
    const nowMs = clock.now();
    const judged = parts.map((part): PartitionExtra => ({ ...part, ...lagOf(cluster, part, nowMs) }));
    return judgeGroup(cluster, group, judged, nowMs, config);
  }

  function lagOf(cluster: string, part: Part, nowMs: number): Pick<PartitionExtra, "currentLag" | "lag"> {
    const question = questionOf(cluster, part);
    const { currentLag } = part.state;
    if (question === null) return { currentLag, lag: UNKNOWN };
    const zero = { seconds: config.timeLag === "off" ? null : 0, source: null };
    if (currentLag === 0) return { currentLag, lag: zero };
    const answer = unread?.known(question);
    if (answer?.kind === "nothing") return { currentLag: 0, lag: zero };
    if (config.timeLag === "off") return { currentLag, lag: UNKNOWN };
    if (answer !== undefined && answer.timestampMs <= nowMs) {
      return { currentLag, lag: { seconds: (nowMs - answer.timestampMs) / 1000, source: "record" } };
    }
    storage.store.setTime(nowMs);
    const found = storage.store.cluster(cluster)?.interpolate(part.topic, part.partition, question.offset) ?? null;
    if (found === null) return { currentLag, lag: UNKNOWN };
    const source = found.extrapolated ? "extrapolated" : "interpolated";
    return { currentLag, lag: { seconds: found.seconds, source } };
  }

  return {
    name,
    async evaluate(cluster, group, showAll) {
      const key = JSON.stringify([cluster, group]);
      const nowMs = clock.now();
      let kept = cache.get(key);
      if (kept === undefined || nowMs >= kept.untilMs) {
        if (cache.size >= sweepAt) {
          for (const [other, { untilMs }] of cache) if (nowMs >= untilMs) cache.delete(other);
          sweepAt = Math.max(MANY, cache.size * 2);
        }
        kept = { untilMs: nowMs + config.expireCacheMs, status: judge(cluster, group) };
        cache.set(key, kept);
        kept.status.catch(() => cache.delete(key)); // whoever waits is told; the next one asks anew
      }
      const status = await kept.status;
      return showAll ? status : badOnly(status);
    },
    forget: (cluster, group) => void cache.delete(JSON.stringify([cluster, group])),
  };
}

const UNKNOWN: SecondsLag = { seconds: null, source: null };

/** A partition with its place. */
interface Part {
  readonly topic: string;
  readonly partition: number;
  readonly state: PartitionState;
}

/** Null without a commit. */
function questionOf(cluster: string, { topic, partition, state }: Part): UnreadQuestion | null {
  const offset = state.offsets.at(-1)?.offset;
  const end = state.brokerOffsets.at(-1);
  return offset === undefined || end === undefined ? null : { cluster, topic, partition, offset, end };
}

/** What would have to be read, for the most lagging partition first. */
function questionsOf(cluster: string, parts: readonly Part[]): UnreadQuestion[] {
  return parts.filter(({ state }) => state.currentLag > 0)
    .sort((a, b) => a.state.currentLag > b.state.currentLag ? -1 : a.state.currentLag < b.state.currentLag ? 1 : 0)
    .map((part) => questionOf(cluster, part)).filter((question) => question !== null);
}
