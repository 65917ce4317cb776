const TURN_MS = 5;
/** So many turns of the event loop, each of which asks every socket, show that nothing is waiting to be accepted. */
const QUIET_TURNS = 3;
/** Longer than the 40 ms for which a sender may hold back bytes until it has our acknowledgement (RFC 9293 §3.7.4). */
const QUIET_STREAM_TURNS = 12;
/** Clients that never pause are not waited for any longer. */
const LONGEST_MS = 2_000;

/**
 * Resolves when no new connection or datagram has come for some turns of the event loop, so that a listener that stops
 * has taken what had arrived; after 2 seconds in any case. Real time, whatever clock is used: it is for the event loop.
 *
 * @param events a number that grows with each that comes
 */
export function untilQuiet(events: () => number): Promise<void> {
  return wait(events, QUIET_TURNS);
}

/** As {@linkcode untilQuiet}, for what comes on open connections: senders may hold back the end of what they sent. */
export function untilStreamsQuiet(events: () => number): Promise<void> {
  return wait(events, QUIET_STREAM_TURNS);
}

async function wait(events: () => number, quietTurns: number): Promise<void> {
  const endMs = performance.now() + LONGEST_MS;
  for (let quiet = 0, seen = events(); quiet < quietTurns && performance.now() < endMs;) {
    await new Promise((resolve) => setTimeout(resolve, TURN_MS));
    const now = events();
    quiet = now === seen ? quiet + 1 : 0;
    seen = now;
  }
}
