import { Errno, errnoName } from "../errno.ts";
import { type DiagFamily, encodeLookupRequest, setSequence, setSocketId } from "./diag_request.ts";
import { type DiagTransport, KernelTransport } from "./diag_transport.ts";
import { MessageCursor, Step } from "./message_cursor.ts";
import { ALL_EXTENSIONS, HEADER_BYTES, NetlinkType } from "./protocol.ts";

/** `found`: its state is in the buffer; `gone`: the kernel knows no such socket; `failed`: it could not be asked. */
export type LookupOutcome = "found" | "gone" | "failed";

/** What a {@linkcode SocketLookup} asks for. */
export interface SocketLookupOptions {
  /** Bits 1 << (number of an attribute - 1). @default {ALL_EXTENSIONS} */
  readonly extensions?: number;
  /** How long to wait for an answer. @default {1000} */
  readonly timeoutMs?: number;
}

const BUFFER_BYTES = 32 * 1024;
/** Datagrams passed over before it counts as no answer. */
const MOST_OTHERS = 100;

/**
 * Asks the kernel for single TCP sockets by identity and cookie, mini-sockets included. Blocks the thread for one round trip
 * into the kernel; nothing is allocated by a call that succeeds.
 */
export class SocketLookup implements Disposable {
  /** The answer to the last call that found; valid until the next one. */
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_BYTES);
  /** Where in `bytes` the `struct inet_diag_msg` found begins. */
  start = 0;
  /** Where its attributes end. */
  end = 0;
  /** Why the last call failed; "" if it did not. */
  failure = "";

  readonly #transport: DiagTransport;
  readonly #cursor = new MessageCursor();
  readonly #request: Uint8Array<ArrayBuffer>;
  #sequence = 0;

  /** @param transport the kernel unless told otherwise */
  constructor(
    options: SocketLookupOptions = {},
    transport: DiagTransport = new KernelTransport(options.timeoutMs ?? 1000),
  ) {
    this.#transport = transport;
    this.#request = encodeLookupRequest(2, options.extensions ?? ALL_EXTENSIONS);
  }

  /**
   * Looks for the socket whose `struct inet_diag_sockid` (48 bytes: bytes 4 to 52 of its `inet_diag_msg`) stands at
   * `id[at, at + 48)`.
   *
   * @throws {SystemError} if no socket can be opened
   */
  find(family: DiagFamily, id: Uint8Array, at: number): LookupOutcome {
    this.failure = "";
    const transport = this.#transport, request = this.#request, cursor = this.#cursor;
    transport.open();
    request[HEADER_BYTES] = family;
    setSocketId(request, id, at);
    this.#sequence = this.#sequence >= 0xffff_ffff ? 1 : this.#sequence + 1;
    setSequence(request, this.#sequence);
    const sent = transport.send(request);
    if (sent < 0) return this.#fail(errnoName(-sent));
    for (let others = 0; others < MOST_OTHERS; others++) {
      const received = transport.receive(this.bytes, 0, BUFFER_BYTES);
      if (received < 0) return this.#fail(errnoName(-received));
      if (!transport.isFromKernel) continue;
      if (transport.isCut) return this.#fail("the answer was cut off");
      cursor.load(this.bytes, 0, received);
      if (cursor.next() !== Step.message) return this.#fail("the answer is malformed");
      if (cursor.sequence !== this.#sequence || cursor.portId !== transport.portId) continue;
      return this.#read();
    }
    return this.#fail("the answers are for others");
  }

  #read(): LookupOutcome {
    const cursor = this.#cursor;
    if (cursor.type === NetlinkType.socket) {
      this.start = cursor.payload;
      this.end = cursor.end;
      return "found";
    }
    const status = cursor.type === NetlinkType.error ? cursor.status() : undefined;
    if (status === -Errno.ENOENT) return "gone";
    return this.#fail(status === undefined ? `it answers with type ${cursor.type}` : errnoName(-status));
  }

  #fail(why: string): "failed" {
    this.failure = `Cannot look up a socket: ${why}`;
    this.close(); // an answer that is still on its way must not meet the next question
    return "failed";
  }

  /** Closes the socket; a later call opens another. */
  close(): void {
    this.#transport.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
