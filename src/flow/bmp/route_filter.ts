/** Which routes of VPNs are of interest: by route distinguisher and route target. */
import { parseIpv4 } from "../../linux/mod.ts";
import type { WordList } from "./bgp_update.ts";

/** Distinguishers or targets that are accepted, as 64-bit numbers; none: all are. */
export type AcceptedNumbers = ReadonlySet<bigint>;

/**
 * A distinguisher or target in text form: `ASN:INDEX`, `IP:INDEX`, `TYPE:X:Y` or a number of 64 bits. Undefined: it is
 * none (RFC 4364 §4.2).
 */
export function parseDistinguisher(text: string): bigint | undefined {
  const parts = text.split(":");
  if (parts.length === 1) {
    const value = /^\d{1,20}$/.test(text) ? BigInt(text) : -1n;
    return value >= 0n && value < 1n << 64n ? value : undefined;
  }
  if (parts.length > 3) return undefined;
  const [first, second] = parts.slice(-2) as [string, string];
  const address = parseIpv4(first);
  const x = address !== undefined
    ? (address[0]! << 24 | address[1]! << 16 | address[2]! << 8 | address[3]!) >>> 0
    : /^\d{1,10}$/.test(first)
    ? Number(first)
    : NaN;
  const y = /^\d{1,10}$/.test(second) ? Number(second) : NaN;
  const type = parts.length === 3 ? Number(/^[012]$/.exec(parts[0]!)?.[0] ?? NaN) : address ? 1 : x <= 0xffff ? 0 : 2;
  if (Number.isNaN(x) || Number.isNaN(y) || Number.isNaN(type)) return undefined;
  const [xBits, yBits] = type === 0 ? [16n, 32n] : [32n, 16n];
  if (BigInt(x) >> xBits !== 0n || BigInt(y) >> yBits !== 0n) return undefined;
  return BigInt(type) << 48n | BigInt(x) << yBits | BigInt(y);
}

/** Decides once, so that tables without VPNs are not asked for each route. */
export class RouteFilter {
  readonly #rds: AcceptedNumbers;
  readonly #targets: AcceptedNumbers;

  constructor(rds: AcceptedNumbers, targets: AcceptedNumbers) {
    this.#rds = rds;
    this.#targets = targets;
  }

  /** Whether routes of a distinguisher are accepted; 0: they have none. */
  acceptsDistinguisher(high: number, low: number): boolean {
    return this.#rds.size === 0 || this.#rds.has(BigInt(high) << 32n | BigInt(low));
  }

  /** Whether routes with these targets are accepted, two words each; none counts as 0. */
  acceptsTargets({ words, length }: WordList): boolean {
    if (this.#targets.size === 0) return true;
    if (length === 0) return this.#targets.has(0n);
    for (let i = 0; i < length; i += 2) {
      if (this.#targets.has(BigInt(words[i]!) << 32n | BigInt(words[i + 1]!))) return true;
    }
    return false;
  }
}
