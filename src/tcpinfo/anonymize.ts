import { parseIpv4, parseIpv6 } from "../linux/mod.ts";
import type { Anonymization } from "./config.ts";
import { isMapped } from "./wire_address.ts";
import { Attribute } from "./wire_attributes.ts";
import { DESTINATION_AT, type SocketMessage, SOURCE_AT } from "./wire.ts";

/** The first byte that is cut of an IPv6 address: 48 bits are left. */
const V6_CUT = 6;

/** `struct tcp_diag_md5sig`: u8 family, u8 prefix, u16 key length, 16 address, 80 key. */
const MD5SIG_BYTES = 100;
const MD5SIG_ADDRESS_AT = 4;
const MD5SIG_KEY_AT = 20;
/** `struct sockaddr_storage`: u16 family, be16 port; IPv4's address next, IPv6's behind the flow label. */
const SOCKADDR_BYTES = 128;
const SOCKADDR_V4_AT = 4;
const SOCKADDR_V6_AT = 8;

/**
 * Hides addresses in records, in place. Keys of TCP-MD5 are cleared in every mode. This host's own addresses stay as they
 * are: clients are hidden, the server is not.
 */
export class Anonymizer {
  readonly #mode: Anonymization;
  #own = new Set<string>();

  constructor(mode: Anonymization, ownAddresses: readonly string[] = []) {
    this.#mode = mode;
    this.setOwn(ownAddresses);
  }

  /** The host's own addresses, as text; a zone behind `%` is left out. */
  setOwn(addresses: readonly string[]): void {
    this.#own = new Set(addresses.map((text) => {
      const address = parseIpv4(text) ?? parseIpv6(text.replace(/%.*/, ""));
      return address === undefined ? "" : keyOf(address, 0, address.length);
    }));
  }

  /** @returns false if the record cannot be made anonymous, and must not be written */
  apply(message: SocketMessage): boolean {
    this.#clearKeys(message);
    if (this.#mode === "none") return true;
    const { bytes, start, family } = message;
    if (family !== 2 && family !== 10) return false;
    this.#cut(family, bytes, start + SOURCE_AT);
    this.#cut(family, bytes, start + DESTINATION_AT);
    this.#cutEntries(
      message,
      Attribute.md5sig,
      MD5SIG_BYTES,
      (at) => this.#cut(bytes[at]!, bytes, at + MD5SIG_ADDRESS_AT),
    );
    for (const number of [Attribute.locals, Attribute.peers]) {
      this.#cutEntries(message, number, SOCKADDR_BYTES, (at) => {
        const family = bytes[at]! | bytes[at + 1]! << 8;
        this.#cut(family, bytes, at + (family === 2 ? SOCKADDR_V4_AT : SOCKADDR_V6_AT));
      });
    }
    return true;
  }

  #clearKeys(message: SocketMessage): void {
    if (!message.has(Attribute.md5sig)) return;
    const from = message.at(Attribute.md5sig), end = from + message.length(Attribute.md5sig);
    // What is left over at the end is cleared too: it may be the beginning of a key.
    for (let at = from; at < end; at++) if ((at - from) % MD5SIG_BYTES >= MD5SIG_KEY_AT) message.bytes[at] = 0;
  }

  #cutEntries(message: SocketMessage, number: number, size: number, cut: (at: number) => void): void {
    if (!message.has(number)) return;
    const from = message.at(number);
    for (let at = from; at + size <= from + message.length(number); at += size) cut(at);
  }

  #cut(family: number, bytes: Uint8Array, at: number): void {
    const isV6 = family === 10 && !isMapped(bytes.subarray(at, at + 16));
    const v4At = family === 2 ? at : at + 12;
    if (this.#own.has(isV6 ? keyOf(bytes, at, 16) : keyOf(bytes, v4At, 4))) return;
    if (isV6) bytes.fill(0, at + V6_CUT, at + 16);
    else bytes[v4At + 3] = 0;
  }
}

/** Equal for equal addresses; a mapped one is the IPv4 address it maps. */
function keyOf(bytes: Uint8Array, at: number, length: number): string {
  const address = bytes.subarray(at, at + length);
  return (length === 16 && isMapped(address) ? address.subarray(12) : address).join(".");
}
