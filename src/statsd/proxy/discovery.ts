/** Keeps knowing the members of a ring. */
import type { Clock, Running } from "../../clock/mod.ts";
import { errorText, type Log } from "../../telemetry/mod.ts";
import type { DiscoveryStatus } from "./metrics.ts";

/** Looks for members once. @throws {Error} when it can't tell them */
export type FindMembers = (signal: AbortSignal) => Promise<readonly string[]>;

/** What discovery is given. */
export interface DiscoveryDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Told of every look. */
  readonly onLook: (status: DiscoveryStatus) => void;
  /** Told of the members, sorted, each once, whenever they are others than before. */
  readonly onMembers: (members: readonly string[]) => void;
}

/** There is nobody to forward to. */
export class NoDestinationError extends Error {
  override readonly name = "NoDestinationError";
  readonly code = "proxy.no_destination";
}

/** The first wait after a look that failed, in milliseconds; it doubles up to the interval. */
const FIRST_RETRY_MS = 1_000;

/**
 * Looks for members now and every `intervalMs`, sooner after a look that failed or found none; then the last ones stay.
 *
 * @throws {NoDestinationError} when the first look finds none
 */
export async function startDiscovery(
  find: FindMembers,
  intervalMs: number,
  { clock, log, onLook, onMembers }: DiscoveryDeps,
): Promise<Running> {
  const stop = new AbortController();
  let known: readonly string[] = [];

  async function look(): Promise<string | undefined> {
    let found: readonly string[];
    try {
      found = [...new Set(await find(stop.signal))].sort();
    } catch (error) {
      if (!stop.signal.aborted) onLook("error");
      return errorText(error);
    }
    onLook(found.length === 0 ? "empty" : "success");
    if (found.length === 0) return "There are no healthy destinations";
    if (found.join() !== known.join()) {
      const added = found.filter((member) => !known.includes(member));
      const removed = known.filter((member) => !found.includes(member));
      log.info("destinations changed", { destinations: found.length, added, removed });
      known = found;
      onMembers(found);
    }
    return undefined;
  }

  const failure = await look();
  if (failure !== undefined) throw new NoDestinationError(`Cannot find a destination: ${failure}`);

  async function run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    for (let waitMs = intervalMs;;) {
      await clock.sleep(waitMs, stop.signal);
      if (stop.signal.aborted) return;
      const failure = await look();
      if (stop.signal.aborted) return;
      if (failure === undefined) {
        retryMs = FIRST_RETRY_MS;
        waitMs = intervalMs;
      } else {
        waitMs = Math.min(retryMs, intervalMs);
        retryMs *= 2;
        log.warn("Cannot look for destinations, the last ones stay", { why: failure, retry_in_ms: waitMs });
      }
    }
  }

  const done = run();
  return {
    done,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}
