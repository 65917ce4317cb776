/** Numbers below a bound that look like chance and follow from `seed` alone (SplitMix32). */
export function randomFrom(seed: number): (below: number) => number {
  const bits = bitsFrom(seed);
  return (below) => bits() % below;
}

/** {@linkcode randomFrom} in [0, 1). */
export function fractionsFrom(seed: number): () => number {
  const bits = bitsFrom(seed);
  return () => bits() / 2 ** 32;
}

/** 32 bits a call, without a sign. */
function bitsFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = state + 0x9e3779b9 | 0;
    let z = state ^ state >>> 16;
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ z >>> 15) >>> 0;
  };
}
