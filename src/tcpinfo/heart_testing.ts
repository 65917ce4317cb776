/** Sockets made for tests of the heart, and what it made of them as short texts. */
import { WATCHED_STATES } from "../linux/mod.ts";
import { CHANGE_NAMES, type ChangeSink, type Closed, type Opened, type Snapshot } from "./changes.ts";
import { type CompleteFamilies, Heart, type HeartConfig, type Lookup } from "./heart.ts";
import { Exclusion } from "./wire_exclusion.ts";

/** What a made socket is; unless told otherwise an ESTABLISHED one of AF_INET. */
export interface MadeSocket {
  readonly cookie?: bigint;
  readonly state?: number;
  readonly family?: 2 | 10;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** `bytes_sent`. */
  readonly sent?: number;
  /** `bytes_received`. */
  readonly received?: number;
  /** Bytes of `tcp_info`; 0 for none. */
  readonly infoBytes?: number;
  /** Bytes of `tcp_info` that are not 0: what stands where. */
  readonly info?: Readonly<Record<number, number>>;
  /** Attributes beside `tcp_info`, hex by number. */
  readonly attributes?: Readonly<Record<number, string>>;
}

/** An `inet_diag_msg` and its attributes, 192.0.2.10:443 to 198.51.100.23:51234. */
export function madeSocket(made: MadeSocket = {}): Uint8Array<ArrayBuffer> {
  const { cookie = 1n, state = 1, family = 2, sent = 0, received = 0, infoBytes = 280 } = made;
  const attributes = Object.entries(made.attributes ?? {}).map(([number, hex]) => {
    return [Number(number), Uint8Array.fromHex(hex)] as [number, Uint8Array];
  });
  if (infoBytes > 0) {
    const info = new Uint8Array(infoBytes);
    const view = new DataView(info.buffer);
    info[0] = state;
    if (infoBytes >= 136) view.setBigUint64(128, BigInt(received), true);
    if (infoBytes >= 208) view.setBigUint64(200, BigInt(sent), true);
    for (const [at, byte] of Object.entries(made.info ?? {})) info[Number(at)] = byte;
    attributes.push([2, info]);
  }
  const bytes = new Uint8Array(72 + attributes.reduce((sum, [, value]) => sum + 4 + (value.length + 3 & ~3), 0));
  const view = new DataView(bytes.buffer);
  bytes[0] = family;
  bytes[1] = state;
  view.setUint16(4, made.sourcePort ?? 443);
  view.setUint16(6, made.destinationPort ?? 51_234);
  if (family === 2) {
    bytes.set([192, 0, 2, 10], 8);
    bytes.set([198, 51, 100, 23], 24);
  } else {
    bytes.set([0x20, 1, 0xd, 0xb8], 8);
    bytes.set([0x20, 1, 0xd, 0xb8, 0, 1], 24);
  }
  view.setBigUint64(44, cookie, true);
  let at = 72;
  for (const [number, value] of attributes) {
    view.setUint16(at, 4 + value.length, true);
    view.setUint16(at + 2, number, true);
    bytes.set(value, at + 4);
    at += 4 + (value.length + 3 & ~3);
  }
  return bytes;
}

/** A heart, and what it says: `open 1`, `snapshot 1 PreviousWasNil`, `close 1 absent`; numbers are cookies. */
export class Watched implements ChangeSink {
  readonly heart: Heart;
  readonly closed_: Closed[] = [];
  #said: string[] = [];
  readonly #cookies = new Map<number, bigint>();

  constructor(config: Partial<HeartConfig> = {}) {
    this.heart = new Heart({
      uuidPrefix: "h_1",
      exclusion: new Exclusion({ local: true, sourcePorts: [], destinations: [] }),
      states: WATCHED_STATES,
      maxConnections: 1000,
      missed: true,
      graceMs: 0,
      ...config,
    }, this);
  }

  opened({ id }: Opened, slot: number): void {
    this.#cookies.set(slot, id.cookie);
    this.#said.push(`open ${id.cookie}`);
  }

  snapshot({ slot, change }: Snapshot): void {
    this.#said.push(`snapshot ${this.#cookies.get(slot)} ${CHANGE_NAMES[change]}`);
  }

  closed(closed: Closed, slot: number): void {
    this.closed_.push(closed);
    this.#said.push(`close ${this.#cookies.get(slot)} ${closed.reason}`);
  }

  /** What was said since the last time. */
  said(): string[] {
    const said = this.#said;
    this.#said = [];
    return said;
  }

  /** One cycle at `timeMs`; what it says. */
  cycle(
    sockets: readonly MadeSocket[],
    timeMs = 0,
    complete: CompleteFamilies = { inet: true, inet6: true },
    lookup?: Lookup,
  ): string[] {
    this.heart.beginCycle();
    for (const socket of sockets) this.observe(madeSocket(socket), timeMs);
    this.heart.endCycle(complete, timeMs, timeMs, lookup);
    return this.said();
  }

  observe(bytes: Uint8Array, timeMs = 0): ReturnType<Heart["observe"]> {
    return this.heart.observe(bytes[0] === 2 ? 2 : 10, bytes, 0, bytes.length, timeMs, timeMs);
  }

  notified(socket: MadeSocket, timeMs = 0): string[] {
    const bytes = madeSocket({ state: 7, ...socket });
    this.heart.notified(bytes, 0, bytes.length, timeMs, timeMs);
    return this.said();
  }
}

/** A kernel that answers as it is told, by cookie. */
export function answering(answers: Readonly<Record<string, "gone" | "failed" | number>>): Lookup & { asked: string[] } {
  const bytes = new Uint8Array(72);
  const asked: string[] = [];
  return {
    bytes,
    start: 0,
    asked,
    find(_family, id, at) {
      const cookie = String(new DataView(id.buffer, id.byteOffset + at + 40, 8).getBigUint64(0, true));
      asked.push(cookie);
      const answer = answers[cookie] ?? "failed";
      if (typeof answer === "string") return answer;
      bytes[1] = answer;
      return "found";
    },
  };
}
