/** Sockets and their attributes as `limier decode inet-diag` shows them. */
import { toHex } from "../bytes/mod.ts";
import { DESTINATION_AT, type SocketMessage, SOURCE_AT } from "./wire.ts";
import { addressText, familyName, md5sigObjects, sockaddrObjects } from "./wire_address.ts";
import { Attribute, attributeName, stateName } from "./wire_attributes.ts";
import { type NestedType, readNest, readNestedNumber } from "./wire_nested.ts";
import {
  bbrObject,
  DCTCPINFO,
  type JsonObject,
  type JsonValue,
  MEMINFO,
  SKMEMINFO,
  sockoptObject,
  structureObject,
  VEGASINFO,
  withRest,
} from "./wire_structures.ts";
import { TCP_INFO_BYTES, type TcpInfoLayout, tcpInfoObject } from "./wire_tcp_info.ts";
import { cText } from "./wire_values.ts";

/** What is shown when no kernel was named. */
export const ASSUMED_LAYOUT: TcpInfoLayout = "7.0";

/**
 * A socket: `{"kind":"socket", ...}`. Integers of 64 bits are `bigint`, so that they are written exactly.
 *
 * Where a `tcp_info` is as long as the two layouts of its last bytes, `tcp_info_layout` says which one was read, and that it
 * was assumed if no kernel was named.
 *
 * @param message a message that was taken
 * @param layout of the kernel that sent it; undefined if it is not known
 */
export function socketObject(message: SocketMessage, layout: TcpInfoLayout | undefined): JsonObject {
  const { bytes, start, family } = message;
  const hasLayout = message.length(Attribute.info) >= TCP_INFO_BYTES;
  return {
    kind: "socket",
    family: familyName(family),
    state: stateName(message.state),
    timer: message.timer,
    retransmits: message.retransmits,
    source: addressText(family, bytes.subarray(start + SOURCE_AT, start + SOURCE_AT + 16)),
    source_port: message.sourcePort,
    destination: addressText(family, bytes.subarray(start + DESTINATION_AT, start + DESTINATION_AT + 16)),
    destination_port: message.destinationPort,
    interface: message.interfaceIndex,
    cookie: hex32(message.cookieHigh) + hex32(message.cookieLow),
    expires: message.expires,
    rqueue: message.rqueue,
    wqueue: message.wqueue,
    uid: message.uid,
    inode: message.inode,
    attributes: attributesObject(message, layout ?? ASSUMED_LAYOUT),
    ...(hasLayout && { tcp_info_layout: layout ?? `assumed ${ASSUMED_LAYOUT}` }),
  };
}

/** The attributes that are there, by the kernel's names in the order of their numbers. */
export function attributesObject(message: SocketMessage, layout: TcpInfoLayout): JsonObject {
  const object: Record<string, JsonValue> = {};
  for (let number = 0; number <= message.highest; number++) {
    if (message.has(number)) object[attributeName(number)] = attributeValue(message, number, layout);
  }
  return object;
}

/** The value by its type; as hex where it is shorter than its type, or the number has none. */
function attributeValue(message: SocketMessage, number: number, layout: TcpInfoLayout): JsonValue {
  const at = message.at(number);
  const length = message.length(number);
  const value = message.bytes.subarray(at, at + length);
  switch (number) {
    case Attribute.meminfo:
      return structureObject(value, MEMINFO);
    case Attribute.info:
      return withRest(tcpInfoObject(message.view, at, length, layout), value, TCP_INFO_BYTES);
    case Attribute.vegasinfo:
      return structureObject(value, VEGASINFO);
    case Attribute.cong:
      return cText(message.bytes, at, length);
    case Attribute.skmeminfo:
      return structureObject(value, SKMEMINFO);
    case Attribute.dctcpinfo:
      return structureObject(value, DCTCPINFO);
    case Attribute.bbrinfo:
      return bbrObject(value);
    case Attribute.tos:
    case Attribute.tclass:
    case Attribute.shutdown:
    case Attribute.protocol:
    case Attribute.skv6only:
      return readNestedNumber(value, "u8") ?? "";
    case Attribute.mark:
    case Attribute.classId:
      return readNestedNumber(value, "u32") ?? toHex(value);
    case Attribute.cgroupId:
      return readNestedNumber(value, "u64") ?? toHex(value);
    case Attribute.sockopt:
      return sockoptObject(value);
    case Attribute.locals:
    case Attribute.peers:
      return sockaddrObjects(value);
    case Attribute.md5sig:
      return md5sigObjects(value);
    case Attribute.ulpInfo:
      return ulpObject(value) ?? toHex(value);
    case Attribute.skBpfStorages:
      return storageObjects(value) ?? toHex(value);
    default:
      return toHex(value);
  }
}

