/** What the heart yields: connections that are new, records that say something new, connections that are gone. */
import type { ConnectionId } from "./events_wire.ts";

/** Why a connection counts as gone. */
export type CloseReason =
  /** Absent from dumps, or unknown to the kernel when asked. */
  | "absent"
  /** The kernel said that it freed the socket. */
  | "destroyed"
  /** The agent stopped; the connection itself may go on. */
  | "shutdown";

/** A connection was seen for the first time. It comes before the connection's first {@linkcode Snapshot}. */
export interface Opened {
  readonly kind: "open";
  /** Time of the dump or notification, Unix milliseconds. */
  readonly timeMs: number;
  /** The same, RFC 3339 in UTC. */
  readonly timestamp: string;
  /** `PREFIX_COOKIE`, the cookie as 16 upper-case hex digits. */
  readonly uuid: string;
  readonly id: ConnectionId;
}

/** A connection is gone. Each that was opened closes once. */
export interface Closed {
  readonly kind: "close";
  /** When that was concluded, Unix milliseconds. */
  readonly timeMs: number;
  /** The same, RFC 3339 in UTC. */
  readonly timestamp: string;
  readonly uuid: string;
  readonly reason: CloseReason;
  readonly summary: ConnectionSummary;
}

/** What is known of a connection at its end. */
export interface ConnectionSummary {
  /** The remote address: 4 bytes (also of an IPv4-mapped one) or 16. */
  readonly remote: Uint8Array;
  /** From the first sighting to the last, in milliseconds. */
  readonly durationMs: number;
  /** `bytes_sent`, retransmissions included. */
  readonly sentBytes: number;
  /** `bytes_received`; a FIN counts as one. */
  readonly receivedBytes: number;
  /** `bytes_retrans`. */
  readonly retransmittedBytes: number;
  /** `total_retrans`: segments. */
  readonly retransmits: number;
  /** Smoothed, as last told, in microseconds; NaN if it never was. */
  readonly rttUs: number;
  /** In microseconds; NaN if it never was told. */
  readonly minRttUs: number;
}

/** What differs between a record and the one of the poll before; the numbers are those of M-Lab's tcp-info. */
export const Change = {
  none: 0,
  /** `idiag_state`. */
  state: 1,
  /** `tcp_info` came or went. */
  noTcpInfo: 2,
  newAttribute: 3,
  lostAttribute: 4,
  attributeLength: 5,
  /** What `tcp_info` counts, but for what only tells of time. */
  stateOrCounter: 6,
  /** Defined, and never found. */
  packetCount: 7,
  /** There is no record before it. */
  first: 8,
  /** Another attribute's bytes. */
  other: 9,
} as const;
export type Change = (typeof Change)[keyof typeof Change];

/** Names of {@linkcode Change} by number. */
export const CHANGE_NAMES: readonly string[] = [
  "NoMajorChange",
  "IDiagStateChange",
  "NoTCPInfo",
  "NewAttribute",
  "LostAttribute",
  "AttributeLength",
  "StateOrCounterChange",
  "PacketCountChange",
  "PreviousWasNil",
  "Other",
];

/**
 * A record that is worth keeping. The object and its bytes are used again for the next one: whoever keeps them copies them.
 */
export interface Snapshot {
  /** Number of the connection while it is open; used again once it has closed. */
  readonly slot: number;
  /** The socket's cookie in two halves. */
  readonly cookieLow: number;
  readonly cookieHigh: number;
  /** Time of the dump or notification, Unix milliseconds. */
  readonly timeMs: number;
  /** By a clock that never steps back, in milliseconds. */
  readonly monotonicMs: number;
  readonly change: Change;
  /** `struct inet_diag_msg` and its attributes are `bytes[start, end)`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Where changes go, in the order in which they came about. */
export interface ChangeSink {
  opened(opened: Opened, slot: number): void;
  snapshot(snapshot: Snapshot): void;
  closed(closed: Closed, slot: number): void;
}

/** Unix milliseconds as RFC 3339 in UTC, without zeros at the end of the fraction: `2024-02-29T23:59:59.12Z`. */
export function rfc3339(timeMs: number): string {
  const text = new Date(timeMs).toISOString();
  let end = text.length - 1; // before the Z
  while (text[end - 1] === "0") end--;
  return text.slice(0, text[end - 1] === "." ? end - 1 : end) + "Z";
}
