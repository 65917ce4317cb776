/** A guard against a hang; nothing is meant to come near it. */
const PATIENCE_MS = 90_000;

/**
 * Waits until `holds` says so, however long that takes as long as something comes: `come` changes.
 *
 * @throws {Error} when nothing comes for as long as only a hang takes
 */
export async function until(
  holds: () => boolean,
  what: string,
  patienceMs = PATIENCE_MS,
  come: () => number = () => 0,
): Promise<void> {
  for (let seen = come(), sinceMs = performance.now(); !holds(); await sleep(2)) {
    if (come() !== seen) {
      seen = come();
      sinceMs = performance.now();
    } else if (performance.now() > sinceMs + patienceMs) {
      throw new Error(`Cannot wait until ${what}: nothing came for ${patienceMs} ms`);
    }
  }
}

/** What `work` yields, waited for as {@linkcode until} waits. */
export async function whileItComes<Value>(work: Promise<Value>, what: string, come: () => number): Promise<Value> {
  let isOver = false;
  const outcome = work.finally(() => isOver = true);
  outcome.catch(() => {}); // awaited below, unless nothing comes any more
  await until(() => isOver, what, PATIENCE_MS, come);
  return await outcome;
}

/** Resolves after `ms`: how long a fault lasts. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What `work` yields. @throws {Error} when that takes as long as only a hang does */
export async function inTime<Value>(work: Promise<Value>, what: string, patienceMs = PATIENCE_MS): Promise<Value> {
  let guard: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    guard = setTimeout(
      () => reject(new Error(`Cannot wait for ${what}: nothing came for ${patienceMs} ms`)),
      patienceMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(guard);
  }
}
