const encoder = new TextEncoder();

/** A name as its bytes, in memory of its own. */
export function nameBytes(name: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(name);
}

/** Orders texts by Unicode code point; `<` orders them by UTF-16 unit, which differs beyond U+FFFF. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand behind all other units, as the code points do that they are halves of. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** The names in order. */
export function sortedNames(names: Iterable<string>): string[] {
  return [...names].sort(compareCodePoints);
}
