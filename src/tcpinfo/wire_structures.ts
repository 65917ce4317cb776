/** Structures of attributes as JSON objects: the kernel's field names, and the bytes behind what is known as `rest`. */
import { toHex } from "../bytes/mod.ts";

/** What a decoded value is made of; integers beyond 2^53 are `bigint`. */
export type JsonValue = string | number | bigint | boolean | null | readonly JsonValue[] | JsonObject;
/** Keys stand in the order in which they were set. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** A field: its name, its first byte, bytes of it. */
type Field = readonly [name: string, offset: number, width: 1 | 2 | 4];

/** Fields of 32 bits one behind the other. */
function words(names: string): Field[] {
  return names.split(" ").map((name, i) => [name, 4 * i, 4]);
}

/** `struct inet_diag_meminfo`; bytes. */
export const MEMINFO: readonly Field[] = words("rmem wmem fmem tmem");
/** `SK_MEMINFO_*` of sock_diag.h; bytes, but for `drops`. */
export const SKMEMINFO: readonly Field[] = words(
  "rmem_alloc rcvbuf wmem_alloc sndbuf fwd_alloc wmem_queued optmem backlog drops",
);
/** `struct tcpvegas_info`; microseconds, `minrtt` 0x7fffffff for none yet. */
export const VEGASINFO: readonly Field[] = words("enabled rttcnt rtt minrtt");
/** `struct tcp_dctcp_info`. */
export const DCTCPINFO: readonly Field[] = [
  ["enabled", 0, 2],
  ["ce_state", 2, 2],
  ["alpha", 4, 4],
  ["ab_ecn", 8, 4],
  ["ab_tot", 12, 4],
];
/** `struct tcp_bbr_info`; `min_rtt` in microseconds, gains times 256. */
export const BBRINFO: readonly Field[] = words("bw_lo bw_hi min_rtt pacing_gain cwnd_gain");

/** Bits of `struct inet_diag_sockopt`, byte by byte. */
const SOCKOPT_BITS: readonly (readonly string[])[] = [
  ["recverr", "is_icsk", "freebind", "hdrincl", "mc_loop", "transparent", "mc_all", "nodefrag"],
  ["bind_address_no_port", "recverr_rfc4884", "defer_connect"],
];

/** The fields that lie wholly inside `value`. */
export function structureObject(value: Uint8Array, fields: readonly Field[]): JsonObject {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const object: Record<string, JsonValue> = {};
  let known = 0;
  for (const [name, offset, width] of fields) {
    known = offset + width;
    if (known > value.length) continue;
    object[name] = width === 4
      ? view.getUint32(offset, true)
      : width === 2
      ? view.getUint16(offset, true)
      : view.getUint8(offset);
  }
  return withRest(object, value, known);
}

/** As {@linkcode structureObject} for BBRINFO; `bw`, the two halves together, in bytes a second. */
export function bbrObject(value: Uint8Array): JsonObject {
  const object = structureObject(value, BBRINFO);
  if (value.length < 8) return object;
  return { bw: new DataView(value.buffer, value.byteOffset, 8).getBigUint64(0, true), ...object };
}

/** Each bit as 0 or 1. */
export function sockoptObject(value: Uint8Array): JsonObject {
  const object: Record<string, JsonValue> = {};
  for (const [i, names] of SOCKOPT_BITS.entries()) {
    if (i >= value.length) break;
    for (const [bit, name] of names.entries()) object[name] = value[i]! >> bit & 1; // i is below the length
  }
  return withRest(object, value, SOCKOPT_BITS.length);
}

/** Adds what stands behind the first `known` bytes. */
export function withRest(object: JsonObject, value: Uint8Array, known: number): JsonObject {
  return value.length > known ? { ...object, rest: toHex(value.subarray(known)) } : object;
}
