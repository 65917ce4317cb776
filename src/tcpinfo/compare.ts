import { Attribute } from "./wire_attributes.ts";
import { Change } from "./changes.ts";
import type { SocketMessage } from "./wire.ts";

/** What is compared of `struct tcp_info`: `[0, 44)` and `[60, 168)`. Between them stand times that always change. */
const TIMES_AT = 44;
const COUNTERS_AT = 60;
const COUNTERS_END = 168;

/**
 * What differs between two records of a socket, the first that applies. Of the `inet_diag_msg` only the state counts; of
 * `tcp_info` neither what tells how long ago something was nor what stands behind `delivery_rate`; of other attributes
 * every byte.
 *
 * The order is that of M-Lab's tcp-info. `tcp_info` that is in neither record is no difference, and of one that is shorter
 * than what is compared only the part that both have counts.
 */
export function compareRecords(previous: SocketMessage, current: SocketMessage): Change {
  if (previous.state !== current.state) return Change.state;
  const had = previous.has(Attribute.info), has = current.has(Attribute.info);
  if (had !== has) return Change.noTcpInfo;
  if (has) {
    const change = compareTcpInfo(previous, current);
    if (change !== Change.none) return change;
  }
  if (previous.highest < current.highest) return Change.newAttribute;
  if (previous.highest > current.highest) return Change.lostAttribute;
  return compareAttributes(previous, current);
}

function compareTcpInfo(previous: SocketMessage, current: SocketMessage): Change {
  const before = previous.length(Attribute.info), now = current.length(Attribute.info);
  const common = Math.min(before, now);
  const from = previous.at(Attribute.info), to = current.at(Attribute.info);
  const counters = Math.min(common, COUNTERS_END) - COUNTERS_AT;
  if (counters > 0 && !isEqual(previous.bytes, from + COUNTERS_AT, current.bytes, to + COUNTERS_AT, counters)) {
    return Change.stateOrCounter;
  }
  if (!isEqual(previous.bytes, from, current.bytes, to, Math.min(common, TIMES_AT))) return Change.stateOrCounter;
  return before === now ? Change.none : Change.attributeLength;
}

function compareAttributes(previous: SocketMessage, current: SocketMessage): Change {
  for (let number = 0; number <= current.highest; number++) {
    if (number === Attribute.info) continue;
    const had = previous.has(number), has = current.has(number);
    if (had !== has) return has ? Change.newAttribute : Change.lostAttribute;
    if (!has) continue;
    const length = current.length(number);
    if (previous.length(number) !== length) return Change.attributeLength;
    if (!isEqual(previous.bytes, previous.at(number), current.bytes, current.at(number), length)) return Change.other;
  }
  return Change.none;
}

function isEqual(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}
