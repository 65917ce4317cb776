/** A guard against a hang; nothing is meant to come near it. */
const PATIENCE_MS = 90_000;

/** Waits until `holds` says so. @throws {Error} when that takes as long as only a hang does */
export async function until(holds: () => boolean, what: string, patienceMs = PATIENCE_MS): Promise<void> {
  const endMs = performance.now() + patienceMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`Cannot wait until ${what}: nothing came for ${patienceMs} ms`);
    await sleep(2);
  }
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
