/** Why bytes from the network were refused: a value to count and to show, never thrown. */
export interface WireError {
  /** A stable token; it labels counters. */
  readonly reason: string;
  /** For people: what could not be read, and what was found instead. */
  readonly message: string;
}

/** Tells a refusal from a value that was read; no value has a `reason`. */
export function isWireError(value: object): value is WireError {
  return "reason" in value;
}

/** How much of a packet an error message repeats, in UTF-16 code units: packets come from anyone and can be long. */
const SHOWN = 64;

/** Text from a packet as it may stand in an error message: quoted, control characters escaped, bounded. */
export function quoted(text: string): string {
  return text.length <= SHOWN ? JSON.stringify(text) : JSON.stringify(text.slice(0, SHOWN)) + "…";
}
