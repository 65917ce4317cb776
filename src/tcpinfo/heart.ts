/** The heart: sockets of dumps and notifications in, with the time; changes out. */
import type { DiagFamily, LookupOutcome } from "../linux/mod.ts";
import {
  Change,
  type ChangeSink,
  type Closed,
  type CloseReason,
  type Opened,
  rfc3339,
  type Snapshot,
} from "./changes.ts";
import { ClosedCookies } from "./closed_cookies.ts";
import { compareRecords } from "./compare.ts";
import { Connections, Flag, receivedBytes, sentBytes } from "./connections.ts";
import { At, Histogram, newStats, observe } from "./stats.ts";
import { TrafficRates } from "./traffic_rates.ts";
import { addressText } from "./wire_address.ts";
import { Attribute } from "./wire_attributes.ts";
import { Excluded, type Exclusion } from "./wire_exclusion.ts";
import { DESTINATION_AT, Refusal, SOCKET_ID_AT, SOCKET_ID_BYTES, SocketMessage, SOURCE_AT } from "./wire.ts";

/** How the heart judges. */
export interface HeartConfig {
  /** Connections' names are `PREFIX_COOKIE`. */
  readonly uuidPrefix: string;
  readonly exclusion: Exclusion;
  /** Bits 1 << state: a connection in another state is gone. */
  readonly states: number;
  readonly maxConnections: number;
  /** A connection that lived between two polls opens and closes like any other. */
  readonly missed: boolean;
  /**
   * How long a connection that is absent waits for the kernel's notification, which may come after the dump that lacks
   * it, in milliseconds; 0 where there are none.
   */
  readonly graceMs: number;
}

/** Asks the kernel about one socket. `bytes[at, at + 48)` is its identity, cookie included. */
export interface Lookup {
  find(family: DiagFamily, bytes: Uint8Array, at: number): LookupOutcome;
  /** The answer, if it was found. */
  readonly bytes: Uint8Array;
  readonly start: number;
}

/** Which families' dumps were read to their end. */
export interface CompleteFamilies {
  readonly inet: boolean;
  readonly inet6: boolean;
}

/** So many complete dumps in a row without a connection say that it is gone. */
const MOST_ABSENCES = 3;
/** Connections that the kernel is asked about in one cycle; the others wait for their third absence. */
const LOOKUPS_A_CYCLE = 256;

/**
 * Follows connections from poll to poll. A cycle is `beginCycle()`, `observe()` for each socket that the dumps have,
 * `notified()` for what the kernel told meanwhile, `endCycle()`; notifications may also come between cycles.
 *
 * One dump may lack a connection that lives: it is suspect until the kernel says that it is gone, has told that it freed the
 * socket, or three complete dumps in a row lack it.
 */
export class Heart {
  /** By {@linkcode At}. */
  readonly stats: Float64Array;
  readonly #config: HeartConfig;
  readonly #sink: ChangeSink;
  readonly #connections = new Connections();
  readonly #closed = new ClosedCookies();
  readonly #rates: TrafficRates;
  /** One a family, so that going from one dump's bytes to the other's makes no view. */
  readonly #messages = [new SocketMessage(), new SocketMessage()] as const;
  readonly #notice = new SocketMessage();
  #scratch: Uint8Array<ArrayBuffer> = new Uint8Array(2048);
  #cycle = 0;
  readonly #snapshot: { -readonly [Key in keyof Snapshot]: Snapshot[Key] };