/** What a nested attribute is called, and how its value is read; by number. */
type Nest = Readonly<Record<number, readonly [name: string, type: NestedType]>>;

/** `TLS_INFO_*`, uapi/linux/tls.h. */
const TLS: Nest = {
  1: ["version", "u16"],
  2: ["cipher", "u16"],
  3: ["txconf", "u16"],
  4: ["rxconf", "u16"],
  5: ["zc_ro_tx", "flag"],
  6: ["rx_no_pad", "flag"],
  7: ["tx_max_payload_len", "u16"],
};

/** `MPTCP_SUBFLOW_ATTR_*`, uapi/linux/mptcp.h. */
const MPTCP: Nest = {
  1: ["token_rem", "u32"],
  2: ["token_loc", "u32"],
  3: ["relwrite_seq", "u32"],
  4: ["map_seq", "u64"],
  5: ["map_sfseq", "u32"],
  6: ["ssn_offset", "u32"],
  7: ["map_datalen", "u16"],
  8: ["flags", "u32"],
  9: ["id_rem", "u8"],
  10: ["id_loc", "u8"],
};

/** `SK_DIAG_BPF_STORAGE_*`, uapi/linux/sock_diag.h; 1 is padding. */
const STORAGE: Nest = { 2: ["map_id", "u32"], 3: ["map_value", "bytes"] };
const STORAGE_PAD = 1;

/** `INET_ULP_INFO_*`; undefined if a length in it cannot be. */
function ulpObject(value: Uint8Array): JsonObject | undefined {
  const attributes = readNest(value);
  if (attributes === undefined) return undefined;
  const object: Record<string, JsonValue> = {};
  for (const { number, value } of attributes) {
    if (number === 1) object["name"] = cText(value, 0, value.length);
    else if (number === 2) object["tls"] = nestObject(value, TLS) ?? toHex(value);
    else if (number === 3) object["mptcp"] = nestObject(value, MPTCP) ?? toHex(value);
    else object[number] = toHex(value);
  }
  return object;
}

/** One object a storage; undefined if a length in it cannot be. */
function storageObjects(value: Uint8Array): JsonObject[] | undefined {
  const attributes = readNest(value);
  return attributes?.map(({ number, value }) =>
    (number === 1 ? nestObject(value, STORAGE, STORAGE_PAD) : undefined) ?? { [number]: toHex(value) }
  );
}

function nestObject(value: Uint8Array, nest: Nest, padding?: number): JsonObject | undefined {
  const attributes = readNest(value);
  if (attributes === undefined) return undefined;
  const object: Record<string, JsonValue> = {};
  for (const { number, value } of attributes) {
    if (number === padding) continue;
    const known = nest[number];
    if (known === undefined) object[number] = toHex(value);
    else object[known[0]] = nestedValue(value, known[1]);
  }
  return object;
}

function nestedValue(value: Uint8Array, type: NestedType): JsonValue {
  switch (type) {
    case "flag":
      return true;
    case "text":
      return cText(value, 0, value.length);
    case "bytes":
      return toHex(value);
    default:
      return readNestedNumber(value, type) ?? toHex(value);
  }
}

function hex32(half: number): string {
  return half.toString(16).padStart(8, "0");
}
