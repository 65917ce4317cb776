/** Runs the hot path before it is needed. */
import { Heart, type HeartConfig, intervalTransferables } from "./heart.ts";
import { READ_AHEAD } from "./metric_scan.ts";
import { newStats } from "./stats.ts";

/** By then the engine has compiled what a reader runs for each line, and compiled it again after its first guesses. */
const DATAGRAMS = 6_000;
const LINES_A_DATAGRAM = 20;
/** On a busy machine it is left at that. */
const LONGEST_MS = 250;
const SERIES = 400;
/** Each so many datagrams a line is of a new series. */
const NEW_EVERY = 4;

/**
 * Takes in lines of every type that come from nowhere and go nowhere. Until its code is compiled, a thread takes a line in
 * thirty times as slowly: under a full load, a reader just started would lose some of what arrives in its first half
 * second. Takes a tenth of a second.
 *
 * @returns what was counted meanwhile
 */
export function warmUp(config: HeartConfig): Float64Array {
  const heart = new Heart(config, new Int32Array(1), newStats());
  const utf8 = new TextEncoder();
  const bytes = new Uint8Array(LINES_A_DATAGRAM * 64 + 1 + READ_AHEAD);
  const kinds = Array.from({ length: SERIES / LINES_A_DATAGRAM }, (_, i) => {
    const lines = Array.from({ length: LINES_A_DATAGRAM }, (_, j) => lineOf(i * LINES_A_DATAGRAM + j));
    return utf8.encode(lines.join("\n"));
  });
  const endMs = performance.now() + LONGEST_MS;
  for (let i = 0; i < DATAGRAMS; i++) {
    const kind = kinds[i % kinds.length]!;
    bytes.set(kind);
    heart.ingestDatagram(bytes, 0, kind.length);
    if (i % NEW_EVERY !== 0) continue;
    heart.ingestDatagram(bytes, 0, utf8.encodeInto(lineOf(SERIES + i), bytes).written);
    if (performance.now() > endMs) break;
  }
  for (const buffer of intervalTransferables(heart.swap())) buffer.transfer(0);
  return heart.stats;
}

function lineOf(series: number): string {
  const tags = `|#env:warm,route:r${series % 10}`;
  switch (series % 5) {
    case 0:
      return `warm.up.count.${series}:${series % 9}|c${tags}`;
    case 1:
      return `warm.up.level.${series}:${series / 10}|g${tags}`;
    case 2:
      return `warm.up.time.${series}:${series / 10}|ms${tags}`;
    case 3:
      return `warm.up.size.${series}:${series}|h|@0.5${tags}`;
    default:
      return `warm.up.users.${series}:u${series}|s${tags}`;
  }
}
