/** Several UDP sockets on one address: how datagrams are spread over them, and how a successor takes them over. */
import type { InetAddress } from "./address.ts";
import {
  attachClassic,
  attachProgram,
  createCounterMap,
  createSocketMap,
  detachProgram,
  loadReuseportProgram,
  possibleCpus,
  putSocket,
  readCounter,
} from "./bpf.ts";
import { classicOne, classicRandom, MAX_GROUP_SOCKETS, packetProgram, senderProgram } from "./bpf_program.ts";
import { SystemError } from "./errno.ts";
import { openLibc } from "./libc.ts";
import type { DatagramSocket } from "./open_socket.ts";
import { openUdpSocket, type UdpSocketOptions } from "./socket.ts";

/** What chooses the socket of a datagram: a program of eBPF, one of classic BPF, or the kernel's hash of the sender. */
export type Balancing = "ebpf" | "cbpf" | "hash";

/**
 * How a group is to be balanced. `ebpf`: each datagram to the next socket; `cbpf`: each to any; `hash`: each sender to a
 * socket of its own, which keeps the order within a sender. `auto` is the first of these that the kernel grants.
 */
export type LoadBalancing = "auto" | Balancing;

/** A group that another process has on the address. */
export interface GroupPredecessor {
  /** How many sockets. */
  readonly sockets: number;
  /** What chooses among them. */
  readonly balancing: Balancing;
}

/** What {@linkcode openReuseportGroup} opens. */
export interface ReuseportGroupOptions extends Omit<UdpSocketOptions, "reusePort" | "onRefused"> {
  /** 1 to 256. */
  readonly sockets: number;
  /** @default {"auto"} */
  readonly balancing?: LoadBalancing;
  /**
   * Another process of this user may take the address over: even a single socket is then opened so that it can be shared,
   * and whoever joins receives nothing before it says so. @default {false}
   */
  readonly handsOver?: boolean;
  /** The group that is to be taken over. Without it, an address that someone has is refused. */
  readonly predecessor?: GroupPredecessor;
}

/** UDP sockets on one address. Closing closes them; datagrams that lie in them are lost then. */
export interface ReuseportGroup extends Disposable {
  /** Where all of them are bound. */
  readonly address: InetAddress;
  /** May be more than were asked for, where a larger group is taken over by classic BPF. */
  readonly sockets: readonly DatagramSocket<InetAddress>[];
  /** What chooses the socket. */
  readonly balancing: Balancing;
  /** What the kernel refused, and what is done instead; for the log. */
  readonly notes: readonly string[];
  /**
   * From now on everything comes to this group; what lies in the predecessor's sockets stays there, to be drained by it. Of
   * use once, in a group with a predecessor, when its sockets are being received from.
   *
   * @throws {SystemError}
   */
  takeOver(): void;
  /**
   * Chooses among these sockets as was asked for: to be called once a predecessor has closed its own, and after a successor
   * that joined has gone without taking over.
   *
   * @throws {SystemError}
   */
  balance(): void;
  /** Datagrams that the eBPF program has counted: those balanced one by one. Undefined without it. */
  balanced(): bigint | undefined;
  close(): void;
}

/**
 * Opens a group. All of its sockets, and those of a successor, belong to the same user.
 *
 * Taking over, step by step: the successor opens its group with `predecessor`, and so far receives nothing; it starts its
 * readers and calls `takeOver()`. The predecessor reads on until nothing has come for a moment, and closes. Then the
 * successor calls `balance()`. By eBPF no datagram is lost on that way, nor by classic BPF; where the kernel refuses both,
 * the notes say so.
 *
 * @throws {SystemError} EADDRINUSE: a process has the address, and no predecessor was named
 * @throws {RangeError} if the address is not a literal, or the number of sockets out of its range
 * @throws {LinuxUnavailable}
 */
export function openReuseportGroup(options: ReuseportGroupOptions): ReuseportGroup {
  const { sockets } = options;
  if (!Number.isInteger(sockets) || sockets < 1 || sockets > MAX_GROUP_SOCKETS) {
    throw new RangeError(`Cannot open a group of ${sockets} sockets: write 1 to ${MAX_GROUP_SOCKETS}`);
  }
  return new Group(options);
}

/**
 * The same for a listening TCP socket that was opened beside a predecessor's one: new connections come to `fd` alone, what
 * waits to be accepted at the other is still to be accepted there. It stays so; when the predecessor has closed its socket,
 * the next one to be opened beside `fd` receives all.
 *
 * @throws {SystemError}
 */
export function takeOverListener(fd: number): void {
  attachClassic(fd, classicOne(1)); // the second to listen
}

/** A program of eBPF that is loaded, with its maps. */
interface Loaded {
  readonly socketsFd: number;
  readonly counterFd: number | undefined;
  readonly programFd: number;
}

class Group implements ReuseportGroup {
  readonly address: InetAddress;
  readonly sockets: DatagramSocket<InetAddress>[] = [];
  readonly notes: string[] = [];
  balancing: Balancing = "hash";
  readonly #wanted: LoadBalancing;
  readonly #predecessor: GroupPredecessor | undefined;
  readonly #isShared: boolean;
  #loaded: Loaded | undefined;
  #open = true;

