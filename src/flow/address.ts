/** Addresses as batches hold them: four words that lie in memory as the 16 octets do, IPv4 mapped. */
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "../linux/mod.ts";
import { MAPPED_WORD } from "./columns_pool.ts";

/** The canonical text of the address at `at`; a mapped IPv4 address in dotted form, without its prefix. */
export function formatAddress(words: Uint32Array, at = 0): string {
  const octets = new Uint8Array(words.slice(at, at + 4).buffer);
  const isMapped = words[at] === 0 && words[at + 1] === 0 && words[at + 2] === MAPPED_WORD;
  return isMapped ? formatIpv4(octets.subarray(12)) : formatIpv6(octets);
}

/** The words of an address in text form; undefined if it is none. */
export function parseAddressWords(text: string): Uint32Array<ArrayBuffer> | undefined {
  const v4 = parseIpv4(text);
  const octets = v4 === undefined ? parseIpv6(text) : new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...v4]);
  return octets === undefined ? undefined : new Uint32Array(octets.buffer);
}
