/** So often in a row nothing may happen between two turns of the event loop; each turn asks every socket. */
const QUIET_TURNS = 3;
const TURN_MS = 5;
/** Clients that never pause are not waited for any longer. */
const LONGEST_MS = 2_000;

/**
 * Resolves when nothing has happened for some turns of the event loop, so that a listener that stops has read what had
 * arrived; after 2 seconds in any case. Real time, whatever clock is used: it is for the event loop.
 *
 * @param events a number that grows with everything that happens
 */
export async function untilQuiet(events: () => number): Promise<void> {
  const endMs = performance.now() + LONGEST_MS;
  for (let quiet = 0, seen = events(); quiet < QUIET_TURNS && performance.now() < endMs;) {
    await new Promise((resolve) => setTimeout(resolve, TURN_MS));
    const now = events();
    quiet = now === seen ? quiet + 1 : 0;
    seen = now;
  }
}
