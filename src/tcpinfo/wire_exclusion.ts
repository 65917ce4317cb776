import { type DenyRule, type DiagFamily, encodeDenyFilter, type End, parseIpv4, parseIpv6 } from "../linux/mod.ts";
import { DESTINATION_AT, type SocketMessage, SOURCE_AT } from "./wire.ts";
import { isMapped } from "./wire_address.ts";

/** Which sockets are left out. */
export interface ExclusionOptions {
  /** Those with an end that is loopback, link-local, multicast or unspecified; private ranges are none of these. */
  readonly local: boolean;
  /** Local ports. */
  readonly sourcePorts: readonly number[];
  /** Remote addresses, as literals; one of IPv4 stands for its mapped form as well, and the other way round. */
  readonly destinations: readonly string[];
}

/** Why a socket is left out; the same words label the counter. */
export const EXCLUSION_REASONS = ["", "srcport", "local", "dstip"] as const;
/** What {@linkcode Exclusion.reason} returns: an index of {@linkcode EXCLUSION_REASONS}. */
export const Excluded = { no: 0, sourcePort: 1, local: 2, destination: 3 } as const;
export type Excluded = (typeof Excluded)[keyof typeof Excluded];

/** What `local` stands for, in leading bits. */
const LOCAL_V4: readonly (readonly [address: string, bits: number])[] = [
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["224.0.0.0", 4],
  ["0.0.0.0", 32],
];
const LOCAL_V6: readonly (readonly [address: string, bits: number])[] = [
  ["::1", 128],
  ["fe80::", 10],
  ["ff00::", 8],
  ["::", 128],
];

/**
 * Says of a socket whether it is left out, and tells the kernel to leave it out already. The kernel's filter is there to
 * save work only: what it lets through is asked about again, so that the outcome is the same without it.
 */
export class Exclusion {
  /** Literals that are no addresses: skipped, for the caller to tell. */
  readonly refused: readonly string[];
  readonly #local: boolean;
  readonly #ports: Set<number>;
  readonly #v4 = new Set<number>();
  readonly #v6: Uint8Array[] = [];
  readonly #rules: readonly DenyRule[];

  constructor(options: ExclusionOptions) {
    this.#local = options.local;
    this.#ports = new Set(options.sourcePorts);
    const rules: DenyRule[] = [...this.#ports].map((port) => ({ end: "local", port }));
    if (options.local) {
      for (const end of ["local", "remote"] as End[]) {
        for (const [address, prefixBits] of LOCAL_V4) rules.push({ end, address: parseIpv4(address)!, prefixBits });
        for (const [address, prefixBits] of LOCAL_V6) rules.push({ end, address: parseIpv6(address)!, prefixBits });
      }
    }
    const refused: string[] = [];
    for (const text of options.destinations) {
      const address = canonical(text);
      if (address === undefined) {
        refused.push(text);
        continue;
      }
      if (address.length === 4) this.#v4.add(word(address, 0));
      else this.#v6.push(address);
      rules.push({ end: "remote", address, prefixBits: 8 * address.length });
    }
    this.refused = refused;
    this.#rules = rules;
  }

  /** The program for a dump of a family; undefined if there is nothing to leave out, or more than a request holds. */
  kernelFilter(family: DiagFamily): Uint8Array<ArrayBuffer> | undefined {
    try {
      return encodeDenyFilter(family, this.#rules);
    } catch (error) {
      if (error instanceof RangeError) return undefined; // without a filter the outcome is the same
      throw error;
    }
  }

  /** Why a socket is left out, the first of the reasons in their order. It needs the message's head alone. */
  reason(message: SocketMessage): Excluded {
    if (this.#ports.size > 0 && this.#ports.has(message.sourcePort)) return Excluded.sourcePort;
    const { bytes, start, family } = message;
    if (this.#local && (isLocal(family, bytes, start + SOURCE_AT) || isLocal(family, bytes, start + DESTINATION_AT))) {
      return Excluded.local;
    }
    return this.#isDestination(family, bytes, start + DESTINATION_AT) ? Excluded.destination : Excluded.no;
  }

  #isDestination(family: number, bytes: Uint8Array, at: number): boolean {
    const v4At = plainAt(family, bytes, at);
    if (v4At >= 0) return this.#v4.size > 0 && this.#v4.has(word(bytes, v4At));
    if (family !== 10) return false;
    for (const address of this.#v6) {
      let i = 0;
      while (i < 16 && address[i] === bytes[at + i]) i++;
      if (i === 16) return true;
    }
    return false;
  }
}

/** Whether the address at `at`, 16 bytes of which AF_INET uses 4, is loopback, link-local, multicast or unspecified. */
export function isLocal(family: number, bytes: Uint8Array, at: number): boolean {
  const v4At = plainAt(family, bytes, at);
  if (v4At >= 0) {
    const first = bytes[v4At]!; // a message has its addresses whole
    return first === 127 || first === 169 && bytes[v4At + 1] === 254 || first >> 4 === 14 || word(bytes, v4At) === 0;
  }
  if (family !== 10) return false;
  const first = bytes[at]!;
  if (first === 0xff || first === 0xfe && bytes[at + 1]! >> 6 === 2) return true;
  for (let i = 0; i < 15; i++) if (bytes[at + i] !== 0) return false;
  return bytes[at + 15]! <= 1;
}

/** Where the four bytes of an IPv4 address are, mapped ones included; -1 if it is none. */
function plainAt(family: number, bytes: Uint8Array, at: number): number {
  if (family === 2) return at;
  if (family !== 10 || bytes[at + 10] !== 0xff || bytes[at + 11] !== 0xff) return -1;
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return -1;
  return at + 12;
}

/** Four bytes for IPv4, mapped or not; sixteen for IPv6. */
function canonical(text: string): Uint8Array | undefined {
  const v6 = parseIpv6(text);
  if (v6 === undefined) return parseIpv4(text);
  return isMapped(v6) ? v6.subarray(12) : v6;
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}