  constructor(options: ReuseportGroupOptions) {
    const { predecessor, handsOver = false, sockets: asked } = options;
    this.#wanted = options.balancing ?? "auto";
    this.#predecessor = predecessor;
    this.#isShared = handsOver || predecessor !== undefined;
    try {
      this.#load(asked);
      const count = this.#count(asked);
      this.address = this.#bind(options, count);
      this.#fill();
      if (predecessor === undefined) this.balance();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  takeOver(): void {
    const [first] = this.sockets;
    if (this.#predecessor === undefined || first === undefined || !this.#open) return;
    if (this.#loaded !== undefined) {
      attachProgram(first.fd, this.#loaded.programFd);
      this.balancing = "ebpf";
      return;
    }
    // One socket takes all for as long as the predecessor closes its own. Places follow the order of binding, and when one
    // closes, the last takes its place: the first of ours keeps its own until the last of the predecessor's is gone.
    attachClassic(first.fd, classicOne(this.#predecessor.sockets));
    this.balancing = "cbpf";
  }

  balance(): void {
    const [first] = this.sockets;
    const { length } = this.sockets;
    if (first === undefined || !this.#open) return;
    if (this.#loaded !== undefined) {
      attachProgram(first.fd, this.#loaded.programFd);
      this.balancing = "ebpf";
      return;
    }
    this.balancing = "hash";
    const isAlone = length === 1;
    if (isAlone && !this.#isShared) return;
    if (this.#wanted === "hash" && !isAlone) {
      if (this.#isShared) detachProgram(first.fd);
      return;
    }
    try {
      attachClassic(first.fd, classicRandom(length));
      this.balancing = "cbpf";
    } catch (error) {
      this.#note(error, isAlone ? "a successor may lose datagrams" : "the kernel's hash spreads senders instead");
    }
  }

  balanced(): bigint | undefined {
    if (this.#loaded?.counterFd === undefined || this.balancing !== "ebpf") return undefined;
    return readCounter(this.#loaded.counterFd, possibleCpus());
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    // The program stays in force: others may be in the group. It goes with the last socket.
    for (const socket of this.sockets) socket.close();
    this.#unload();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Loads a program of eBPF where one is of use; where it can't be, a note says why. */
  #load(sockets: number): void {
    const isOfUse = this.#isShared || (sockets > 1 && this.#wanted !== "hash");
    if (!isOfUse || this.#wanted === "cbpf") return;
    const libc = openLibc();
    const opened: number[] = [];
    try {
      const socketsFd = createSocketMap(MAX_GROUP_SOCKETS);
      opened.push(socketsFd);
      const counterFd = this.#wanted === "hash" ? undefined : createCounterMap();
      if (counterFd !== undefined) opened.push(counterFd);
      const program = counterFd === undefined
        ? senderProgram({ socketsFd, sockets })
        : packetProgram({ socketsFd, sockets }, counterFd);
      this.#loaded = { socketsFd, counterFd, programFd: loadReuseportProgram(program) };
    } catch (error) {
      for (const fd of opened) libc.close(fd);
      this.#note(
        error,
        this.#wanted === "hash" ? "a successor takes over by classic BPF" : "classic BPF balances instead",
      );
    }
  }

  /** Classic BPF needs as many sockets as a predecessor has; see `takeOver()`. */
  #count(asked: number): number {
    const before = this.#predecessor?.sockets ?? 0;
    if (this.#loaded !== undefined || before <= asked) return asked;
    this.notes.push(
      `Cannot take over ${before} sockets by classic BPF with ${asked}: opening ${before}; the number takes effect when ` +
        "the process starts without a predecessor, or with CAP_BPF",
    );
    return before;
  }

  #bind(options: ReuseportGroupOptions, count: number): InetAddress {
    const predecessor = this.#predecessor;
    const reusePort = this.#isShared || count > 1;
    let { address } = options;
    if (reusePort && predecessor === undefined) {
      // With SO_REUSEPORT a second program of this user would join in silence, and take its share; and for port 0 the
      // kernel might pick the port of such a group.
      const probe = openUdpSocket({ address, ipv6Only: options.ipv6Only ?? false });
      ({ address } = probe);
      probe.close();
    }
    for (let i = 0; i < count; i++) {
      const socket = openUdpSocket({
        ...options,
        address,
        reusePort,
        onRefused: (error) => {
          if (i === 0) this.notes.push(error.message);
        },
      });
      this.sockets.push(socket);
      ({ address } = socket); // port 0: the first picks one for all
      if (i === 0 && predecessor?.balancing === "hash") this.#hold(socket.fd, predecessor);
    }
    return address;
  }

  /** The hash would send here at once what nobody reads yet. */
  #hold(fd: number, { sockets }: GroupPredecessor): void {
    try {
      attachClassic(fd, classicRandom(sockets));
    } catch (error) {
      this.#note(error, "datagrams may be lost while the address is taken over");
    }
  }

  #fill(): void {
    if (this.#loaded === undefined) return;
    try {
      for (const [i, { fd }] of this.sockets.entries()) putSocket(this.#loaded.socketsFd, i, fd);
    } catch (error) {
      this.#unload();
      this.#note(error, "classic BPF balances instead");
    }
  }

  #unload(): void {
    if (this.#loaded === undefined) return;
    const libc = openLibc();
    const { socketsFd, counterFd, programFd } = this.#loaded;
    for (const fd of [socketsFd, counterFd, programFd]) if (fd !== undefined) libc.close(fd);
    this.#loaded = undefined;
  }

  /** A refusal of the kernel's is a note; anything else is an error. */
  #note(error: unknown, instead: string): void {
    if (!(error instanceof SystemError)) throw error;
    this.notes.push(`${error.message}; ${instead}`);
  }
}
