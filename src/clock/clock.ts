/** Where time comes from. Whatever waits or stamps is handed one, so that tests need not sleep. */
export interface Clock {
  /** Unix time in milliseconds. */
  now(): number;
  /** Milliseconds since an arbitrary moment; never steps back. */
  monotonic(): number;
  /** Resolves at Unix time `ms`, at once if that is past, and early (without an error) when `signal` aborts. */
  sleepUntil(ms: number, signal?: AbortSignal): Promise<void>;
  /** Resolves after `ms` of monotonic time, and early (without an error) when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest delay `setTimeout` takes; a longer one would fire at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The system's clock. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    const endMs = performance.now() + ms;
    for (let left = ms; left > 0 && !signal?.aborted; left = endMs - performance.now()) await timeout(left, signal);
  },
  sleepUntil: async (ms, signal) => {
    // Timers count monotonic time: looking again each minute follows a clock that was set meanwhile.
    for (let left = ms - Date.now(); left > 0 && !signal?.aborted; left = ms - Date.now()) {
      await timeout(Math.min(left, 60_000), signal);
    }
  },
};

function timeout(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      resolve();
    };
    const timer = setTimeout(stop, Math.min(Math.ceil(ms), LONGEST_TIMEOUT_MS));
    signal?.addEventListener("abort", stop);
  });
}
