/** BMP messages (RFC 7854, RFC 9069): what stands in front of their BGP parts. */
import { ByteError, ByteReader } from "../../bytes/mod.ts";

/** Message types, RFC 7854 §4.1. */
export const MessageType = {
  routeMonitoring: 0,
  statisticsReport: 1,
  peerDown: 2,
  peerUp: 3,
  initiation: 4,
  termination: 5,
  routeMirroring: 6,
} as const;

/** The `type` labels of messages, by type. */
export const MESSAGE_LABELS = [
  "route monitoring",
  "statistics report",
  "peer down",
  "peer up",
  "initiation",
  "termination",
  "route mirroring",
] as const;

/** Octets in front of every message. */
export const COMMON_HEADER_BYTES = 6;
const PEER_HEADER_BYTES = 42;
/** Of initiations: sysName. */
const SYS_NAME = 2;
const LOC_RIB_PEER = 3;
/** Capabilities (IANA). */
const ADD_PATH = 69;
const CAPABILITIES = 2;
const EXTENDED_PARAMETERS = 255;
const OPEN = 1;

/** The per-peer header, RFC 7854 §4.2. */
export interface PeerHeader {
  /** All that tells the peer from others of its connection. */
  readonly key: string;
  readonly type: number;
  readonly asn: number;
  /** AS numbers of two octets in AS paths. */
  readonly hasShortAs: boolean;
  /** Where the rest of the message begins. */
  readonly end: number;
}

/** Reads the header behind the common one. Undefined: it is cut short. */
export function parsePeerHeader(message: Uint8Array): PeerHeader | undefined {
  const end = COMMON_HEADER_BYTES + PEER_HEADER_BYTES;
  if (message.length < end) return undefined;
  const type = message[6]!, flags = message[7]!;
  const asn = (message[32]! << 24 | message[33]! << 16 | message[34]! << 8 | message[35]!) >>> 0;
  // Type, distinguisher, address, AS, BGP id; not the flags, which differ from message to message.
  let key = String.fromCharCode(type);
  for (let at = 8; at < 40; at += 2) key += String.fromCharCode(message[at]! << 8 | message[at + 1]!);
  return { key, type, asn, hasShortAs: type !== LOC_RIB_PEER && (flags & 0x20) !== 0, end };
}

/** The sysName of an initiation, "" if it has none. Undefined: it is malformed. */
export function parseInitiation(message: Uint8Array): string | undefined {
  let name = "";
  let at = COMMON_HEADER_BYTES;
  while (at < message.length) {
    if (message.length - at < 4) return undefined;
    const type = message[at]! << 8 | message[at + 1]!, length = message[at + 2]! << 8 | message[at + 3]!;
    at += 4;
    if (length > message.length - at) return undefined;
    if (type === SYS_NAME) name = new TextDecoder().decode(message.subarray(at, at + Math.min(length, 255)));
    at += length;
  }
  return name;
}

/**
 * The families whose prefixes come with path ids, as `AFI * 256 + SAFI`: those for which the peer said that it sends them
 * and the router that it takes them. Undefined: the message is malformed.
 */
export function parsePeerUp(message: Uint8Array, at: number): ReadonlySet<number> | undefined {
  try {
    const reader = new ByteReader(message, at);
    reader.need(20, "a peer up notification");
    reader.skip(20); // local address, local and remote port
    const sent = readOpen(reader), received = readOpen(reader);
    const families = new Set<number>();
    for (const [family, mode] of received) {
      const ours = sent.get(family) ?? 0;
      if ((mode & SENDS) !== 0 && (ours & TAKES) !== 0) families.add(family);
    }
    return families;
  } catch (error) {
    if (error instanceof ByteError) return undefined;
    throw error;
  }
}

/** RFC 7911 §4. */
const TAKES = 1;
const SENDS = 2;

/** Reads an OPEN (RFC 4271 §4.2, RFC 9072). @returns what it says of path ids, by family */
function readOpen(reader: ByteReader): Map<number, number> {
  const start = reader.position;
  reader.need(29, "an OPEN message");
  reader.skip(16);
  const length = reader.u16be();
  const type = reader.u8();
  if (type !== OPEN || length < 29) throw new ByteError("bytes.truncated", start, "Cannot read an OPEN: it is none");
  const body = reader.sub(length - 19);
  body.skip(9); // version, AS, hold time, id
  let size = body.u8();
  let hasLongParameters = false;
  if (size === EXTENDED_PARAMETERS && body.remaining >= 3) {
    body.skip(1); // 255 again
    size = body.u16be();
    hasLongParameters = true;
  }
  const parameters = body.sub(Math.min(size, body.remaining));
  const modes = new Map<number, number>();
  while (parameters.remaining > 0) {
    const parameter = parameters.u8();
    const content = parameters.sub(hasLongParameters ? parameters.u16be() : parameters.u8());
    while (parameter === CAPABILITIES && content.remaining > 0) {
      const code = content.u8();
      const value = content.sub(content.u8());
      while (code === ADD_PATH && value.remaining >= 4) modes.set(value.u16be() * 256 + value.u8(), value.u8());
    }
  }
  return modes;
}
