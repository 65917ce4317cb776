/** Which sockets of a dump are wanted. */
import { parseIpv4, parseIpv6 } from "../linux/mod.ts";
import { DESTINATION_AT, isLocal, isMapped, type SocketMessage, SOURCE_AT, stateName } from "../tcpinfo/mod.ts";
import { UsageError } from "./command.ts";

/** The flags, each as often as it was written; what one flag says more than once is "or", different flags are "and". */
export interface FilterFlags {
  readonly state: readonly string[];
  /** Ports: of either end, of the local one, of the remote one. */
  readonly port: readonly string[];
  readonly "local-port": readonly string[];
  readonly "remote-port": readonly string[];
  /** Addresses or prefixes, likewise. */
  readonly address: readonly string[];
  readonly local: readonly string[];
  readonly remote: readonly string[];
  readonly uid: readonly string[];
  /** Leave out what has a loopback, link-local, multicast or unspecified end. */
  readonly "exclude-local": boolean;
}

/** Groups of states, by the names that ss has for them. */
const STATE_GROUPS: Readonly<Record<string, readonly number[]>> = {
  all: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  connected: [1, 2, 3, 4, 5, 6, 8, 9, 11],
  synchronized: [1, 4, 5, 6, 8, 9, 11],
};

/** Names of states as they are written on a command line. */
export const STATE_NAMES: readonly string[] = STATE_GROUPS["all"]!.map((state) => stateName(state).toLowerCase());

type Test = (socket: SocketMessage) => boolean;

/** Whether a socket is wanted. @throws {UsageError} on a flag that cannot be understood */
export function socketFilter(flags: FilterFlags): Test {
  const tests: Test[] = [];
  const states = stateBits(flags.state);
  if (states !== undefined) tests.push(({ state }) => (states >>> state & 1) !== 0);
  const either = numbers("port", flags.port, 65_535);
  if (either) tests.push(({ sourcePort, destinationPort }) => either.has(sourcePort) || either.has(destinationPort));
  const localPorts = numbers("local-port", flags["local-port"], 65_535);
  if (localPorts) tests.push(({ sourcePort }) => localPorts.has(sourcePort));
  const remotePorts = numbers("remote-port", flags["remote-port"], 65_535);
  if (remotePorts) tests.push(({ destinationPort }) => remotePorts.has(destinationPort));
  const uids = numbers("uid", flags.uid, 0xffff_ffff);
  if (uids) tests.push(({ uid }) => uids.has(uid));
  const any = prefixes("address", flags.address);
  if (any) tests.push((socket) => isIn(any, socket, SOURCE_AT) || isIn(any, socket, DESTINATION_AT));
  const local = prefixes("local", flags.local);
  if (local) tests.push((socket) => isIn(local, socket, SOURCE_AT));
  const remote = prefixes("remote", flags.remote);
  if (remote) tests.push((socket) => isIn(remote, socket, DESTINATION_AT));
  if (flags["exclude-local"]) {
    tests.push(({ family, bytes, start }) =>
      !isLocal(family, bytes, start + SOURCE_AT) && !isLocal(family, bytes, start + DESTINATION_AT)
    );
  }
  return (socket) => tests.every((test) => test(socket));
}

/** The bits 1 << state of the states that are named; undefined for all of them. */
export function stateBits(names: readonly string[]): number | undefined {
  let bits = 0;
  for (const name of names.flatMap((text) => text.split(","))) {
    const plain = name.trim().toLowerCase().replaceAll("-", "_");
    const number = STATE_NAMES.indexOf(plain) + 1;
    const group = number > 0 ? [number] : STATE_GROUPS[plain];
    if (group === undefined) {
      const known = [...STATE_NAMES, ...Object.keys(STATE_GROUPS)].join(", ");
      throw new UsageError(`Cannot use --state ${name}: write one of ${known}`);
    }
    for (const state of group) bits |= 1 << state;
  }
  return bits === 0 ? undefined : bits;
}

function numbers(flag: string, texts: readonly string[], most: number): ReadonlySet<number> | undefined {
  const found = texts.flatMap((text) => text.split(",")).map((text) => {
    if (!/^[0-9]{1,10}$/.test(text) || Number(text) > most) {
      throw new UsageError(`Cannot use --${flag} ${text}: write a number from 0 to ${most}`);
    }
    return Number(text);
  });
  return found.length === 0 ? undefined : new Set(found);
}

/** Leading bits of an address of 4 or 16 bytes. */
interface Prefix {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

function prefixes(flag: string, texts: readonly string[]): readonly Prefix[] | undefined {
  const found = texts.flatMap((text) => text.split(",")).map((text) => parsePrefix(flag, text));
  return found.length === 0 ? undefined : found;
}

function parsePrefix(flag: string, text: string): Prefix {
  const [, address = "", length] = /^\[?([^/\]]*)\]?(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bytes = parseIpv4(address) ?? parseIpv6(address);
  const most = 8 * (bytes?.length ?? 0);
  const bits = length === undefined ? most : Number(length);
  if (bytes === undefined || bits > most) {
    throw new UsageError(`Cannot use --${flag} ${text}: write an IP address, or a prefix such as 192.0.2.0/24`);
  }
  // An IPv4 address that is written as a mapped one is the same address.
  return bytes.length === 16 && isMapped(bytes) && bits >= 96
    ? { bytes: bytes.subarray(12), bits: bits - 96 }
    : { bytes, bits };
}

function isIn(prefixes: readonly Prefix[], { family, bytes, start }: SocketMessage, at: number): boolean {
  const all = bytes.subarray(start + at, start + at + 16);
  const address = family === 2 ? all.subarray(0, 4) : isMapped(all) ? all.subarray(12) : all;
  return prefixes.some((prefix) => prefix.bytes.length === address.length && hasPrefix(address, prefix));
}

function hasPrefix(address: Uint8Array, { bytes, bits }: Prefix): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== bytes[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (address[whole]! ^ bytes[whole]!) >> 8 - rest === 0; // bits is at most those of the address
}
