import { distance, type Int64, subtract } from "../wire/int64.ts";
import { Outcome } from "./outcome.ts";
import type { CommitEntry } from "./window_store.ts";

/** A commit that arrives. */
export interface ArrivingCommit {
  readonly offset: Int64;
  readonly order: Int64;
  /** Unix milliseconds, as the commit says. */
  readonly timestamp: Int64;
  /** Unix milliseconds of its arrival. */
  readonly observedAt: number;
  /** The partition's newest end. */
  readonly end: Int64;
  /** The end was measured since the newest commit of the window arrived. */
  readonly isMeasured: boolean;
}

/** How windows are kept. */
export interface InsertionRules {
  /** Commits of a window. */
  readonly intervals: number;
  /** Commits nearer than this to the one before are merged with it, in milliseconds. */
  readonly minDistanceMs: number;
}

/** What became of a commit, and whether it is the newest of its window now. */
export interface Insertion {
  readonly outcome: Outcome;
  readonly isNewest: boolean;
}

/**
 * Puts a commit into a window, which is sorted by order and changed in place.
 *
 * A commit behind the newest one has the lag of its arrival; one that comes late has none. One too near to its predecessor takes
 * its place and keeps its time, so that a window advances even when every gap is too short.
 */
export function insertCommit(window: CommitEntry[], commit: ArrivingCommit, rules: InsertionRules): Insertion {
  const { offset, order, timestamp, observedAt, end, isMeasured } = commit;
  if (window.some((entry) => entry.order === order)) return { outcome: Outcome.duplicate, isNewest: false };
  const isFull = window.length === rules.intervals;
  if (isFull && order < window[0]!.order) return { outcome: Outcome.behindWindow, isNewest: false };
  const i = window.filter((entry) => entry.order < order).length;
  const isNewest = i === window.length;
  const lag = isNewest ? distance(end, offset) : null;
  const fresh = isNewest && isMeasured;
  const before = window[i - 1];
  // In front of all but the oldest of a full window nothing merges: the oldest is about to go.
  const merges = before !== undefined && subtract(timestamp, before.timestamp) < rules.minDistanceMs &&
    !(isFull && i === 1 && !isNewest);
  if (merges) {
    const merged = { offset, order, timestamp: before.timestamp, observedAt, lag };
    window[i - 1] = { ...merged, fresh: before.fresh || fresh };
    return { outcome: Outcome.merged, isNewest };
  }
  window.splice(i, 0, { offset, order, timestamp, observedAt, lag, fresh });
  if (window.length > rules.intervals) window.shift();
  return { outcome: Outcome.stored, isNewest };
}
