import { Errno, SystemError } from "../errno.ts";
import { receiveDrops } from "../socket_options.ts";
import { MessageCursor, Step } from "./message_cursor.ts";
import { NetlinkReceiver } from "./netlink_receiver.ts";
import { type DiagSocket, openDiagSocket } from "./netlink_socket.ts";
import { DestroyGroup, NetlinkType } from "./protocol.ts";

/** Sizes of a {@linkcode DestroyListener}. */
export interface DestroyListenerOptions {
  /** Receive buffer to ask for: a notification takes about 1 KiB of it. @default {8388608} */
  readonly receiveBufferBytes?: number;
  /** How long {@linkcode DestroyListener.wait} waits; 0 is for ever. @default {100} */
  readonly waitMs?: number;
  /** Notifications taken by one call. @default {64} */
  readonly batch?: number;
}

/** A notification is 380 bytes on Linux 6.18; there is room for structures to grow. */
const SLOT_BYTES = 2048;

/**
 * Hears of every TCP socket that the kernel frees, of both families: its identity, cookie and final `struct tcp_info`. Those
 * that live between two dumps are seen this way only. No privilege is needed, but for a buffer beyond `net.core.rmem_max`.
 *
 * A socket that becomes a mini-socket (FIN_WAIT2, TIME_WAIT) is notified then, while dumps go on to show its cookie.
 *
 * When the buffer is full the kernel drops notifications: {@linkcode overflows} then grows, and {@linkcode dropped} says how
 * many they were.
 */
export class DestroyListener implements Disposable {
  /** Where notifications land; valid until the next call. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Times that the kernel said that it had dropped some (ENOBUFS). */
  overflows = 0;
  /** Datagrams passed over: cut off, malformed, or not from the kernel. */
  refused = 0;

  readonly #socket: DiagSocket;
  readonly #receiver: NetlinkReceiver;
  readonly #cursor = new MessageCursor();
  readonly #starts: Uint32Array<ArrayBuffer>;
  readonly #ends: Uint32Array<ArrayBuffer>;

  /**
   * Opens the socket and joins the groups.
   *
   * @throws {SystemError}
   * @throws {LinuxUnavailable}
   */
  constructor(options: DestroyListenerOptions = {}) {
    const batch = options.batch ?? 64;
    this.bytes = new Uint8Array(batch * SLOT_BYTES);
    this.#starts = new Uint32Array(batch);
    this.#ends = new Uint32Array(batch);
    this.#receiver = new NetlinkReceiver(this.bytes, batch);
    for (let i = 0; i < batch; i++) this.#receiver.aim(i, i * SLOT_BYTES, SLOT_BYTES);
    this.#socket = openDiagSocket({
      groups: 1 << DestroyGroup.inet - 1 | 1 << DestroyGroup.inet6 - 1,
      receiveTimeoutMs: options.waitMs ?? 100,
      receiveBufferBytes: options.receiveBufferBytes ?? 8 * 1024 * 1024,
    });
  }

  /** Receive buffer granted, comparable with what was asked for. */
  get receiveBufferBytes(): number {
    return this.#socket.receiveBufferBytes;
  }

  /** Takes the notifications that are there, up to a batch. @returns how many @throws {SystemError} */
  receive(): number {
    return this.#note(this.#receiver.receiveNow(this.#socket.fd));
  }

  /** As {@linkcode receive}, but waits for the first one. @throws {SystemError} */
  wait(): number {
    return this.#note(this.#receiver.receive(this.#socket.fd));
  }

  /** Where in `bytes` the `struct inet_diag_msg` of notification `i` begins. */
  start(i: number): number {
    return this.#starts[i]!; // i is below the count that receive() returned
  }

  /** Where the attributes of notification `i` end. */
  end(i: number): number {
    return this.#ends[i]!; // i is below the count that receive() returned
  }

  /** Notifications that the kernel dropped since the listener was opened: 32 bits that wrap. @throws {SystemError} */
  dropped(): number {
    return receiveDrops(this.#socket.fd);
  }

  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #note(received: number): number {
    if (received === -Errno.ENOBUFS) {
      this.overflows++;
      received = this.#receiver.receiveNow(this.#socket.fd); // the error stands before what is still there
    }
    if (received < 0) {
      if (received === -Errno.EAGAIN || received === -Errno.ENOBUFS) return 0;
      throw new SystemError(-received, { syscall: "recvmmsg", action: "receive notifications of destroyed sockets" });
    }
    let count = 0;
    const cursor = this.#cursor;
    for (let i = 0; i < received; i++) {
      const start = i * SLOT_BYTES;
      cursor.load(this.bytes, start, start + this.#receiver.length(i));
      const isWhole = this.#receiver.isFromKernel(i) && !this.#receiver.isCut(i) && cursor.next() === Step.message;
      if (!isWhole || cursor.type !== NetlinkType.socket) {
        this.refused++;
        continue;
      }
      this.#starts[count] = cursor.payload;
      this.#ends[count] = cursor.end;
      count++;
    }
    return count;
  }
}
