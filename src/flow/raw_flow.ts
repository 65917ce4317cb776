/** One datagram on its way from inlet to outlet: the protobuf message `RawFlow`, as it stands in Kafka. */
import { ByteError, ProtoReader, ProtoWriter } from "../bytes/mod.ts";
import { type Datagram, type Decapsulation, DECAPSULATIONS } from "./decode/datagram.ts";
import { TIMESTAMP_SOURCES, type TimestampSource } from "./decode/datagram.ts";
import { MAPPED_WORD } from "./columns_pool.ts";

/** What decodes an input's datagrams. */
export const DECODERS = ["netflow", "sflow"] as const;
export type FlowDecoder = (typeof DECODERS)[number];

/** Version of the message in the topic's name; it changes with every incompatible change of the message. */
export const RAW_FLOW_VERSION = 5;

/** What is the same for all datagrams of an input. */
export interface RawFlowSettings {
  readonly decoder: FlowDecoder;
  readonly timestampSource: TimestampSource;
  readonly decapsulation: Decapsulation;
  readonly useSourceAddress: boolean;
  /** Flows a second and exporter; 0: no limit. */
  readonly rateLimit: number;
}

/** Fields of the message. */
const Field = {
  timeReceived: 1,
  payload: 2,
  sourceAddress: 3,
  useSourceAddress: 4,
  decoder: 5,
  timestampSource: 6,
  decapsulation: 7,
  rateLimit: 8,
} as const;

/** Octets that a message takes at most beside its payload: time, two lengths, the address, what is the same for all. */
export const RAW_FLOW_OVERHEAD = 64;

/** Copies `from[start, start + length)` to `into[at]`. */
export type CopyOctets = (into: Uint8Array, at: number, from: Uint8Array, start: number, length: number) => void;

const copyOctets: CopyOctets = (into, at, from, start, length) => into.set(from.subarray(start, start + length), at);

/** Writes messages of one input in place; a datagram costs a copy of its payload and some 30 stores. */
export class RawFlowEncoder {
  /** The fields that all messages have in common, encoded. */
  readonly #common: Uint8Array;
  readonly #copy: CopyOctets;

  /** @param copy how payloads are copied */
  constructor(
    { decoder, timestampSource, decapsulation, useSourceAddress, rateLimit }: RawFlowSettings,
    copy: CopyOctets = copyOctets,
  ) {
    this.#copy = copy;
    const writer = new ProtoWriter(32);
    if (useSourceAddress) writer.bool(Field.useSourceAddress, true);
    writer.varint(Field.decoder, DECODERS.indexOf(decoder) + 1);
    const source = TIMESTAMP_SOURCES.indexOf(timestampSource), tunnel = DECAPSULATIONS.indexOf(decapsulation);
    if (source > 0) writer.varint(Field.timestampSource, source);
    if (tunnel > 0) writer.varint(Field.decapsulation, tunnel);
    if (rateLimit > 0) writer.varint(Field.rateLimit, rateLimit);
    this.#common = writer.copy();
  }

  /**
   * Writes a message at `at`; there must be room for the payload and {@linkcode RAW_FLOW_OVERHEAD} octets.
   *
   * @param timeS whole Unix seconds
   * @param from where the payload stands
   * @param source 16 octets from `sourceAt`, IPv4 mapped
   * @returns the offset behind it
   */
  write(
    into: Uint8Array,
    at: number,
    timeS: number,
    from: Uint8Array,
    start: number,
    length: number,
    source: Uint8Array,
    sourceAt: number,
  ): number {
    if (timeS > 0) {
      into[at++] = Field.timeReceived << 3;
      at = writeVarint(into, at, timeS);
    }
    if (length > 0) {
      into[at++] = Field.payload << 3 | 2;
      at = writeVarint(into, at, length);
      this.#copy(into, at, from, start, length);
      at += length;
    }
    into[at++] = Field.sourceAddress << 3 | 2;
    into[at++] = 16;
    for (let i = 0; i < 16; i++) into[at + i] = source[sourceAt + i]!;
    at += 16;
    const common = this.#common;
    for (let i = 0; i < common.length; i++) into[at + i] = common[i]!;
    return at + common.length;
  }
}

function writeVarint(into: Uint8Array, at: number, value: number): number {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) into[at++] = rest % 0x80 | 0x80;
  into[at++] = rest;
  return at;
}

/** A message that was read: the object is filled anew for the next, its payload is a view of the octets it came in. */
export class RawFlow implements Datagram {
  payload: Uint8Array = new Uint8Array(0);
  readonly source: Uint32Array<ArrayBuffer> = new Uint32Array(4);
  timeS = 0;
  timestampSource: TimestampSource = "input";
  decapsulation: Decapsulation = "none";
  useSourceAddress = false;
  decoder: FlowDecoder = "netflow";
  /** Flows a second and exporter; 0: no limit. */
  rateLimit = 0;
  readonly #sourceOctets = new Uint8Array(this.source.buffer);

  /**
   * Reads `octets[start, end)`. Unknown fields are passed over, of several the last counts.
   *
   * @returns whether it is such a message; if not, its fields mean nothing
   */
  read(octets: Uint8Array, start = 0, end: number = octets.length): boolean {
    this.payload = octets.subarray(start, start);
    this.source.fill(0);
    this.timeS = 0;
    this.timestampSource = "input";
    this.decapsulation = "none";
    this.useSourceAddress = false;
    this.rateLimit = 0;
    let decoder = 0;
    try {
      const reader = new ProtoReader(octets, start, end);
      for (let field = reader.next(); field !== 0; field = reader.next()) {
        if (field === Field.decoder) decoder = reader.varint();
        else if (!this.#field(field, reader)) return false;
      }
    } catch (error) {
      if (error instanceof ByteError) return false;
      throw error;
    }
    const known = DECODERS[decoder - 1];
    if (known === undefined) return false;
    this.decoder = known;
    return true;
  }

  #field(field: number, reader: ProtoReader): boolean {
    switch (field) {
      case Field.timeReceived:
        this.timeS = reader.varint();
        return true;
      case Field.payload:
        this.payload = reader.bytes();
        return true;
      case Field.sourceAddress:
        return this.#readSource(reader.bytes());
      case Field.useSourceAddress:
        this.useSourceAddress = reader.bool();
        return true;
      case Field.timestampSource: {
        const source = TIMESTAMP_SOURCES[reader.varint()];
        this.timestampSource = source ?? "input";
        return source !== undefined;
      }
      case Field.decapsulation: {
        const tunnel = DECAPSULATIONS[reader.varint()];
        this.decapsulation = tunnel ?? "none";
        return tunnel !== undefined;
      }
      case Field.rateLimit:
        this.rateLimit = reader.varint();
        return true;
      default:
        reader.skip();
        return true;
    }
  }

  #readSource(octets: Uint8Array): boolean {
    if (octets.length === 16) this.#sourceOctets.set(octets);
    else if (octets.length === 4) {
      this.source.fill(0);
      this.source[2] = MAPPED_WORD;
      this.#sourceOctets.set(octets, 12);
    } else return octets.length === 0;
    return true;
  }
}
