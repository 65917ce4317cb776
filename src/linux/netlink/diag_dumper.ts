import { Errno, errnoName } from "../errno.ts";
import { type DiagFamily, encodeDumpRequest, setSequence } from "./diag_request.ts";
import { type DiagTransport, KernelTransport } from "./diag_transport.ts";
import { DumpBuffer } from "./dump_buffer.ts";
import { MessageCursor, Step } from "./message_cursor.ts";
import { NetlinkFlag, NetlinkType } from "./protocol.ts";

/** Why a dump failed; each is a reason to count. */
export type DumpFailureReason =
  /** No answer within the timeout, the request could not be sent, or the dump exceeds its buffer. */
  | "dump failed"
  /** The end of the dump carried an error. */
  | "done status"
  /** The kernel refused the request. */
  | "NLMSG_ERROR"
  /** A datagram was cut off. */
  | "truncated"
  /** A message's length cannot be right, or its status is missing. */
  | "malformed message"
  /** The kernel ran out of memory, or lost messages. */
  | "enobufs";

/** A dump that gives nothing. */
export interface DumpFailure {
  readonly reason: DumpFailureReason;
  /** Where the kernel told one. */
  readonly errno?: number;
  /** "Cannot dump ...: ..." */
  readonly message: string;
}

/** What a dump came to. */
export interface DumpReport {
  /** `inconsistent`: read to its end, but the kernel said at each try that it changed meanwhile. */
  readonly status: "complete" | "inconsistent" | "failed";
  /** Present where the status is `failed`. */
  readonly failure?: DumpFailure;
  /** Requests sent: 1 unless a dump was interrupted, ran out of memory, or the kernel did not take the filter. */
  readonly attempts: number;
  /** Tries that the kernel flagged as interrupted (NLM_F_DUMP_INTR). */
  readonly interrupted: number;
  /** Messages passed over: late answers to an earlier request. */
  readonly wrongSequence: number;
  /** Messages passed over: they were for another port id. */
  readonly wrongPort: number;
  /** Datagrams passed over: they did not come from the kernel. */
  readonly foreign: number;
}

/** What a {@linkcode DiagDumper} dumps, and how. */
export interface DiagDumperOptions {
  /** One dumper a family: AF_INET (2) or AF_INET6 (10). */
  readonly family: DiagFamily;
  /** Bits 1 << state. @default {WATCHED_STATES} */
  readonly states?: number;
  /** Bits 1 << (number of an attribute - 1). @default {ALL_EXTENSIONS} */
  readonly extensions?: number;
  /** A program of {@linkcode encodeDenyFilter}. A kernel that does not know it gets the request without. */
  readonly filter?: Uint8Array | undefined;
  /** How long to wait for any one datagram. @default {5000} */
  readonly timeoutMs?: number;
  /** What one dump may take; some 530 bytes a socket. @default {268435456} */
  readonly mostBytes?: number;
}

// uapi/asm-generic/errno-base.h
const EINVAL = 22;
/** Repetitions of a dump that was interrupted. */
const MOST_REPEATS = 3;
/** Datagrams of others passed over before it counts as no answer. */
const MOST_FOREIGN = 1000;

/**
 * Dumps the TCP sockets of one family, again and again, into one buffer that it owns. The socket is kept from dump to dump:
 * its datagrams have then grown to the 32 KiB that the kernel makes at most. After a failure the next dump has a new one.
 * Once the buffer is large enough, a dump allocates nothing a socket.
 *
 * With CAP_NET_ADMIN when a socket is opened, sockets also tell their mark, TCP-MD5 entries and upper-layer protocol; so a
 * process that gives up the capability later may lose these after a failure.
 *
 * Blocks the thread, as long as the kernel takes: it makes each datagram when it is asked for.
 *
 * @example
 * ```ts
 * import { DiagDumper } from "@limier/limier/linux";
 *
 * using dumper = new DiagDumper({ family: 2 });
 * const { status } = dumper.dump();
 * if (status !== "failed") {
 *   for (let i = 0; i < dumper.count; i++) {
 *     const state = dumper.bytes[dumper.start(i) + 1]; // idiag_state of struct inet_diag_msg
 *     console.log(state, dumper.end(i) - dumper.start(i));
 *   }
 * }
 * ```
 */
export class DiagDumper implements Disposable {
  readonly family: DiagFamily;
  readonly #options: DiagDumperOptions;
  readonly #buffer: DumpBuffer;
  readonly #transport: DiagTransport;
  readonly #cursor = new MessageCursor();
  #request: Uint8Array<ArrayBuffer>;
  #filtered: boolean;
  #sequence = 0;
  #interrupted = false;
  #wrongSequence = 0;
  #wrongPort = 0;
  #foreign = 0;

  /**
   * @param transport the kernel unless told otherwise
   * @throws {RangeError} if the filter is too long
   */
  constructor(options: DiagDumperOptions, transport: DiagTransport = new KernelTransport(options.timeoutMs ?? 5000)) {
    this.family = options.family;
    this.#options = options;
    this.#buffer = new DumpBuffer(options.mostBytes ?? 256 * 1024 * 1024);
    this.#transport = transport;
    this.#filtered = options.filter !== undefined;
    this.#request = this.#newRequest(options.filter);
  }

  /** What the last dump received; valid until the next one. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.bytes;
  }

  /** Sockets of the last dump; 0 if it failed. */
  get count(): number {
    return this.#buffer.count;
  }

