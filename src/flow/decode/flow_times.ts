/** When a flow started and ended, as Unix milliseconds, whatever clock the exporter counts by. */
import { Element } from "./elements.ts";
import type { Message } from "./message.ts";
import type { TimePlaces } from "./plan.ts";
import { readHigh, readLow, readNumber } from "./run_plan.ts";

/** Seconds from 1900 (NTP) to 1970. */
const NTP_TO_UNIX_S = 2_208_988_800;
/** 2000-01-01: nothing measured flows before, and a wild time would make a partition of its own. */
const EARLIEST_S = 946_684_800;
const DAY_S = 86_400;

/**
 * The time in a record.
 *
 * @param recordAt where the record starts
 * @param systemInitMs when the exporter's clock started, of IPFIX; 0 unknown
 * @returns Unix milliseconds, maybe with a fraction; NaN if it can't be known
 */
export function readTimeMs(
  { element, place }: TimePlaces,
  { view, version, headerMs, uptimeMs }: Message,
  recordAt: number,
  systemInitMs: number,
): number {
  const at = recordAt + place.at;
  const { length } = place;
  switch (element) {
    case Element.firstSwitched:
    case Element.lastSwitched: {
      const value = readLow(view, at, length);
      if (version === 10) return systemInitMs === 0 ? NaN : systemInitMs + value;
      return headerMs - (uptimeMs - value | 0); // signed: the uptime may have wrapped since
    }
    case Element.flowStartSeconds:
    case Element.flowEndSeconds:
      return 1000 * readNumber(view, at, length);
    case Element.flowStartMilliseconds:
    case Element.flowEndMilliseconds:
      return readNumber(view, at, length);
    case Element.flowStartMicroseconds:
    case Element.flowEndMicroseconds:
    case Element.flowStartNanoseconds:
    case Element.flowEndNanoseconds: {
      const high = readHigh(view, at, length), low = readLow(view, at, length);
      // Era 1 of NTP starts in 2036, when the top bit is 0 again.
      const seconds = high + (high < 0x8000_0000 ? 0x1_0000_0000 : 0) - NTP_TO_UNIX_S;
      return 1000 * seconds + 1000 * (low >>> 0) / 0x1_0000_0000;
    }
    default: // flowStartDeltaMicroseconds and its end
      return headerMs - readNumber(view, at, length) / 1000;
  }
}

/** Unix seconds that a row may have: the receive time, 0 if it is unknown, stands in for a wild one. */
export function clampedS(seconds: number, receivedS: number): number {
  const latestS = receivedS === 0 ? 0xffff_ffff : receivedS + DAY_S;
  return seconds >= EARLIEST_S && seconds <= latestS ? seconds : receivedS;
}
