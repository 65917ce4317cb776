/** What the threads of the tcpinfo source say to each other. */
import type { LogLevel } from "../telemetry/mod.ts";
import type { Closed, Opened } from "./changes.ts";
import type { Anonymization, TcpinfoConfig } from "./config.ts";

/** Words of the memory that all threads share. */
export const Control = { stop: 0, hurry: 1, length: 2 } as const;

/** A marshaller that has so many bytes before it makes the poll wait. */
export const MOST_IN_FLIGHT_BYTES = 512 * 1024;

/** Memory that all threads share. */
export interface Shared {
  /** By {@linkcode Control}: 1 ends the polls; 1 gives files their names without forcing them to the disk. */
  readonly control: Int32Array<SharedArrayBuffer>;
  /** Bytes on their way to each marshaller. */
  readonly inFlight: Int32Array<SharedArrayBuffer>;
}

/** What the poll worker is started with. */
export interface PollStart {
  readonly config: TcpinfoConfig;
  readonly uuidPrefix: string;
  readonly shared: Shared;
  readonly stats: Float64Array<SharedArrayBuffer>;
  /** To the marshallers. */
  readonly ports: readonly MessagePort[];
  readonly reportsEvents: boolean;
}

/** What the poll worker tells the main thread. */
export type FromPoll =
  | { readonly kind: "started" }
  /** Netlink is not to be had. */
  | { readonly kind: "unavailable"; readonly message: string }
  | { readonly kind: "log"; readonly level: LogLevel; readonly message: string }
  | { readonly kind: "events"; readonly events: readonly (Opened | Closed)[] }
  | { readonly kind: "stopped" };

/** What the poll worker tells a marshaller: tasks, or that there are no more. */
export type ToMarshaller = Uint8Array<ArrayBuffer> | null;

/** What a marshaller is started with. */
export interface MarshallerStart {
  readonly index: number;
  readonly directory: string;
  readonly uuidPrefix: string;
  readonly fileAgeLimitMs: number;
  readonly flushIntervalMs: number;
  readonly bufferBytes: number;
  readonly fsync: boolean;
  readonly anonymizeIp: Anonymization;
  readonly shared: Shared;
  readonly stats: Float64Array<SharedArrayBuffer>;
  /** From the poll worker. */
  readonly port: MessagePort;
}

/** What a marshaller tells the main thread. */
export type FromMarshaller =
  | { readonly kind: "started" }
  | { readonly kind: "warn"; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: "stopped" };

/** Milliseconds that mean the same on every thread of the process, and never step back. */
export function sharedMonotonicMs(): number {
  return performance.timeOrigin + performance.now();
}
