/** What the readers of the inlet and the other threads say to each other. */
import type { RawFlowSettings } from "../raw_flow.ts";
import type { Parcel } from "./parcel.ts";

/** Words of the memory that the readers of a listener share with who takes their datagrams. */
export const Control = {
  /** 1 ends the readers. */
  stop: 0,
  /** Datagrams that were handed over and are not done with. */
  queued: 1,
  length: 2,
} as const;

/** How long a reader waits for a datagram before it looks around. */
export const RECEIVE_TIMEOUT_MS = 20;

/** What a reader is started with. */
export interface ReaderStart {
  readonly fd: number;
  readonly settings: RawFlowSettings;
  readonly control: Int32Array<SharedArrayBuffer>;
  /** Datagrams that may be queued before a reader waits, and the kernel's queue grows instead. */
  readonly queueSize: number;
  /** Where its parcels go. */
  readonly port: MessagePort;
  readonly maxExporters: number;
}

/** What a reader sends by its port. */
export type FromReaderPort =
  | { readonly kind: "parcel"; readonly parcel: Parcel }
  | { readonly kind: "end" };

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
