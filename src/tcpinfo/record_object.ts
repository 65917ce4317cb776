/** Records as JSON objects, as `decode` and `feed` show them. */
import type { JsonObject } from "./wire_structures.ts";
import { Attribute, HIGHEST_ATTRIBUTE } from "./wire_attributes.ts";
import { TCP_INFO_BYTES, type TcpInfoLayout } from "./wire_tcp_info.ts";
import { socketObject } from "./wire_objects.ts";
import type { SocketMessage } from "./wire.ts";

/** Bytes that are known of the structures that grow; what is behind them is not understood. */
export const KNOWN_BYTES: ReadonlyMap<number, number> = new Map([
  [Attribute.meminfo, 16],
  [Attribute.info, TCP_INFO_BYTES],
  [Attribute.vegasinfo, 16],
  [Attribute.skmeminfo, 36],
  [Attribute.dctcpinfo, 16],
  [Attribute.bbrinfo, 20],
]);
/** The highest attribute that is understood. */
const HIGHEST_KNOWN = Attribute.sockopt;
/** Bits of `observed` and `not_fully_parsed`. */
const BITS = 32;

/** Bit n - 1: attribute n, of 1 to 32, was sent. */
export function observedBits(message: SocketMessage): number {
  return bits(message, () => true);
}

/** The same bits: it is unknown, or longer than what is known of it. */
export function unparsedBits(message: SocketMessage): number {
  return bits(message, (number) => {
    return number > HIGHEST_KNOWN || message.length(number) > (KNOWN_BYTES.get(number) ?? Infinity);
  });
}

function bits(message: SocketMessage, counts: (number: number) => boolean): number {
  let set = 0;
  for (let number = 1; number <= Math.min(BITS, HIGHEST_ATTRIBUTE, message.highest); number++) {
    if (message.has(number) && counts(number)) set |= 1 << number - 1;
  }
  return set >>> 0;
}

/**
 * A record, without `kind`: time, `observed`, `not_fully_parsed`, and the socket as `decode inet-diag` shows it.
 *
 * @param timestamp RFC 3339; null if the record has none
 * @param layout of the kernel that sent it; undefined if it is not known
 */
export function recordObject(
  message: SocketMessage,
  timestamp: string | null,
  layout: TcpInfoLayout | undefined,
): JsonObject {
  const { kind: _, ...socket } = socketObject(message, layout);
  return { timestamp, observed: observedBits(message), not_fully_parsed: unparsedBits(message), ...socket };
}
