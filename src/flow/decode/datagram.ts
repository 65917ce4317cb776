/** What a decoder is given beside the payload. */

/** Where TimeReceived comes from. The order is that of the field `timestamp_source` of a raw flow. */
export const TIMESTAMP_SOURCES = ["input", "netflow-packet", "netflow-first-switched"] as const;
export type TimestampSource = (typeof TIMESTAMP_SOURCES)[number];

/** Which tunnel the packets of an input are in. The order is that of the field `decapsulation_protocol` of a raw flow. */
export const DECAPSULATIONS = ["none", "ipip", "gre", "vxlan", "srv6"] as const;
export type Decapsulation = (typeof DECAPSULATIONS)[number];

/** One received datagram. */
export interface Datagram {
  /** The payload; read, never kept. */
  readonly payload: Uint8Array;
  /** Who sent it: four words of an address as it lies in memory, IPv4 mapped. */
  readonly source: Uint32Array;
  /** Unix seconds of receipt. */
  readonly timeS: number;
  readonly timestampSource: TimestampSource;
  readonly decapsulation: Decapsulation;
  /** The exporter is the sender, whatever the datagram says (sFlow's agent address). */
  readonly useSourceAddress: boolean;
}

/** What is told of the inside of datagrams, beside rows; for people who look at one. */
export interface Trace {
  template?(template: TracedTemplate): void;
  /** The values of an options record by the names or numbers of their elements. */
  options?(fields: Readonly<Record<string, number | bigint | string>>): void;
  skipped?(what: "sample" | "record", enterprise: number, format: number): void;
}

/** A template as it was accepted. */
export interface TracedTemplate {
  readonly id: number;
  readonly domain: number;
  readonly options: boolean;
  /** Enterprise number (0: none), element, length (65535: variable). */
  readonly fields: readonly (readonly [pen: number, id: number, length: number])[];
}

/** The buffer of the payload last seen as octets and as a view, so that payloads of one buffer share both. */
export class PayloadView {
  #buffer: ArrayBufferLike | null = null;
  octets: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));

  /** Looks at the whole buffer behind `payload`; its first octet is at `payload.byteOffset`. */
  see(payload: Uint8Array): void {
    const { buffer } = payload;
    if (buffer === this.#buffer) return;
    this.#buffer = buffer;
    this.octets = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }
}
