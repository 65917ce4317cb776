/** What the readers of the inlet and the other threads say to each other. */
import type { RawFlowSettings } from "../raw_flow.ts";
import type { Parcel, ParcelPool } from "./parcel.ts";

/** Words of the memory that the readers of a listener share with who takes their datagrams. */
export const Control = {
  /** 1 ends the readers. */
  stop: 0,
  /** Datagrams that were handed over and are not done with. */
  queued: 1,
  length: 2,
} as const;

/** The longest datagram there is. */
export const DATAGRAM_BYTES = 65_535;
/** Datagrams that a reader takes in one call. */
export const RECEIVE_DATAGRAMS = 64;
/** A parcel of this size is handed on at once. */
export const PARCEL_BYTES = 512 * 1024;
/** Buffers of a reader: as many megabytes as half of them, where all are in use. */
export const POOL_BUFFERS = 16;

/** How long a reader waits for a datagram before it looks around. */
export const RECEIVE_TIMEOUT_MS = 20;

/** What a reader is started with. */
export interface ReaderStart {
  readonly fd: number;
  readonly settings: RawFlowSettings;
  readonly control: Int32Array<SharedArrayBuffer>;
  /** Octets that the kernel keeps for it, as it was asked for them. */
  readonly receiveBufferBytes: number;
  /** Datagrams that may be queued before a reader waits, and the kernel's queue grows instead. */
  readonly queueSize: number;
  /** Where its parcels go. */
  readonly port: MessagePort;
  readonly maxExporters: number;
  /** Where its parcels lie. */
  readonly pool: ParcelPool;
}

/** What a reader sends by its port. */
export type FromReaderPort =
  | {
    readonly kind: "parcel";
    readonly count: number;
    readonly octets: Uint8Array;
    readonly slot?: undefined;
    readonly length: number;
  }
  /** In a buffer of the pool. */
  | { readonly kind: "parcel"; readonly count: number; readonly slot: number; readonly length: number }
  | { readonly kind: "end" };

/** Sends a parcel by a port. */
export function postParcel(port: MessagePort, { octets, count, slot }: Parcel): void {
  const { length } = octets;
  if (slot !== undefined) port.postMessage({ kind: "parcel", count, slot, length } satisfies FromReaderPort);
  else {port.postMessage({ kind: "parcel", count, octets, length } satisfies FromReaderPort, [
      octets.buffer as ArrayBuffer,
    ]);}
}

/** How a listener's readers and who takes their datagrams are joined. */
export type Connect = (port: MessagePort, control: Int32Array<SharedArrayBuffer>, pool: ParcelPool) => void;

/** What came of one exporter since the last report. */
export interface ExporterReceived {
  readonly exporter: string;
  readonly packets: number;
  readonly bytes: number;
}

/** What was received since the last report. */
export interface Received {
  readonly exporters: readonly ExporterReceived[];
  /** Datagrams that were longer than what is taken, and dropped. */
  readonly truncated: number;
  /** Datagrams beside which there was more than there is room for. */
  readonly controlTruncated: number;
  readonly errors: number;
}

/** What a reader tells the main thread. */
export type FromReader =
  | { readonly kind: "started" }
  | { readonly kind: "received"; readonly received: Received }
  | { readonly kind: "receiveError"; readonly message: string }
  | { readonly kind: "stopped" };
