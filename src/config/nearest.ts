/**
 * How many letters must be inserted, removed, replaced or swapped with their neighbour to turn `a` into `b`
 * (Damerau–Levenshtein, each pair swapped at most once).
 */
export function editDistance(a: string, b: string): number {
  const width = b.length + 1;
  let beforeLast = new Uint32Array(width);
  let last = Uint32Array.from({ length: width }, (_, j) => j);
  let row = new Uint32Array(width);
  for (let i = 1; i <= a.length; i++) {
    row[0] = i;
    for (let j = 1; j < width; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row[j] = cost;
    }
    [beforeLast, last, row] = [last, row, beforeLast];
  }
  return last[b.length]!;
}

/** Longer names are compared by their first letters: nobody means a key of a thousand letters. */
const LONGEST_NAME = 64;

/**
 * The known name that is closest to `name`; the first of several. Case and `-` for `_` count as nothing. `undefined`
 * when nothing is known.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const plain = plainName(name);
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const distance = editDistance(plain, plainName(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Whether `name` is so close to `known` that it is a slip of the hand: a third of its letters differ, at most. */
export function isSlip(name: string, known: string): boolean {
  return editDistance(plainName(name), plainName(known)) <= Math.max(1, Math.floor(name.length / 3));
}

function plainName(name: string): string {
  return name.slice(0, LONGEST_NAME).toLowerCase().replaceAll("-", "_");
}