  constructor(config: HeartConfig, sink: ChangeSink, stats: Float64Array = newStats()) {
    this.#config = config;
    this.#sink = sink;
    this.stats = stats;
    this.#rates = new TrafficRates(stats);
    this.#snapshot = {
      slot: 0,
      cookieLow: 0,
      cookieHigh: 0,
      timeMs: 0,
      monotonicMs: 0,
      change: Change.none,
      bytes: this.#scratch,
      start: 0,
      end: 0,
    };
  }

  /** Connections open. */
  get open(): number {
    return this.#connections.size;
  }

  beginCycle(): void {
    this.#cycle++;
  }

  /**
   * Takes in one socket of a dump: an `inet_diag_msg` and its attributes at `bytes[start, end)`.
   *
   * @param family whose dump it is
   * @param timeMs when the dump was read, Unix milliseconds
   * @returns why it is refused, if it is
   */
  observe(
    family: DiagFamily,
    bytes: Uint8Array,
    start: number,
    end: number,
    timeMs: number,
    monotonicMs: number,
  ): Refusal | "cookie" | "bound" {
    const { stats } = this;
    const message = this.#messages[family === 2 ? 0 : 1];
    stats[At.messages]!++;
    let refusal = message.loadHead(bytes, start, end);
    if (refusal !== Refusal.none) {
      stats[At.rejectedShort]!++;
      return refusal;
    }
    const excluded = this.#config.exclusion.reason(message);
    if (excluded !== Excluded.no) {
      stats[At.excludedSourcePort - 1 + excluded]!++;
      return Refusal.none;
    }
    refusal = message.loadAttributes();
    if (refusal !== Refusal.none) {
      stats[At.rejectedAttribute]!++;
      return refusal;
    }
    if (message.cookieLow === 0 && message.cookieHigh === 0) {
      stats[At.rejectedCookie]!++;
      return "cookie";
    }
    if (message.dropped > 0) stats[At.attributesDropped]! += message.dropped;
    if (message.duplicates > 0) stats[At.attributesRepeated]! += message.duplicates;
    const slot = this.#connections.table.find(message.cookieLow, message.cookieHigh);
    if (slot >= 0) this.#follow(slot, message, timeMs, monotonicMs);
    else if (this.#connections.size >= this.#config.maxConnections) {
      stats[At.rejectedBound]!++;
      return "bound";
    } else {
      this.#open(message, timeMs, monotonicMs);
      stats[At.archived]!++;
    }
    return Refusal.none;
  }

  /** A socket that is known. */
  #follow(slot: number, message: SocketMessage, timeMs: number, monotonicMs: number): void {
    const { stats } = this, connections = this.#connections;
    const again = connections.seenCycle[slot] === this.#cycle;
    const change = compareRecords(connections.records.get(slot), message);
    if (again) stats[At.duplicates]!++;
    else if (change === Change.none) stats[At.unchanged]!++;
    else stats[At.archived]!++;
    if (change !== Change.none) {
      stats[At.changed]!++;
      this.#emit(slot, message, change, timeMs, monotonicMs);
    }
    if (connections.absences[slot] !== 0) this.#reappear(slot);
    connections.seenCycle[slot] = this.#cycle;
    connections.take(slot, message, timeMs);
  }

  #reappear(slot: number): void {
    this.#connections.absences[slot] = 0;
    this.#connections.flags[slot]! &= ~Flag.gone;
    this.stats[At.suspects]!--;
  }

  /** A socket that is new. */
  #open(message: SocketMessage, timeMs: number, monotonicMs: number): number {
    const connections = this.#connections;
    const before = this.#closed.take(message.cookieLow, message.cookieHigh);
    const slot = connections.add(message, timeMs, before?.sent ?? 0, before?.received ?? 0);
    connections.seenCycle[slot] = this.#cycle;
    connections.take(slot, message, timeMs);
    this.stats[At.opened]!++;
    this.stats[At.open] = connections.size;
    this.#sink.opened(this.#opened(message, timeMs), slot);
    this.#emit(slot, message, Change.first, timeMs, monotonicMs);
    return slot;
  }

  #opened(message: SocketMessage, timeMs: number): Opened {
    const { bytes, start, family, cookieLow, cookieHigh } = message;
    const text = (at: number) => addressText(family, bytes.subarray(start + at, start + at + 16));
    return {
      kind: "open",
      timeMs,
      timestamp: rfc3339(timeMs),
      uuid: this.#uuid(cookieLow, cookieHigh),
      id: {
        sourcePort: message.sourcePort,
        destinationPort: message.destinationPort,
        source: text(SOURCE_AT),
        destination: text(DESTINATION_AT),
        interfaceIndex: message.interfaceIndex,
        cookie: BigInt(cookieHigh) << 32n | BigInt(cookieLow),
      },
    };
  }

  #uuid(cookieLow: number, cookieHigh: number): string {
    return connectionUuid(this.#config.uuidPrefix, cookieLow, cookieHigh);
  }

  #emit(slot: number, message: SocketMessage, change: Change, timeMs: number, monotonicMs: number): void {
    const snapshot = this.#snapshot;
    snapshot.slot = slot;
    snapshot.cookieLow = message.cookieLow;
    snapshot.cookieHigh = message.cookieHigh;
    snapshot.timeMs = timeMs;
    snapshot.monotonicMs = monotonicMs;
    snapshot.change = change;
    snapshot.bytes = message.bytes;
    snapshot.start = message.start;
    snapshot.end = message.end;
    this.stats[At.snapshots]!++;
    this.#sink.snapshot(snapshot);
  }

  /**
   * Takes in a notification that the kernel freed a socket: its `inet_diag_msg` and final `tcp_info`. Only the cookie of it
   * is to be relied on: after an abort the rest may be cleared, so the connection keeps its own addresses, and its counters
   * where they are larger.
   */
  notified(bytes: Uint8Array, start: number, end: number, timeMs: number, monotonicMs: number): void {
    const { stats } = this, notice = this.#notice;
    stats[At.notifications]!++;
    const isUsable = notice.load(bytes, start, end) === Refusal.none &&
      (notice.cookieLow !== 0 || notice.cookieHigh !== 0);
    if (!isUsable) {
      stats[At.ignored]!++;
      return;
    }
    const slot = this.#connections.table.find(notice.cookieLow, notice.cookieHigh);
    if (slot >= 0) this.#notifiedOf(slot, bytes, start, end, timeMs, monotonicMs);
    else this.#notifiedOfUnknown(timeMs, monotonicMs);
    this.#tellTotals();
  }

  #notifiedOf(slot: number, bytes: Uint8Array, start: number, end: number, timeMs: number, monotonicMs: number): void {
    const connections = this.#connections, notice = this.#notice;
    if ((connections.flags[slot]! & Flag.destroyed) !== 0) return;
    connections.flags[slot]! |= Flag.destroyed;
    if (!notice.has(Attribute.info)) return;
    if (sentBytes(notice) < connections.sent[slot]! || receivedBytes(notice) < connections.received[slot]!) return;
    const previous = connections.records.get(slot);
    if (this.#scratch.length < end - start) this.#scratch = new Uint8Array(end - start);
    this.#scratch.set(bytes.subarray(start, end));
    const idAt = previous.start + SOCKET_ID_AT;
    this.#scratch.set(previous.bytes.subarray(idAt, idAt + SOCKET_ID_BYTES), SOCKET_ID_AT);
    this.#scratch[0] = previous.family;
    notice.load(this.#scratch, 0, end - start);
    const change = compareRecords(previous, notice);
    if (change !== Change.none) {
      this.stats[At.changed]!++;
      this.#emit(slot, notice, change, timeMs, monotonicMs);
    }
    connections.take(slot, notice, timeMs);
  }

  #notifiedOfUnknown(timeMs: number, monotonicMs: number): void {
    const { stats } = this, notice = this.#notice, connections = this.#connections;
    const closed = this.#closed.take(notice.cookieLow, notice.cookieHigh);
    if (closed !== undefined) {
      stats[At.late]!++;
      this.#countLate(closed);
      return;
    }
    // Listeners and sockets that were never connected are freed too.
    const isConnection = notice.sourcePort !== 0 && notice.destinationPort !== 0;
    if (!isConnection || this.#config.exclusion.reason(notice) !== Excluded.no) {
      stats[At.ignored]!++;
      return;
    }
    stats[At.missed]!++;
    if (!this.#config.missed || connections.size >= this.#config.maxConnections) {
      this.#countLate({ sent: 0, received: 0 });
      return;
    }
    const slot = this.#open(notice, timeMs, monotonicMs);
    connections.flags[slot]! |= Flag.destroyed;
  }

  /** Bytes beyond those that were counted before; the connection is not followed any more. */
  #countLate(counted: { readonly sent: number; readonly received: number }): void {
    const notice = this.#notice, connections = this.#connections;
    const sent = Math.max(counted.sent, sentBytes(notice)),
      received = Math.max(counted.received, receivedBytes(notice));
    connections.sentBytes += sent - counted.sent;
    connections.receivedBytes += received - counted.received;
    this.#closed.add(notice.cookieLow, notice.cookieHigh, sent, received);
  }

  /**
   * Ends the cycle: judges the connections that its dumps lack, and tells of the second's traffic.
   *
   * @param timeMs when the last dump was read, Unix milliseconds
   */
  endCycle(complete: CompleteFamilies, timeMs: number, monotonicMs: number, lookup?: Lookup): void {
    const { stats } = this, connections = this.#connections;
    const { family, seenCycle } = connections;
    let lookups = LOOKUPS_A_CYCLE;
    observe(stats, Histogram.cache, connections.size);
    for (let slot = 0; slot < connections.table.slots; slot++) {
      if (family[slot] === 0 || seenCycle[slot] === this.#cycle) continue;
      if (!(family[slot] === 2 ? complete.inet : complete.inet6)) continue;
      if (connections.absences[slot] === 0) {
        connections.absentSinceMs[slot] = monotonicMs;
        stats[At.suspects]!++;
      }
      if (connections.absences[slot]! < MOST_ABSENCES) connections.absences[slot]!++;
      const { destroyed, gone } = Flag;
      if ((connections.flags[slot]! & (destroyed | gone)) === 0 && lookup !== undefined && lookups > 0) {
        lookups--;
        if (this.#isAlive(slot, lookup)) {
          this.#reappear(slot);
          continue;
        }
      }
      if ((connections.flags[slot]! & destroyed) !== 0) this.#close(slot, "destroyed", timeMs);
      else if (this.#isGone(slot, monotonicMs)) this.#close(slot, "absent", timeMs);
    }
    stats[At.cycles]!++;
    if (!complete.inet || !complete.inet6) stats[At.incompleteCycles]!++;
    this.#tellTotals();
    this.#rates.tick(timeMs, connections.sentBytes, connections.receivedBytes);
  }

  #isGone(slot: number, monotonicMs: number): boolean {
    const { flags, absences, absentSinceMs } = this.#connections;
    const isConcluded = (flags[slot]! & Flag.gone) !== 0 || absences[slot]! >= MOST_ABSENCES;
    return isConcluded && monotonicMs - absentSinceMs[slot]! >= this.#config.graceMs;
  }

  /** Asks the kernel about a suspect, and notes it if it is gone. */
  #isAlive(slot: number, lookup: Lookup): boolean {
    const { stats } = this, connections = this.#connections;
    const record = connections.records.get(slot);
    stats[At.lookups]!++;
    const outcome = lookup.find(record.family === 2 ? 2 : 10, record.bytes, record.start + SOCKET_ID_AT);
    if (outcome === "failed") {
      stats[At.lookupFailures]!++;
      return false;
    }
    const isAlive = outcome === "found" && (this.#config.states >>> lookup.bytes[lookup.start + 1]! & 1) !== 0;
    if (!isAlive) connections.flags[slot]! |= Flag.gone;
    return isAlive;
  }

  #close(slot: number, reason: CloseReason, timeMs: number): void {
    const { stats } = this, connections = this.#connections;
    const low = connections.table.low(slot), high = connections.table.high(slot);
    const closed: Closed = {
      kind: "close",
      timeMs,
      timestamp: rfc3339(timeMs),
      uuid: this.#uuid(low, high),
      reason,
      summary: connections.summary(slot),
    };
    if (connections.absences[slot]! > 0) stats[At.suspects]!--;
    this.#closed.add(low, high, connections.sent[slot]!, connections.received[slot]!);
    connections.remove(slot);
    stats[CLOSED_AT[reason]]!++;
    stats[At.open] = connections.size;
    this.#sink.closed(closed, slot);
  }

  #tellTotals(): void {
    this.stats[At.sentBytes] = this.#connections.sentBytes;
    this.stats[At.receivedBytes] = this.#connections.receivedBytes;
  }

  /** Closes every connection, for a stop. */
  stop(timeMs: number): void {
    const { family } = this.#connections;
    for (let slot = 0; slot < family.length; slot++) if (family[slot] !== 0) this.#close(slot, "shutdown", timeMs);
    this.#tellTotals();
  }
}

const CLOSED_AT = {
  absent: At.closedAbsent,
  destroyed: At.closedDestroyed,
  shutdown: At.closedShutdown,
} as const;

/** `PREFIX_0000000000000000`, the cookie in upper-case hex. */
export function connectionUuid(prefix: string, cookieLow: number, cookieHigh: number): string {
  const digits = (half: number) => half.toString(16).toUpperCase().padStart(8, "0");
  return `${prefix}_${digits(cookieHigh)}${digits(cookieLow)}`;
}
