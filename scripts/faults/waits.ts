/** Waits as short as a test wants them; real ones are a hundred times as long. */
export const WAITS = {
  backoff: { initMs: 10, maxMs: 80 },
  breaker: { openMs: 20, maxOpenMs: 100 },
  holdMs: 150,
} as const;

/** The longest that a host is left alone after a failure. */
export const LONGEST_WAIT_MS = Math.max(WAITS.backoff.maxMs, WAITS.breaker.maxOpenMs);
