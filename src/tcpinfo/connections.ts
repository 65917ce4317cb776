import { CookieTable, resized } from "./cookie_table.ts";
import { RecordStore } from "./record_store.ts";
import { Attribute } from "./wire_attributes.ts";
import { DESTINATION_AT, type SocketMessage } from "./wire.ts";
import { isMapped } from "./wire_address.ts";
import type { ConnectionSummary } from "./changes.ts";

/** Bits of what is known of a connection. */
export const Flag = {
  /** The last record has `tcp_info`. */
  info: 1,
  /** The kernel said that it freed the socket. */
  destroyed: 2,
  /** The kernel, asked, does not know it in a state that is watched. */
  gone: 4,
} as const;

/** Where counters stand in `struct tcp_info`. */
const RTT_AT = 68;
const TOTAL_RETRANS_AT = 100;
const BYTES_RECEIVED_AT = 128;
const MIN_RTT_AT = 148;
const BYTES_SENT_AT = 200;
const BYTES_RETRANS_AT = 208;

/**
 * The connections that are open, by slot: arrays, so that a poll of thousands allocates nothing. Its byte counters never
 * fall: what a record does not tell, or tells less of, is what was known before.
 */
export class Connections {
  readonly table: CookieTable = new CookieTable();
  readonly records: RecordStore = new RecordStore();

  /** 0 where the slot is free. */
  family: Uint8Array<ArrayBuffer>;
  flags: Uint8Array<ArrayBuffer>;
  /** Complete dumps in a row that did not have it. */
  absences: Uint8Array<ArrayBuffer>;
  /** Number of the cycle that has seen it last. */
  seenCycle: Float64Array<ArrayBuffer>;
  /** By the monotonic clock: when it was absent for the first time in a row. */
  absentSinceMs: Float64Array<ArrayBuffer>;
  firstMs: Float64Array<ArrayBuffer>;
  lastMs: Float64Array<ArrayBuffer>;
  sent: Float64Array<ArrayBuffer>;
  received: Float64Array<ArrayBuffer>;
  #retransmitted: Float64Array<ArrayBuffer>;
  #retransmits: Float64Array<ArrayBuffer>;
  #rttUs: Float64Array<ArrayBuffer>;
  #minRttUs: Float64Array<ArrayBuffer>;

  /** Of all connections, those that have closed included. */
  sentBytes = 0;
  receivedBytes = 0;

  constructor() {
    const { slots } = this.table;
    this.family = new Uint8Array(slots);
    this.flags = new Uint8Array(slots);
    this.absences = new Uint8Array(slots);
    this.seenCycle = new Float64Array(slots);
    this.absentSinceMs = new Float64Array(slots);
    this.firstMs = new Float64Array(slots);
    this.lastMs = new Float64Array(slots);
    this.sent = new Float64Array(slots);
    this.received = new Float64Array(slots);
    this.#retransmitted = new Float64Array(slots);
    this.#retransmits = new Float64Array(slots);
    this.#rttUs = new Float64Array(slots);
    this.#minRttUs = new Float64Array(slots);
  }

  /** Connections open. */
  get size(): number {
    return this.table.size;
  }

  /** A slot for a socket that has none. `sent` and `received` bytes of it were counted before, under the same cookie. */
  add(message: SocketMessage, timeMs: number, sent: number, received: number): number {
    const slot = this.table.add(message.cookieLow, message.cookieHigh);
    if (this.family.length < this.table.slots) this.#grow(this.table.slots);
    this.family[slot] = message.family;
    this.flags[slot] = 0;
    this.absences[slot] = 0;
    this.firstMs[slot] = timeMs;
    this.sent[slot] = sent;
    this.received[slot] = received;
    this.#retransmitted[slot] = 0;
    this.#retransmits[slot] = 0;
    this.#rttUs[slot] = NaN;
    this.#minRttUs[slot] = NaN;
    return slot;
  }

  /** Frees the slot. */
  remove(slot: number): void {
    this.family[slot] = 0;
    this.records.remove(slot);
    this.table.remove(slot);
  }

