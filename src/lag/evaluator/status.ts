/** The words of status codes; a code is a word's place. */
export const STATUSES = ["NOTFOUND", "OK", "WARN", "ERR", "STOP", "STALL", "REWIND"] as const;

/** NOTFOUND and ERR are said of groups only; STOP, STALL and REWIND of partitions only. */
export const Status = { notFound: 0, ok: 1, warn: 2, err: 3, stop: 4, stall: 5, rewind: 6 } as const;
export type Status = (typeof Status)[keyof typeof Status];

/** The word of a code; `UNKNOWN` of any number that is none. */
export function statusText(code: number): string {
  return STATUSES[code] ?? "UNKNOWN";
}
