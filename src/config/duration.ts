/** Nanoseconds of each unit. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  "µs": 1e3, // U+00B5
  "μs": 1e3, // U+03BC
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const PART = /(\d+\.?|\d*\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/** What 63 bits of nanoseconds hold, some 292 years. */
const LONGEST_NS = 2 ** 63;

/**
 * Reads a duration as Go writes it: numbers with units `ns us µs ms s m h` in a row (`1m30s`, `1.5s`, `.5s`; `1h1h` is
 * two hours), with a sign or without, or a bare `0`.
 *
 * @returns milliseconds; a fraction of a nanosecond is cut off
 * @throws {RangeError} for anything else, a number without a unit, a space and `1d` among it
 */
export function parseDuration(text: string): number {
  const sign = /^[-+]?/.exec(text)![0];
  const rest = text.slice(sign.length);
  if (rest === "0") return 0;
  let ns = 0;
  let at = 0;
  while (at < rest.length) {
    PART.lastIndex = at;
    const part = PART.exec(rest);
    if (part === null) break;
    const unit = UNITS[part[2]!]!;
    const [whole, fraction = ""] = part[1]!.split(".");
    // Cut off, not rounded; the addend undoes what binary fractions lose.
    ns += Number(whole) * unit + Math.floor(Number(`0.${fraction}`) * unit + 1e-6);
    at = PART.lastIndex;
  }
  if (at === 0 || at < rest.length) throw new RangeError(`Cannot parse duration "${text}": write one such as 1m30s`);
  if (ns >= LONGEST_NS) throw new RangeError(`Cannot parse duration "${text}": it is longer than 292 years`);
  return (sign === "-" && ns !== 0 ? -ns : ns) / 1e6;
}

/** Writes milliseconds as `parseDuration` reads them: `1m30s`, `1.5s`, `500ms`, `0s`. */
export function formatDuration(ms: number): string {
  const ns = Math.round(Math.abs(ms) * 1e6);
  if (ns === 0) return "0s";
  const sign = ms < 0 ? "-" : "";
  if (ns < 1e3) return `${sign}${ns}ns`;
  if (ns < 1e6) return `${sign}${ns / 1e3}us`;
  if (ns < 1e9) return `${sign}${ns / 1e6}ms`;
  const hours = Math.floor(ns / 3600e9);
  const minutes = Math.floor(ns % 3600e9 / 60e9);
  const restNs = ns % 60e9;
  const fraction = String(restNs % 1e9).padStart(9, "0").replace(/0+$/, "");
  const seconds = restNs === 0 ? "" : `${Math.floor(restNs / 1e9)}${fraction === "" ? "" : `.${fraction}`}s`;
  return `${sign}${hours === 0 ? "" : `${hours}h`}${minutes === 0 ? "" : `${minutes}m`}${seconds}`;
}
