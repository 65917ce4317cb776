/** A listener of the event socket, Limier's or that of M-Lab's tcp-info. */
import type { Clock } from "../clock/mod.ts";
import { EventLineError, parseEvent, type TcpEvent } from "./events_wire.ts";

/** How events are followed. */
export interface FollowOptions {
  /** Ends it, without an error. */
  readonly signal?: AbortSignal;
  /** Connect again when the connection is lost. Without it, that is the end. */
  readonly reconnect?: ReconnectOptions;
  /** Called for events of a number that is not known here, which are passed over. */
  readonly onUnknown?: (number: number) => void;
}

/** How to come back: the wait doubles from try to try and begins anew with each event; half of it is chance. */
export interface ReconnectOptions {
  readonly clock: Clock;
  /** @default {100} */
  readonly firstWaitMs?: number;
  /** @default {10000} */
  readonly longestWaitMs?: number;
  /** Whether to wait also for a socket that is not there at the start, rather than throw. @default {true} */
  readonly waitAtStart?: boolean;
  /** Called before each wait; without an error where the other side closed. Events until then may be missing. */
  readonly onLost?: (waitMs: number, error?: EventSocketError) => void;
  /** Called when connected. */
  readonly onConnected?: () => void;
}

/** The event socket cannot be reached, or the connection to it broke. */
export class EventSocketError extends Error {
  override readonly name = "EventSocketError";
  readonly code = "tcpinfo.event_socket";
}

/** Longer than any event: its path and names are bounded. */
const MOST_LINE_LENGTH = 65_536;

/**
 * Events as they come, from the moment of connecting. Ends when the other side closes, unless it is to reconnect; when
 * `signal` aborts; or when the loop over it is left.
 *
 * @throws {EventSocketError} when it cannot connect, or reading fails, unless it is to reconnect
 * @throws {EventLineError} on a line that is no event
 *
 * @example
 * ```ts ignore
 * import { realClock } from "../clock/mod.ts";
 * import { followEvents } from "./mod.ts";
 *
 * for await (const event of followEvents("/run/limier/events.sock", { reconnect: { clock: realClock } })) {
 *   if (event.kind === "open") console.log(event.uuid, event.id.source, event.id.destination);
 * }
 * ```
 */
export async function* followEvents(path: string, options: FollowOptions = {}): AsyncGenerator<TcpEvent, void> {
  const { signal, reconnect } = options;
  let mayRetry = reconnect !== undefined && reconnect.waitAtStart !== false;
  for (let tries = 0; !signal?.aborted;) {
    let lost: EventSocketError | undefined;
    try {
      using connection = await connect(path);
      if (signal?.aborted) return;
      reconnect?.onConnected?.();
      mayRetry = reconnect !== undefined;
      for await (const line of lines(path, connection, signal)) {
        const event = parseEvent(line);
        if (event.kind === "unknown") options.onUnknown?.(event.number);
        else yield event;
        tries = 0;
      }
    } catch (error) {
      if (!(error instanceof EventSocketError) || !mayRetry) throw error;
      lost = error;
    }
    if (reconnect === undefined || signal?.aborted) return;
    const waitMs = backoffMs(tries++, reconnect);
    reconnect.onLost?.(waitMs, lost);
    await reconnect.clock.sleep(waitMs, signal);
  }
}

/** Half of it by chance, so that the listeners of one agent do not all come back at once. */
function backoffMs(tries: number, { firstWaitMs = 100, longestWaitMs = 10_000 }: ReconnectOptions): number {
  const wholeMs = Math.min(longestWaitMs, firstWaitMs * 2 ** tries);
  return (1 + Math.random()) * wholeMs / 2;
}

async function connect(path: string): Promise<Deno.UnixConn> {
  try {
    return await Deno.connect({ transport: "unix", path: path.replace(/^@/, "\0") });
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.ConnectionRefused
      ? "nobody listens there; start the agent with tcpinfo.eventsocket set to that path"
      : message(cause);
    throw new EventSocketError(`Cannot connect to the event socket ${path}: ${why}`, { cause });
  }
}

/** Whole lines, without their line feed. What follows the last line feed is no line. */
async function* lines(path: string, connection: Deno.UnixConn, signal?: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  const stop = () => connection.close();
  let rest = "";
  signal?.addEventListener("abort", stop);
  try {
    for (;;) {
      const read = await connection.read(buffer);
      if (read === null) return;
      const parts = (rest + decoder.decode(buffer.subarray(0, read), { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      if (rest.length > MOST_LINE_LENGTH) throw new EventLineError(rest, "its line has no end");
      yield* parts;
    }
  } catch (cause) {
    if (signal?.aborted) return; // closed from here
    if (cause instanceof EventLineError) throw cause;
    throw new EventSocketError(`Cannot read from the event socket ${path}: ${message(cause)}`, { cause });
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