  /** Whether the kernel runs the filter; false where it has none, or the kernel did not take it. */
  get filters(): boolean {
    return this.#filtered;
  }

  /** Where in `bytes` the `struct inet_diag_msg` of socket `i` begins. */
  start(i: number): number {
    return this.#buffer.start(i);
  }

  /** Where the attributes of socket `i` end. */
  end(i: number): number {
    return this.#buffer.end(i);
  }

  /**
   * Makes a dump. An interrupted one is repeated at once, three times at most; one lost for lack of memory (ENOBUFS) once,
   * with a new socket; one refused for its filter (EINVAL) without it.
   *
   * @throws {SystemError} if no socket can be opened
   */
  dump(): DumpReport {
    this.#wrongSequence = this.#wrongPort = this.#foreign = 0;
    let interrupted = 0;
    let lost = false;
    for (let attempts = 1;; attempts++) {
      const failure = this.#attempt();
      const counts = () => ({
        attempts,
        interrupted,
        wrongSequence: this.#wrongSequence,
        wrongPort: this.#wrongPort,
        foreign: this.#foreign,
      });
      if (failure === undefined) {
        if (!this.#interrupted) return { status: "complete", ...counts() };
        if (++interrupted > MOST_REPEATS) return { status: "inconsistent", ...counts() };
        continue;
      }
      this.#buffer.clear();
      this.close(); // the rest of a dump may still be on its way to this socket
      if (failure.reason === "enobufs" && !lost) {
        lost = true;
        continue;
      }
      if (failure.reason === "NLMSG_ERROR" && failure.errno === EINVAL && this.#filtered) {
        this.#filtered = false;
        this.#request = this.#newRequest();
        continue;
      }
      return { status: "failed", failure, ...counts() };
    }
  }

  /** Closes the socket; a later dump opens another. */
  close(): void {
    this.#transport.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #newRequest(filter?: Uint8Array): Uint8Array<ArrayBuffer> {
    const { family, states, extensions } = this.#options;
    return encodeDumpRequest({
      family,
      ...(states !== undefined && { states }),
      ...(extensions !== undefined && { extensions }),
      ...(filter !== undefined && { filter }),
    });
  }

  #attempt(): DumpFailure | undefined {
    const buffer = this.#buffer, transport = this.#transport;
    buffer.clear();
    this.#interrupted = false;
    transport.open();
    this.#sequence = this.#sequence >= 0xffff_ffff ? 1 : this.#sequence + 1;
    setSequence(this.#request, this.#sequence);
    const sent = transport.send(this.#request);
    if (sent < 0) {
      return this.#failed(sent === -Errno.ENOBUFS ? "enobufs" : "dump failed", "the request was lost", -sent);
    }
    for (;;) {
      if (!buffer.makeRoom()) return this.#failed("dump failed", `it takes more than ${buffer.mostBytes} bytes`);
      const received = transport.receive(buffer.bytes, buffer.filled, buffer.room);
      if (received === -Errno.EAGAIN) return this.#failed("dump failed", "the kernel did not answer in time");
      if (received < 0) {
        return this.#failed(received === -Errno.ENOBUFS ? "enobufs" : "dump failed", "it was lost", -received);
      }
      if (!transport.isFromKernel) {
        if (++this.#foreign > MOST_FOREIGN) return this.#failed("dump failed", "others fill the socket");
        continue;
      }
      if (transport.isCut) return this.#failed("truncated", "a datagram was cut off");
      const end = this.#walk(buffer.filled, buffer.filled + received);
      if (end === true) return undefined;
      if (end !== false) return end;
    }
  }

  /** Notes the sockets of a datagram. @returns whether it ended the dump, or why the dump failed */
  #walk(start: number, end: number): boolean | DumpFailure {
    const cursor = this.#cursor, buffer = this.#buffer;
    const sequence = this.#sequence, portId = this.#transport.portId;
    cursor.load(buffer.bytes, start, end);
    for (;;) {
      const step = cursor.next();
      if (step === Step.end) break;
      if (step === Step.malformed) {
        return this.#failed("malformed message", `a message at byte ${cursor.start - start} has an impossible length`);
      }
      if (cursor.portId !== portId) {
        this.#wrongPort++;
        continue;
      }
      if (cursor.sequence !== sequence) {
        this.#wrongSequence++;
        continue;
      }
      if ((cursor.flags & NetlinkFlag.dumpInterrupted) !== 0) this.#interrupted = true;
      if (cursor.type === NetlinkType.socket) buffer.note(cursor.payload, cursor.end);
      else if (cursor.type === NetlinkType.done || cursor.type === NetlinkType.error) {
        const status = cursor.status();
        const isDone = cursor.type === NetlinkType.done;
        if (status === undefined) return this.#failed("malformed message", "its end does not tell a status");
        if (status < 0) return this.#failed(isDone ? "done status" : "NLMSG_ERROR", "the kernel says", -status);
        if (isDone) return true;
      } else if (cursor.type === NetlinkType.overrun) return this.#failed("enobufs", "the kernel lost messages");
    }
    buffer.keep(end);
    return false;
  }

  #failed(reason: DumpFailureReason, why: string, errno?: number): DumpFailure {
    const family = this.family === 2 ? "AF_INET" : "AF_INET6";
    if (errno === undefined) return { reason, message: `Cannot dump the sockets of ${family}: ${why}` };
    return { reason, errno, message: `Cannot dump the sockets of ${family}: ${why}: ${errnoName(errno)}` };
  }
}
