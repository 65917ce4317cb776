/** Writes BMP messages, for tests and benches. */
import { ByteWriter } from "../../bytes/mod.ts";
import { parsePrefix } from "../enrich/prefix.ts";
import { parseAddressWords } from "../address.ts";
import { Afi, Safi } from "./nlri.ts";

/** A peer as headers tell it. */
export interface TestPeer {
  readonly address?: string;
  readonly asn?: number;
  readonly type?: number;
  readonly flags?: number;
  readonly distinguisher?: bigint;
}

/** A prefix of an update. */
export interface TestPrefix {
  readonly prefix: string;
  readonly pathId?: number;
  readonly labels?: readonly number[];
  readonly rd?: bigint;
}

/** An update; what is absent is left out. */
export interface TestUpdate {
  readonly withdrawn?: readonly TestPrefix[];
  readonly announced?: readonly TestPrefix[];
  readonly nextHop?: string;
  /** Segments: their type and AS numbers. */
  readonly asPath?: readonly (readonly [type: number, asns: readonly number[]])[];
  readonly hasShortAs?: boolean;
  readonly communities?: readonly number[];
  readonly largeCommunities?: readonly number[];
  /** Eight octets each, in hexadecimal. */
  readonly extendedCommunities?: string;
  readonly reach?: {
    readonly afi: number;
    readonly safi: number;
    readonly nextHop: string;
    readonly prefixes: readonly TestPrefix[];
  };
  readonly unreach?: { readonly afi: number; readonly safi: number; readonly prefixes: readonly TestPrefix[] };
  /** Attributes as they are. */
  readonly raw?: Uint8Array;
}

/** A whole message of a type. */
export function bmpMessage(type: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  writer.u8(3);
  writer.u32be(6 + body.length);
  writer.u8(type);
  writer.bytes(body);
  return writer.view().slice();
}

export function initiation(name = "edge1"): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(name);
  return bmpMessage(4, new Uint8Array([0, 2, 0, text.length, ...text]));
}

function octetsOf(address: string, mapped = false): Uint8Array {
  const octets = new Uint8Array(parseAddressWords(address)!.buffer);
  return address.includes(":") || mapped ? octets : octets.subarray(12);
}

function peerHeader(
  { address = "192.0.2.1", asn = 64_500, type = 0, flags, distinguisher = 0n }: TestPeer,
): Uint8Array {
  const writer = new ByteWriter();
  const octets = octetsOf(address);
  writer.u8(type);
  writer.u8(flags ?? (address.includes(":") ? 0x80 : 0));
  writer.u64be(distinguisher);
  writer.bytes(new Uint8Array(16 - octets.length));
  writer.bytes(octets);
  writer.u32be(asn);
  writer.u32be(0x0a00_0001);
  writer.u32be(1_700_000_000);
  writer.u32be(0);
  return writer.view().slice();
}

/** What both sides said of path ids: `[AFI, SAFI, mode]`. */
export type Modes = readonly (readonly [afi: number, safi: number, mode: number])[];

function open(modes: Modes, isExtended: boolean): Uint8Array {
  const capability = new Uint8Array(modes.flatMap(([afi, safi, mode]) => [afi >> 8, afi & 255, safi, mode]));
  const capabilities = [65, 4, 0, 0, 0xfc, 0x00, 69, capability.length, ...capability];
  const parameters = isExtended
    ? [2, 0, capabilities.length, ...capabilities]
    : [2, capabilities.length, ...capabilities];
  const size = isExtended ? [255, 255, 0, parameters.length] : [parameters.length];
  const body = [4, 0x5b, 0xa0, 0, 90, 10, 0, 0, 1, ...size, ...parameters];
  const length = 19 + body.length;
  return new Uint8Array([...new Array(16).fill(255), length >> 8, length & 255, 1, ...body]);
}

export function peerUp(
  peer: TestPeer,
  sent: Modes = [],
  received: Modes = [],
  isExtended = false,
): Uint8Array<ArrayBuffer> {
  return bmpMessage(
    3,
    new Uint8Array([
      ...peerHeader(peer),
      ...new Uint8Array(16),
      ...[0, 179, 200, 0],
      ...open(sent, isExtended),
      ...open(received, isExtended),
    ]),
  );
}

export function peerDown(peer: TestPeer): Uint8Array<ArrayBuffer> {
  return bmpMessage(2, new Uint8Array([...peerHeader(peer), 4]));
}

