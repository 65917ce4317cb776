/**
 * A 64-bit integer: a `number` where that is exact, a `bigint` beyond 2^53. Each integer has one of the two forms only, so
 * that `===` and `<` tell the truth about a mixture.
 */
export type Int64 = number | bigint;

const TWO_32 = 4_294_967_296;

/** The integer of two halves, the high one signed. */
export function int64Of(high: number, low: number): Int64 {
  const value = high * TWO_32 + (low >>> 0);
  return Number.isSafeInteger(value) ? value : BigInt(high) << 32n | BigInt(low >>> 0);
}

/** The eight bytes at `at`, big-endian. */
export function readInt64(view: DataView, at: number): Int64 {
  return int64Of(view.getInt32(at), view.getUint32(at + 4));
}

/** The one form of a whole number. @throws {RangeError} if it is none, or takes more than 64 bits */
export function toInt64(value: number | bigint): Int64 {
  if (typeof value === "number") {
    if (Number.isSafeInteger(value)) return value + 0; // -0 is 0
    throw new RangeError(`Cannot use ${value} as a 64-bit integer: write a whole number, beyond 2^53 as a bigint`);
  }
  if (value !== BigInt.asIntN(64, value)) throw new RangeError(`Cannot use ${value}: it takes more than 64 bits`);
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

/** `a - b`, exactly. */
export function subtract(a: Int64, b: Int64): Int64 {
  if (typeof a === "number" && typeof b === "number") {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return formOf(BigInt(a) - BigInt(b));
}

/** `a + b`, exactly. */
export function add(a: Int64, b: Int64): Int64 {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return formOf(BigInt(a) + BigInt(b));
}

/** `max(0, end - at)`: how far `at` is behind. */
export function distance(end: Int64, at: Int64): Int64 {
  return end > at ? subtract(end, at) : 0;
}

/** The greater of the two. */
export function larger(a: Int64, b: Int64): Int64 {
  return b > a ? b : a;
}

function formOf(value: bigint): Int64 {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}
