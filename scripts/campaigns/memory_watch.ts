/** The resident memory of a process, looked at again and again. */
import { sleep } from "./campaign.ts";

/** One look. */
export interface MemorySample {
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly bytes: number;
}

/** A watch that runs until it is disposed of. */
export interface MemoryWatch extends AsyncDisposable {
  readonly samples: readonly MemorySample[];
}

/** Looks every `everyMs`. */
export function watchMemory(read: () => number, everyMs: number): MemoryWatch {
  const samples: MemorySample[] = [];
  let over = false;
  const watching = (async () => {
    for (; !over; await sleep(everyMs)) samples.push({ atMs: Date.now(), bytes: read() });
  })();
  return {
    samples,
    async [Symbol.asyncDispose]() {
      over = true;
      await watching;
    },
  };
}

/** The largest of those samples. */
export function peakOf(samples: readonly MemorySample[]): number {
  return samples.reduce((peak, { bytes }) => Math.max(peak, bytes), 0);
}

/** What was resident at a moment: the last look before it; NaN if there was none. */
export function residentAt(samples: readonly MemorySample[], atMs: number): number {
  return samples.findLast((sample) => sample.atMs <= atMs)?.bytes ?? NaN;
}
