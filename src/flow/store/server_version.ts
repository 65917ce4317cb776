/** Versions of ClickHouse: which of them can hold the tables of flows. */
import type { ServerVersion } from "./endpoint.ts";

/** Reads `22.4.5.9`, or `26.5.1.1-stable`. */
export function readVersion(text: string): ServerVersion | undefined {
  const match = /^(\d{1,4}(?:\.\d{1,6}){1,3})(?:[-+ ].*)?$/.exec(text.trim());
  return match === null ? undefined : match[1]!.split(".").map(Number);
}

/** Whether a version is not before another; numbers that are missing are 0. */
export function versionAtLeast(version: ServerVersion, least: ServerVersion): boolean {
  for (let i = 0; i < Math.max(version.length, least.length); i++) {
    const difference = (version[i] ?? 0) - (least[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Before it, tables of flows are not possible. */
const LEAST: ServerVersion = [22, 4];

/** From the first on and before the second, materialized views lose rows or fail. */
const FAULTY: readonly (readonly [from: ServerVersion, mended: ServerVersion])[] = [
  [[23], [23, 2, 7, 32]],
  [[23, 3], [23, 3, 3, 52]],
  [[23, 4], [23, 4, 3, 48]],
  [[23, 5], [23, 5, 1, 3174]],
  [[24, 3], [24, 3, 4, 147]],
  [[24, 4], [24, 4, 2, 141]],
  [[24, 5], [24, 5, 1, 1763]],
];

/** Why a version can't be used; `undefined` if it can. */
export function versionFault(version: ServerVersion): string | undefined {
  const shown = version.join(".");
  if (!versionAtLeast(version, LEAST)) return `its version is ${shown}; at least ${LEAST.join(".")} is needed`;
  for (const [from, mended] of FAULTY) {
    if (versionAtLeast(version, from) && !versionAtLeast(version, mended)) {
      return `its version is ${shown}, which has known faults; ${mended.join(".")} mends them`;
    }
  }
  return undefined;
}