export function statistics(peer: TestPeer): Uint8Array<ArrayBuffer> {
  return bmpMessage(1, new Uint8Array([...peerHeader(peer), 0, 0, 0, 0]));
}

export function routeMonitoring(peer: TestPeer, update: TestUpdate): Uint8Array<ArrayBuffer> {
  return bmpMessage(0, new Uint8Array([...peerHeader(peer), ...encodeUpdate(update)]));
}

function nlri(prefixes: readonly TestPrefix[], afi: number = Afi.ipv4): Uint8Array {
  const writer = new ByteWriter();
  for (const { prefix, pathId, labels = [], rd } of prefixes) {
    const { words, length } = parsePrefix(prefix)!;
    const isIpv4 = !prefix.includes(":");
    const octets = new Uint8Array(words.buffer as ArrayBuffer).subarray(isIpv4 ? 12 : 0);
    const bits = isIpv4 ? length - 96 : length;
    if (pathId !== undefined) writer.u32be(pathId);
    if (afi === Afi.l2vpn) {
      writer.u8(5);
      writer.u8(isIpv4 ? 34 : 58);
      writer.u64be(rd ?? 0n);
      writer.bytes(new Uint8Array(14));
      writer.u8(bits);
      writer.bytes(octets);
      writer.bytes(new Uint8Array(octets.length + 3));
      continue;
    }
    writer.u8(bits + 24 * labels.length + (rd === undefined ? 0 : 64));
    for (const label of labels) {
      writer.u8(label >> 16);
      writer.u8(label >> 8 & 255);
      writer.u8(label & 255);
    }
    if (rd !== undefined) writer.u64be(rd);
    writer.bytes(octets.subarray(0, bits + 7 >> 3));
  }
  return writer.view().slice();
}

function attribute(type: number, value: Uint8Array): number[] {
  return [0x50, type, value.length >> 8, value.length & 255, ...value];
}

function numbers(values: readonly number[], width: 2 | 4): number[] {
  return values.flatMap((value) =>
    width === 2 ? [value >> 8 & 255, value & 255] : [value >>> 24, value >> 16 & 255, value >> 8 & 255, value & 255]
  );
}

/** A BGP UPDATE. */
export function encodeUpdate(update: TestUpdate): Uint8Array<ArrayBuffer> {
  const { withdrawn = [], announced = [], nextHop, asPath, communities, largeCommunities, reach, unreach } = update;
  const attributes: number[] = [];
  if (asPath !== undefined) {
    const width = update.hasShortAs ? 2 : 4;
    attributes.push(...attribute(1, new Uint8Array([0])));
    const segments = asPath.flatMap(([type, asns]) => [type, asns.length, ...numbers(asns, width)]);
    attributes.push(...attribute(2, new Uint8Array(segments)));
  }
  if (nextHop !== undefined) attributes.push(...attribute(3, octetsOf(nextHop)));
  if (communities !== undefined) attributes.push(...attribute(8, new Uint8Array(numbers(communities, 4))));
  if (update.extendedCommunities !== undefined) {
    attributes.push(...attribute(16, Uint8Array.fromHex(update.extendedCommunities)));
  }
  if (largeCommunities !== undefined) attributes.push(...attribute(32, new Uint8Array(numbers(largeCommunities, 4))));
  if (reach !== undefined) {
    const { afi, safi, prefixes } = reach;
    const hop = [...new Uint8Array(safi === Safi.vpn ? 8 : 0), ...octetsOf(reach.nextHop)];
    const head = [afi >> 8, afi & 255, safi, hop.length, ...hop, 0];
    attributes.push(...attribute(14, new Uint8Array([...head, ...nlri(prefixes, afi)])));
  }
  if (unreach !== undefined) {
    const { afi, safi, prefixes } = unreach;
    attributes.push(...attribute(15, new Uint8Array([afi >> 8, afi & 255, safi, ...nlri(prefixes, afi)])));
  }
  if (update.raw !== undefined) attributes.push(...update.raw);
  const gone = nlri(withdrawn);
  const body = [gone.length >> 8, gone.length & 255, ...gone, attributes.length >> 8, attributes.length & 255];
  const rest = [...body, ...attributes, ...nlri(announced)];
  const length = 19 + rest.length;
  return new Uint8Array([...new Array(16).fill(255), length >> 8, length & 255, 2, ...rest]);
}
