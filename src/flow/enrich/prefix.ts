/** Prefixes of addresses as all of the enrichment has them: mapped addresses of 128 bits, and a length in those. */
import { parseAddressWords } from "../address.ts";

/** A prefix. */
export interface Prefix {
  /** Four words that lie in memory as the 16 octets do; bits behind the length are zero. */
  readonly words: Uint32Array;
  /** 0 to 128; that of an IPv4 prefix counts its 96 mapped bits. */
  readonly length: number;
}

/** Bits in front of a mapped IPv4 address. */
export const MAPPED_BITS = 96;

/** The prefix of `192.0.2.0/24`, `2001:db8::/32` or a lone address; undefined if the text is none. Host bits are cut off. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const words = parseAddressWords(address);
  if (words === undefined) return undefined;
  const isIpv4 = !address.includes(":");
  const bits = isIpv4 ? 32 : 128;
  let length = bits;
  if (slash >= 0) {
    const digits = text.slice(slash + 1);
    if (!/^\d{1,3}$/.test(digits)) return undefined;
    length = Number(digits);
    if (length > bits) return undefined;
  }
  if (isIpv4) length += MAPPED_BITS;
  maskOctets(new Uint8Array(words.buffer), length);
  return { words, length };
}

/** Clears the bits of 16 octets behind the first `length`. */
export function maskOctets(octets: Uint8Array, length: number): void {
  const whole = length >> 3;
  if (whole >= octets.length) return;
  octets[whole]! &= 0xff00 >> (length & 7);
  octets.fill(0, whole + 1);
}

/** The word of a big-endian number that lies in memory as a word of ours, and the other way round. */
export function swapped(word: number): number {
  return word << 24 | (word & 0xff00) << 8 | word >>> 8 & 0xff00 | word >>> 24;
}
