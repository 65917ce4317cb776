import { toHex } from "../bytes/mod.ts";
import { AddressFamily, formatIpv4, formatIpv6 } from "../linux/mod.ts";
import type { JsonObject } from "./wire_structures.ts";

/** `sizeof(struct sockaddr_storage)`. */
const SOCKADDR_BYTES = 128;

/**
 * An address as text. The family decides, not the bytes: AF_INET's four bytes are a dotted quad, AF_INET6's sixteen are
 * RFC 5952, unless they are IPv4-mapped; those are a dotted quad too. Bytes of another family are hex.
 *
 * @param bytes the 16 bytes of an `inet_diag_sockid`, of which AF_INET uses the first 4
 */
export function addressText(family: number, bytes: Uint8Array): string {
  if (family === AddressFamily.inet) return formatIpv4(bytes);
  if (family !== AddressFamily.inet6 || bytes.length < 16) return toHex(bytes);
  return isMapped(bytes) ? formatIpv4(bytes.subarray(12)) : formatIpv6(bytes);
}

/** Whether 16 bytes are in `::ffff:0:0/96`. */
export function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/** `AF_INET`; `UNKNOWN_FAMILY_30` for one that has no TCP. */
export function familyName(family: number): string {
  if (family === AddressFamily.inet) return "AF_INET";
  return family === AddressFamily.inet6 ? "AF_INET6" : `UNKNOWN_FAMILY_${family}`;
}

/** An array of `struct sockaddr_storage`: INET_DIAG_LOCALS, INET_DIAG_PEERS. What is left over at the end is left out. */
export function sockaddrObjects(value: Uint8Array): JsonObject[] {
  return entries(value, SOCKADDR_BYTES).map((one) => {
    const view = new DataView(one.buffer, one.byteOffset, one.byteLength);
    const family = view.getUint16(0, true);
    if (family === AddressFamily.inet) {
      return { family, port: view.getUint16(2), address: addressText(family, one.subarray(4, 8)) };
    }
    if (family !== AddressFamily.inet6) return { family, data: toHex(one.subarray(2)) };
    return {
      family,
      port: view.getUint16(2),
      flow: view.getUint32(4), // network order, as all of it but family and scope
      address: addressText(family, one.subarray(8, 24)),
      scope: view.getUint32(24, true),
    };
  });
}

/** `sizeof(struct tcp_diag_md5sig)`. */
const MD5SIG_BYTES = 100;

/** An array of `struct tcp_diag_md5sig`, without the keys: those leave the kernel's message nowhere. */
export function md5sigObjects(value: Uint8Array): JsonObject[] {
  return entries(value, MD5SIG_BYTES).map((one) => {
    const family = one[0]!; // 100 bytes are there
    return {
      family,
      prefixlen: one[1]!,
      keylen: one[2]! | one[3]! << 8,
      addr: addressText(family, one.subarray(4, 20)),
    };
  });
}

function entries(value: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.floor(value.length / size) }, (_, i) => value.subarray(i * size, (i + 1) * size));
}
