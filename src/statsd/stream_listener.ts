/** DogStatsD lines over TCP, TLS and unix streams. */
import type { ListenAddress } from "./address.ts";
import type { Heart } from "./heart.ts";
import { LineSplitter } from "./stream_lines.ts";
import {
  startStreamServer,
  type StreamDeps,
  type StreamListener,
  type StreamReader,
  type StreamSettings,
} from "./stream_server.ts";
import { At } from "./stats.ts";
import { sharedMonotonicMs } from "./threads.ts";

/** How lines are read from streams. */
export interface LineStreamSettings extends StreamSettings {
  /** Bytes of the longest line, its LF not counted. */
  readonly metricMaxLength: number;
}

/** What a line listener is given. */
export interface LineStreamDeps extends Omit<StreamDeps, "stats"> {
  /** Takes the lines, and counts. */
  readonly heart: Pick<Heart, "ingestLine" | "tooLong" | "setTime" | "stats">;
}

/**
 * Listens for DogStatsD lines on a `tcp` or `unix` address. A line ends at LF; the last one of a client that closes needs
 * none. A line that is refused, or too long, closes its connection, and what stands behind it is not read.
 *
 * @throws {LockHeld} when another instance has the path
 * @throws {SystemError} such as EADDRINUSE
 */
export function startStreamListener(
  address: ListenAddress,
  settings: LineStreamSettings,
  deps: LineStreamDeps,
): Promise<StreamListener> {
  const { heart } = deps;
  const now = () => heart.setTime(Date.now(), sharedMonotonicMs());
  const taker = {
    onLine: (bytes: Uint8Array, start: number, end: number) => heart.ingestLine(bytes, start, end),
    onTooLong: (head: Uint8Array) => heart.tooLong(head),
  };
  const newReader = (): StreamReader => {
    const splitter = new LineSplitter(settings.metricMaxLength, taker);
    return {
      push(chunk) {
        now();
        heart.stats[At.bytes]! += chunk.length;
        const lines = splitter.push(chunk);
        return splitter.stopped ? "refused" : lines > 0 ? "progress" : "nothing";
      },
      end() {
        now();
        splitter.end();
      },
    };
  };
  return startStreamServer(address, settings, { ...deps, stats: heart.stats }, newReader);
}
