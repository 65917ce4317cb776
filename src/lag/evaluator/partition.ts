import type { PartitionState } from "../storage/request.ts";
import { subtract } from "../wire/int64.ts";
import type { CommitEntry } from "../storage/window_store.ts";
import { Status } from "./status.ts";

/** How windows are judged. */
export interface Judgement {
  /** A window that is filled less is OK, from 0 to 1. */
  readonly minimumComplete: number;
  /** A window of fewer commits is OK. */
  readonly minimumCommits: number;
  /** Lag up to this is none. */
  readonly allowedLag: number;
  /** A consumer that has been silent for so long has stopped, whatever its window spans; 0 leaves it to the window. */
  readonly stopAfterMs: number;
}

/** What a window says of its partition. */
export interface PartitionJudgement {
  readonly status: Status;
  /** The part of the window that is filled, a float32 from 0 to 1. */
  readonly complete: number;
  /** The oldest and the newest commit; null without any. */
  readonly start: CommitEntry | null;
  readonly end: CommitEntry | null;
}

/**
 * Judges one partition by its window.
 *
 * @param nowMs Unix milliseconds; whole seconds of it count
 */
export function judgePartition(
  { offsets, brokerOffsets, currentLag }: Pick<PartitionState, "offsets" | "brokerOffsets" | "currentLag">,
  nowMs: number,
  { minimumComplete, minimumCommits, allowedLag, stopAfterMs }: Judgement,
): PartitionJudgement {
  const window = offsets.filter((entry) => entry !== null);
  const complete = offsets.length === 0 ? 0 : Math.fround(window.length / offsets.length);
  const start = window[0] ?? null;
  const end = window.at(-1) ?? null;
  const judged = (status: Status) => ({ status, complete, start, end });
  if (start === null || end === null) return judged(Status.ok);
  if (complete < Math.fround(minimumComplete) || window.length < minimumCommits) return judged(Status.ok);
  if (currentLag <= allowedLag) return judged(Status.ok);

  const silentMs = Number(subtract(Math.floor(nowMs / 1000) * 1000, end.timestamp));
  const spanMs = Number(subtract(end.timestamp, start.timestamp));
  const isSilent = silentMs > (stopAfterMs > 0 ? Math.min(spanMs, stopAfterMs) : spanMs);
  // A partition into which nothing was written was read to its end not long ago.
  if (isSilent && !brokerOffsets.some((offset) => offset <= end.offset)) return judged(Status.stop);
  if (hasRewound(window)) return judged(Status.rewind);
  if (window.some(({ lag }) => lag !== null && lag <= allowedLag)) return judged(Status.ok);
  if (window.every(({ offset }) => offset === start.offset)) return judged(Status.stall);
  return judged(lagFell(window, brokerOffsets.length > 1) ? Status.ok : Status.warn);
}

/** An offset went back, and none since has come to where it was. */
function hasRewound(window: readonly CommitEntry[]): boolean {
  // From the end: the greatest offset of what follows each commit.
  let greatest = window.at(-1)!.offset;
  for (let i = window.length - 1; i > 0; i--) {
    const { offset } = window[i]!;
    if (offset > greatest) greatest = offset;
    const before = window[i - 1]!.offset;
    if (offset < before && greatest < before) return true;
  }
  return false;
}

/**
 * Whether some lag was smaller than the one known before it. Between two measurements of the end every commit seems to lag
 * less than the one before, however fast the end moves: of such a stretch the last one counts.
 *
 * @param byStretch the end was measured more than once; if not, all are of one stretch and every one counts
 */
function lagFell(window: readonly CommitEntry[], byStretch: boolean): boolean {
  let before: CommitEntry["lag"] = null;
  let current: CommitEntry["lag"] = null;
  for (const { lag, fresh } of window) {
    if (fresh || !byStretch) {
      if (before !== null && current !== null && current < before) return true;
      before = current ?? before;
      current = null;
    }
    current = lag ?? current;
  }
  return before !== null && current !== null && current < before;
}
