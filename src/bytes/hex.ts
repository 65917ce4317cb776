const DIGITS = "0123456789abcdef";

/** Lower-case hex, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += DIGITS[byte >> 4]! + DIGITS[byte & 15]!;
  return out;
}

/** Bytes from hex of either case; white space anywhere is ignored. `null` if it is not whole pairs of hex digits. */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> | null {
  const out = new Uint8Array(hex.length >> 1);
  let digits = 0;
  for (let i = 0; i < hex.length; i++) {
    const code = hex.charCodeAt(i);
    let value: number;
    if (code >= 0x30 && code <= 0x39) value = code - 0x30;
    else if (code >= 0x61 && code <= 0x66) value = code - 0x57;
    else if (code >= 0x41 && code <= 0x46) value = code - 0x37;
    else if (code === 0x20 || code >= 0x09 && code <= 0x0d) continue;
    else return null;
    out[digits >> 1]! |= (digits & 1) === 0 ? value << 4 : value;
    digits++;
  }
  return (digits & 1) === 0 ? out.slice(0, digits >> 1) : null;
}
