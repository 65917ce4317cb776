import { NetlinkReceiver } from "./netlink_receiver.ts";
import { NetlinkSender } from "./netlink_sender.ts";
import { type DiagSocket, openDiagSocket } from "./netlink_socket.ts";

/** The way to the kernel and back, as dumps and lookups need it. */
export interface DiagTransport {
  /** Port id of the socket that is open. */
  readonly portId: number;
  /** Whether the datagram received last was longer than its room. */
  readonly isCut: boolean;
  /** Whether the datagram received last came from the kernel. */
  readonly isFromKernel: boolean;
  /** Opens a socket unless one is open. @throws {SystemError} */
  open(): void;
  /** Closes the socket, and with it whatever is still on its way to it. */
  close(): void;
  /** Sends a request. @returns 0, or the errno, negated */
  send(request: Uint8Array<ArrayBuffer>): number;
  /** Waits for a datagram, into `buffer[at, at + room)`. @returns its bytes, or the errno, negated */
  receive(buffer: Uint8Array<ArrayBuffer>, at: number, room: number): number;
}

/** A socket of NETLINK_SOCK_DIAG. Nothing is allocated by a call, as long as request and buffer stay the same arrays. */
export class KernelTransport implements DiagTransport {
  readonly #timeoutMs: number;
  #socket: DiagSocket | undefined;
  #sender: NetlinkSender | undefined;
  #receiver: NetlinkReceiver | undefined;
  #buffer: Uint8Array<ArrayBuffer> | undefined;

  /** @param timeoutMs how long one receive waits */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get portId(): number {
    return this.#socket?.portId ?? 0;
  }

  get isCut(): boolean {
    return this.#receiver?.isCut(0) ?? false;
  }

  get isFromKernel(): boolean {
    return this.#receiver?.isFromKernel(0) ?? false;
  }

  open(): void {
    this.#socket ??= openDiagSocket({ receiveTimeoutMs: this.#timeoutMs });
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  send(request: Uint8Array<ArrayBuffer>): number {
    if (this.#sender?.request !== request) this.#sender = new NetlinkSender(request);
    return this.#sender.send(this.#socket?.fd ?? -1);
  }

  receive(buffer: Uint8Array<ArrayBuffer>, at: number, room: number): number {
    this.#receiver ??= new NetlinkReceiver(buffer, 1);
    if (this.#buffer !== buffer) {
      this.#receiver.useBuffer(buffer);
      this.#buffer = buffer;
    }
    this.#receiver.aim(0, at, room);
    const received = this.#receiver.receive(this.#socket?.fd ?? -1);
    return received > 0 ? this.#receiver.length(0) : received;
  }
}
