import type { DiagTransport } from "./diag_transport.ts";

/** A datagram, or an errno, negated; with the sequence of the request put in where a message has 0. */
export type Answer = Uint8Array | number;

/** A kernel that says what it is told to: one list of answers a request. */
export class ScriptedTransport implements DiagTransport {
  readonly portId = 77;
  isCut = false;
  isFromKernel = true;
  opened = 0;
  closed = 0;
  /** What was sent, copied. */
  readonly requests: Uint8Array[] = [];
  readonly #answers: (readonly Answer[])[];
  #left: Answer[] = [];
  #isOpen = false;

  constructor(answers: readonly (readonly Answer[])[]) {
    this.#answers = [...answers];
  }

  open(): void {
    if (!this.#isOpen) this.opened++;
    this.#isOpen = true;
  }

  close(): void {
    if (this.#isOpen) this.closed++;
    this.#isOpen = false;
    this.#left = [];
  }

  send(request: Uint8Array<ArrayBuffer>): number {
    this.requests.push(request.slice());
    this.#left = [...this.#answers.shift() ?? []];
    return 0;
  }

  receive(buffer: Uint8Array<ArrayBuffer>, at: number, room: number): number {
    const answer = this.#left.shift() ?? -11;
    if (typeof answer === "number") {
      if (answer === CUT) this.isCut = true;
      if (answer === FOREIGN) this.isFromKernel = false;
      if (answer === CUT || answer === FOREIGN) return 0;
      return answer;
    }
    this.isCut = false;
    this.isFromKernel = true;
    if (answer.length > room) throw new RangeError("the answer has no room");
    buffer.set(answer, at);
    const view = new DataView(buffer.buffer, at, answer.length);
    const sequence = new DataView(this.requests.at(-1)!.slice().buffer).getUint32(8, true);
    for (let start = 0; start + 16 <= answer.length;) {
      if (view.getUint32(start + 8, true) === 0) view.setUint32(start + 8, sequence, true);
      start += Math.max(16, view.getUint32(start, true) + 3 & ~3);
    }
    return answer.length;
  }
}

/** Answers that stand for a datagram that was cut off, or came from another process. */
export const CUT = -100_000, FOREIGN = -100_001;

/** A netlink message; sequence 0 stands for that of the request. */
export function netlinkMessage(
  payload: Uint8Array,
  { type = 20, flags = 2, sequence = 0, portId = 77 }: {
    type?: number;
    flags?: number;
    sequence?: number;
    portId?: number;
  } = {},
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16 + payload.length + 3 & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 16 + payload.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setUint32(12, portId, true);
  bytes.set(payload, 16);
  return bytes;
}

/** An `i32` as a payload. */
export function status(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

/** The end of a dump. */
export function done(value = 0, flags = 2): Uint8Array<ArrayBuffer> {
  return netlinkMessage(status(value), { type: 3, flags });
}

/** Bytes of several parts. */
export function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
