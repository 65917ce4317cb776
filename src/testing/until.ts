/** A guard against a hang; nothing is meant to come near it. */
const PATIENCE_MS = 90_000;

/**
 * Waits for what others bring about: other parts of the event loop, another process, the kernel.
 *
 * @param what is waited for, as the error says it; the condition itself unless told otherwise
 * @throws {Error} when it does not come for as long as only a hang takes
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string = String(holds),
): Promise<void> {
  for (const endMs = performance.now() + PATIENCE_MS; !await holds();) {
    if (performance.now() > endMs) throw new Error(`Cannot wait any longer for this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
