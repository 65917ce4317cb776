/** Bytes of each unit, the largest first, binary before decimal. */
const UNITS: readonly (readonly [unit: string, bytes: number])[] = [
  ["TiB", 2 ** 40],
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
  ["TB", 1e12],
  ["GB", 1e9],
  ["MB", 1e6],
  ["KB", 1e3],
  ["kB", 1e3],
  ["B", 1],
];

/**
 * Reads a number of bytes: `1GiB`, `64KiB`, `10MB`, `512B`, `1.5MiB`, or `4096` alone.
 *
 * @throws {RangeError} for anything else: another unit, a space, a fraction of a byte, more than 2^53
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text);
  const unit = match === null ? undefined : match[2] === "" ? 1 : UNITS.find(([name]) => name === match[2])?.[1];
  const bytes = unit === undefined ? NaN : Number(match![1]) * unit;
  if (!Number.isSafeInteger(bytes)) {
    throw new RangeError(`Cannot parse size "${text}": write one such as 64KiB or 1GiB`);
  }
  return bytes;
}

/** Writes bytes as `parseSize` reads them, in the largest unit of which they are a whole number: `64KiB`, `10MB`, `0B`. */
export function formatSize(bytes: number): string {
  for (const [unit, size] of UNITS) {
    if (bytes !== 0 && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}
