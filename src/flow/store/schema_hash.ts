/** The name of a schema: a hash of its columns, so that programs of two versions can write side by side. */

const OFFSET_BASIS = 0x6c62272e07bb014262b821756295c58dn;
const PRIME = 0x0000000001000000000000000000013bn;
const MASK = (1n << 128n) - 1n;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** FNV-1 of 128 bits (multiply, then exclusive or) as 16 octets, high ones first. */
export function fnv1Hash128(text: string): Uint8Array<ArrayBuffer> {
  let hash = OFFSET_BASIS;
  for (const octet of new TextEncoder().encode(text)) hash = (hash * PRIME & MASK) ^ BigInt(octet);
  return Uint8Array.fromHex(hash.toString(16).padStart(32, "0"));
}

/** Base32 in upper case and without padding (RFC 4648 section 6). */
export function base32(octets: Uint8Array): string {
  let text = "", bits = 0, held = 0;
  for (const octet of octets) {
    held = (held << 8 | octet) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += LETTERS[held >> bits - 5 & 31];
  }
  return bits === 0 ? text : text + LETTERS[held << 5 - bits & 31];
}

/** A short name of a text, for noticing that it has changed. */
export function shortHash(text: string): string {
  return base32(fnv1Hash128(text)).slice(0, 16);
}
