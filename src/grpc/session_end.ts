/** The end of an HTTP/2 session, put off until nothing of the session is at work. */
import { setImmediate } from "node:timers";

/** What of a session ends it; sessions of both sides have it. */
interface Session {
  readonly destroyed: boolean;
  destroy(error?: Error, code?: number): void;
}

/**
 * Makes `session` end in a turn of the event loop of its own, whoever ends it.
 *
 * The runtime frees a session at once, also where a frame that the session is just reading brought the end about: a
 * GOAWAY while no stream is open, the last stream's end after one. What then reads on is freed memory. Each of these
 * ends calls the session's own `destroy`, which is why putting that one method off is enough. Call this before
 * anything is read from the session.
 */
export function endApart<S extends Session>(session: S): S {
  const destroy = session.destroy.bind(session);
  let isDue = false;
  session.destroy = (error, code) => {
    if (isDue || session.destroyed) return;
    isDue = true;
    setImmediate(() => destroy(error, code));
  };
  return session;
}
