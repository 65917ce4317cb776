/** What the kernel answers, byte for byte. */
import {
  type DiagFamily,
  encodeDumpRequest,
  encodeLookupRequest,
  MessageCursor,
  NetlinkReceiver,
  NetlinkSender,
  NetlinkType,
  openDiagSocket,
  setSocketId,
  Step,
} from "../../src/linux/mod.ts";

const BUFFER_BYTES = 64 * 1024;
const INET_DIAG_COOKIE_AT = 44;

/** Sends a request; the datagrams that answer it, up to the one that ends it. */
export function ask(request: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  using socket = openDiagSocket({ receiveTimeoutMs: 2000 });
  const buffer = new Uint8Array(BUFFER_BYTES);
  const receiver = new NetlinkReceiver(buffer, 1);
  receiver.aim(0, 0, BUFFER_BYTES);
  if (new NetlinkSender(request).send(socket.fd) < 0) throw new Error("Cannot ask the kernel");
  const datagrams: Uint8Array<ArrayBuffer>[] = [];
  const cursor = new MessageCursor();
  for (;;) {
    if (receiver.receive(socket.fd) !== 1) throw new Error("Cannot record: the kernel does not answer");
    const datagram = buffer.slice(0, receiver.length(0));
    datagrams.push(datagram);
    cursor.load(datagram, 0, datagram.length);
    while (cursor.next() === Step.message) {
      const ends = cursor.type === NetlinkType.done || cursor.type === NetlinkType.error;
      if (ends || (cursor.flags & 2) === 0) return datagrams;
    }
  }
}

/** One message of a dump. */
export interface Message {
  readonly type: number;
  /** Header and payload, without padding. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `idiag_cookie`; 0 for what is no socket. */
  readonly cookie: bigint;
  readonly localPort: number;
  readonly state: number;
}

/** The messages of datagrams. */
export function messagesOf(datagrams: readonly Uint8Array<ArrayBuffer>[]): Message[] {
  const messages: Message[] = [];
  const cursor = new MessageCursor();
  for (const datagram of datagrams) {
    cursor.load(datagram, 0, datagram.length);
    const view = new DataView(datagram.buffer);
    while (cursor.next() === Step.message) {
      const { type, start, payload, end } = cursor;
      const isSocket = type === NetlinkType.socket;
      messages.push({
        type,
        bytes: datagram.slice(start, end),
        cookie: isSocket ? view.getBigUint64(payload + INET_DIAG_COOKIE_AT, true) : 0n,
        localPort: isSocket ? view.getUint16(payload + 4) : 0,
        state: isSocket ? datagram[payload + 1]! : 0,
      });
    }
  }
  return messages;
}

/** All sockets of a family, and the message that ends the dump. */
export function dumpOf(family: DiagFamily, states: number, extensions: number): Message[] {
  return messagesOf(ask(encodeDumpRequest({ family, states, extensions })));
}

/** Asks for one socket that a dump has shown. */
export function lookUp(family: DiagFamily, message: Message, changeCookie = false): Message[] {
  const request = encodeLookupRequest(family, 0xff);
  setSocketId(request, message.bytes, 20);
  if (changeCookie) request[24 + 40]! ^= 1;
  return messagesOf(ask(request));
}

/** Messages one behind the other, each aligned to four bytes. */
export function joined(messages: readonly Message[]): Uint8Array<ArrayBuffer> {
  const size = messages.reduce((sum, { bytes }) => sum + (bytes.length + 3 & ~3), 0);
  const all = new Uint8Array(size);
  let at = 0;
  for (const { bytes } of messages) {
    all.set(bytes, at);
    at += bytes.length + 3 & ~3;
  }
  return all;
}