  /** Takes in a record: its counters, and itself as the last one. */
  take(slot: number, message: SocketMessage, timeMs: number): void {
    this.lastMs[slot] = timeMs;
    this.records.put(slot, message.bytes, message.start, message.end);
    this.flags[slot]! &= ~Flag.info;
    if (!message.has(Attribute.info)) return;
    this.flags[slot]! |= Flag.info;
    this.count(slot, message);
  }

  /** Takes in a record's counters alone; the record has `tcp_info`. */
  count(slot: number, message: SocketMessage): void {
    const { view } = message;
    const at = message.at(Attribute.info), length = message.length(Attribute.info);
    const sent = sentBytes(message), received = receivedBytes(message);
    if (sent > this.sent[slot]!) {
      this.sentBytes += sent - this.sent[slot]!;
      this.sent[slot] = sent;
    }
    if (received > this.received[slot]!) {
      this.receivedBytes += received - this.received[slot]!;
      this.received[slot] = received;
    }
    if (length >= RTT_AT + 4) this.#rttUs[slot] = view.getUint32(at + RTT_AT, true);
    if (length >= TOTAL_RETRANS_AT + 4) {
      this.#retransmits[slot] = Math.max(this.#retransmits[slot]!, view.getUint32(at + TOTAL_RETRANS_AT, true));
    }
    if (length >= MIN_RTT_AT + 4) this.#minRttUs[slot] = view.getUint32(at + MIN_RTT_AT, true);
    if (length >= BYTES_RETRANS_AT + 8) {
      this.#retransmitted[slot] = Math.max(this.#retransmitted[slot]!, u64(view, at + BYTES_RETRANS_AT));
    }
  }

  /** What is known of it. */
  summary(slot: number): ConnectionSummary {
    const record = this.records.get(slot);
    const at = record.start + DESTINATION_AT;
    const remote = record.bytes.slice(at, at + (record.family === 2 ? 4 : 16));
    return {
      remote: remote.length === 16 && isMapped(remote) ? remote.slice(12) : remote,
      durationMs: Math.max(0, this.lastMs[slot]! - this.firstMs[slot]!),
      sentBytes: this.sent[slot]!,
      receivedBytes: this.received[slot]!,
      retransmittedBytes: this.#retransmitted[slot]!,
      retransmits: this.#retransmits[slot]!,
      rttUs: this.#rttUs[slot]!,
      minRttUs: this.#minRttUs[slot]!,
    };
  }

  #grow(slots: number): void {
    this.family = resized(this.family, new Uint8Array(slots));
    this.flags = resized(this.flags, new Uint8Array(slots));
    this.absences = resized(this.absences, new Uint8Array(slots));
    this.seenCycle = resized(this.seenCycle, new Float64Array(slots));
    this.absentSinceMs = resized(this.absentSinceMs, new Float64Array(slots));
    this.firstMs = resized(this.firstMs, new Float64Array(slots));
    this.lastMs = resized(this.lastMs, new Float64Array(slots));
    this.sent = resized(this.sent, new Float64Array(slots));
    this.received = resized(this.received, new Float64Array(slots));
    this.#retransmitted = resized(this.#retransmitted, new Float64Array(slots));
    this.#retransmits = resized(this.#retransmits, new Float64Array(slots));
    this.#rttUs = resized(this.#rttUs, new Float64Array(slots));
    this.#minRttUs = resized(this.#minRttUs, new Float64Array(slots));
  }
}

/** `bytes_sent` of a message with `tcp_info`; 0 where it is too short to tell. */
export function sentBytes(message: SocketMessage): number {
  return counter(message, BYTES_SENT_AT);
}

/** `bytes_received`, likewise. */
export function receivedBytes(message: SocketMessage): number {
  return counter(message, BYTES_RECEIVED_AT);
}

function counter(message: SocketMessage, offset: number): number {
  if (message.length(Attribute.info) < offset + 8) return 0;
  return u64(message.view, message.at(Attribute.info) + offset);
}

/** Exact below 2^53, which 9 PB are. */
function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}
