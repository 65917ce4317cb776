import type { Clock } from "../../clock/mod.ts";

/** How long what was stopped may take to come back. */
const STOP_GRACE_MS = 40;

/** The longest that something may take to come back after its time was over. */
const TIMEOUT_GRACE_MS = 1_000;

/** How a bounded piece of work ended; the first two may still come after it was told to stop. */
export type Bounded<Value> =
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "error"; readonly error: unknown }
  /** It did not come back, not even a while after it was told to. */
  | { readonly kind: "overdue" };

/** The bounds of a piece of work. */
export interface Bounds {
  readonly clock: Clock;
  /** 0: no limit. */
  readonly timeoutMs: number;
  /** Ends it early. */
  readonly stop: AbortSignal;
  /** Called when `stop` aborts, or when the time is over, besides the work's own signal. */
  readonly onStop?: (why: "timeout" | "stop") => void;
  /** Called when it comes back after all, too late. */
  readonly onLate?: () => void;
}

/**
 * Does `work` within `timeoutMs`: then its signal aborts and it has a little while to come back by itself, so that what it
 * knows is not lost. Never rejects, and leaves no timer behind.
 */
export function bounded<Value>(
  work: (signal: AbortSignal) => Promise<Value>,
  { clock, timeoutMs, stop, onStop, onLate }: Bounds,
): Promise<Bounded<Value>> {
  const { promise, resolve } = Promise.withResolvers<Bounded<Value>>();
  const over = new AbortController();
  const timers = new AbortController();
  let ended = false;
  const end = (how: Bounded<Value>) => {
    if (ended) return onLate?.();
    ended = true;
    timers.abort();
    stop.removeEventListener("abort", stopped);
    resolve(how);
  };
  const giveUp = (why: "timeout" | "stop", graceMs: number) => {
    over.abort();
    onStop?.(why);
    if (!ended) clock.sleep(graceMs, timers.signal).then(() => ended || end({ kind: "overdue" }));
  };
  const stopped = () => giveUp("stop", STOP_GRACE_MS);
  if (stop.aborted) stopped();
  else stop.addEventListener("abort", stopped);
  if (timeoutMs > 0) {
    const graceMs = Math.min(TIMEOUT_GRACE_MS, timeoutMs / 10);
    clock.sleep(timeoutMs, timers.signal).then(() => ended || over.signal.aborted || giveUp("timeout", graceMs));
  }
  let working: Promise<Value>;
  try {
    working = Promise.resolve(work(over.signal));
  } catch (error) {
    working = Promise.reject(error);
  }
  working.then((value) => end({ kind: "value", value }), (error) => end({ kind: "error", error }));
  return promise;
}
