/**
 * How a new process of the agent takes over from the one that runs, both ends of it: they find each other by a unix socket
 * in a directory, and only as processes of the same user.
 *
 * ```
 * predecessor                         successor
 *                       <-- hello     connects
 *               offer -->             opens its sockets on the same ports; nothing comes to them yet
 *                                     starts its readers, then turns the traffic to them
 *                       <-- switched
 * reads its sockets out, closes them
 *              closed -->             balances among its own sockets, opens its other listeners, serves HTTP
 *                       <-- serving
 * closes HTTP; flushes, delivers, ends                          listens for a successor of its own
 * ```
 */
import type { Clock } from "../clock/mod.ts";
import type { Section } from "../config/mod.ts";
import {
  connectToPeer,
  GroupHandover,
  listenForPeers,
  type OpenSocket,
  openTcpListener,
  type PeerChannel,
  type PeerListener,
  PeerRefused,
  SystemError,
  takeOverListener,
} from "../linux/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";
import {
  awaitMessage,
  receiveMessages,
  sendMessage,
  TAKEOVER_VERSION,
  type TakeoverMessage,
} from "./takeover_messages.ts";

/** The `takeover` section. */
export interface TakeoverConfig {
  /** A new process with the same section takes over from the one that runs, and that one ends. */
  readonly enabled: boolean;
  /** Where they find each other; made if it is not there. */
  readonly directory: string;
}

/** The keys of the section. */
export const TAKEOVER_KEYS: readonly string[] = ["enabled", "directory"];

/** @throws {ConfigError} on an unknown key or a value that can't be used */
export function readTakeoverConfig(section: Section): TakeoverConfig {
  section.refuseOthers(TAKEOVER_KEYS);
  return {
    enabled: section.boolean("enabled") ?? false,
    directory: section.string("directory") ?? "/run/limier",
  };
}

/** The process that runs can't be taken over from. */
export class TakeoverError extends Error {
  override readonly name = "TakeoverError";
  readonly code = "agent.takeover";

  constructor(pid: number, why: string) {
    super(`Cannot take over from process ${pid}: ${why}`);
  }
}

/** What a {@linkcode Takeover} is given. */
export interface TakeoverDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** A successor receives what this process did: it is to stop. */
  readonly onTakenOver: (pid: number) => void;
}

/** How long the other may take to answer at once. */
const ANSWER_MS = 10_000;
/** How long a predecessor may take to close its sockets: a drain, and the streams until they are quiet. */
const CLOSE_MS = 30_000;
/** How long a successor may take to serve HTTP; the predecessor's last flush waits for it. */
const SERVE_MS = 5_000;
/** How long a predecessor may take to deliver and end. */
const LEAVE_MS = 60_000;
/** How often a process looks whether there is a successor. */
const IDLE_LOOK_MS = 100;
const BUSY_LOOK_MS = 10;

/** A process among its predecessor and its successor. Disposing says to the latter that this one is done. */
export class Takeover implements Disposable {
  /** Where the parts that receive over UDP open their sockets. */
  readonly groups: GroupHandover;
  /** Of HTTP, once it is known: for the successor. */
  httpPort: number | null = null;
  readonly #deps: TakeoverDeps;
  readonly #path: string;
  readonly #predecessor: PeerChannel | undefined;
  readonly #offeredHttpPort: number | null;
  readonly #stop = new AbortController();
  #listener: PeerListener | undefined;
  /** Where HTTP is served over TCP. */
  #httpFd: number | undefined;
  #left: Promise<void> | undefined;
  #successor: PeerChannel | undefined;
  /** The successor has turned the traffic. */
  #isSwitched = false;

  private constructor(path: string, deps: TakeoverDeps, found?: Found) {
    this.#path = path;
    this.#deps = deps;
    this.#predecessor = found?.channel;
    this.#offeredHttpPort = found?.offer.httpPort ?? null;
    this.groups = new GroupHandover(found?.offer.groups);
  }

  /**
   * Looks for a predecessor.
   *
   * @throws {TakeoverError} it refuses, or does not answer
   * @throws {PeerRefused} another user's process listens in the directory
   * @throws {Error} the directory can't be made
   * @throws {SystemError} or can't be used
   * @throws {LinuxUnavailable}
   */
  static async open({ directory }: TakeoverConfig, deps: TakeoverDeps): Promise<Takeover> {
    await makeDirectory(directory);
    const path = `${directory.replace(/\/+$/, "")}/takeover.sock`;
    const channel = connectToPeer(path);
    if (channel === undefined) return new Takeover(path, deps);
    try {
      sendMessage(channel, { step: "hello", version: TAKEOVER_VERSION });
      const answer = await awaitMessage(channel, ["offer", "refused"], ANSWER_MS, deps.clock);
      const { pid } = channel.peer;
      if (answer === undefined) throw new TakeoverError(pid, "it gave no answer; stop it, or look at its log");
      if (answer.step === "refused") throw new TakeoverError(pid, answer.why);
      deps.reporter.info("taking over", { from: pid });
      return new Takeover(path, deps, { channel, offer: answer });
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  /** Whether there is a process to take over from. */
  get hasPredecessor(): boolean {
    return this.#predecessor !== undefined;
  }

  /** Whether a successor has taken over from this process. */
  get isTakenOver(): boolean {
    return this.#isSwitched;
  }

  /**
   * Opens a listening TCP socket that a successor can share, on the predecessor's port if port 0 is asked for.
   *
   * @throws {SystemError} such as EADDRINUSE
   */
  async openHttp({ hostname, port }: { readonly hostname: string; readonly port: number }): Promise<OpenSocket> {
    let address = { hostname: await literalOf(hostname), port: port === 0 ? this.#offeredHttpPort ?? 0 : port };
    if (!this.hasPredecessor) {
      // With SO_REUSEPORT two agents of one user would share a port in silence.
      const probe = openTcpListener({ address });
      address = { ...address, port: probe.address.port };
      probe.close();
    }
    const socket = openTcpListener({ address, reusePort: true });
    this.#httpFd = socket.fd;
    return socket;
  }

  /**
   * Turns the traffic to this process, whose UDP sockets are read from by now, and waits until the predecessor has closed
   * its own.
   *
   * @throws {SystemError} when the kernel refuses; the predecessor goes on then
   */
  async switchOver(): Promise<void> {
    const channel = this.#predecessor;
    if (channel === undefined) return;
    const { reporter, clock } = this.#deps;
    this.groups.takeOver();
    const fromMs = clock.monotonic();
    if (this.#tell(channel, { step: "switched" })) {
      const closed = await awaitMessage(channel, ["closed"], CLOSE_MS, clock);
      if (closed === undefined) reporter.warn("The predecessor did not say that it has closed its sockets");
    }
    this.groups.balance();
    reporter.info("took over", { from: channel.peer.pid, waited_ms: Math.round(clock.monotonic() - fromMs) });
  }

  /** Everything is up: the predecessor may close HTTP, and a successor may come. */
  serve(): void {
    if (this.#predecessor !== undefined) {
      this.#turnConnections();
      this.#tell(this.#predecessor, { step: "serving" });
      this.predecessorLeft();
    }
    try {
      this.#listener = listenForPeers(this.#path);
    } catch (error) {
      // The service goes on: a start that took over must not end for it.
      this.#deps.reporter.error("Cannot listen for a successor", { path: this.#path, error });
      return;
    }
    this.#watch();
  }

  /** Resolves when the predecessor has ended, and so holds no lock any more; or when it takes too long. */
  predecessorLeft(): Promise<void> {
    return this.#left ??= this.#watchPredecessor();
  }

  async #watchPredecessor(): Promise<void> {
    const channel = this.#predecessor;
    if (channel === undefined) return;
    const { clock, reporter } = this.#deps;
    const endMs = clock.monotonic() + LEAVE_MS;
    while (!channel.isOver && clock.monotonic() < endMs) {
      receiveMessages(channel);
      await clock.sleep(BUSY_LOOK_MS);
    }
    if (!channel.isOver) reporter.warn("The predecessor has not ended yet", { pid: channel.peer.pid });
    channel.close();
  }

  /** Where that is refused, the kernel spreads new connections over both, and both answer until the predecessor ends. */
  #turnConnections(): void {
    try {
      if (this.#httpFd !== undefined) takeOverListener(this.#httpFd);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#deps.reporter.warn("Some requests over HTTP may fail while the predecessor ends", { error });
    }
  }

  /** A successor is told that the sockets are closed; resolves when it serves HTTP, or can't be waited for. */
  async closed(): Promise<void> {
    const channel = this.#successor;
    if (!this.#isSwitched || channel === undefined) return;
    if (this.#tell(channel, { step: "closed" })) {
      await awaitMessage(channel, ["serving"], SERVE_MS, this.#deps.clock);
    }
  }

  /** Nobody may come any more. A successor that has come stays connected. */
  stopListening(): void {
    this.#stop.abort();
    this.#listener?.close();
  }

  [Symbol.dispose](): void {
    this.stopListening();
    this.#predecessor?.close();
    this.#successor?.close();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#accept();
      if (this.#successor !== undefined) this.#hear(this.#successor);
      await this.#deps.clock.sleep(this.#successor === undefined ? IDLE_LOOK_MS : BUSY_LOOK_MS, signal);
    }
  }

  #accept(): void {
    const { reporter } = this.#deps;
    try {
      const channel = this.#listener?.accept();
      if (channel === undefined) return;
      if (this.#successor === undefined) this.#successor = channel;
      else {
        this.#tell(channel, { step: "refused", why: `it hands over to process ${this.#successor.peer.pid} already` });
        channel.close();
      }
    } catch (error) {
      if (!(error instanceof PeerRefused) && !(error instanceof SystemError)) throw error;
      reporter.warn("Refused a successor", { error });
    }
  }

  #hear(channel: PeerChannel): void {
    const { reporter, onTakenOver } = this.#deps;
    const { pid } = channel.peer;
    for (const message of receiveMessages(channel)) {
      if (message.step === "hello") this.#answer(channel, message.version);
      if (message.step === "switched" && !this.#isSwitched) {
        this.#isSwitched = true;
        // What else it says is read by whoever waits for it.
        this.stopListening();
        onTakenOver(pid);
        return;
      }
    }
    if (!channel.isOver) return;
    channel.close();
    this.#successor = undefined;
    reporter.warn("A successor went before it took over, going on", { pid });
    try {
      this.groups.balance();
    } catch (error) {
      reporter.error("Cannot balance sockets again", { error });
    }
  }

  #answer(channel: PeerChannel, version: number): void {
    if (version !== TAKEOVER_VERSION) {
      const why = `it speaks version ${TAKEOVER_VERSION} of the takeover, not ${version}; stop it first`;
      this.#tell(channel, { step: "refused", why });
      return;
    }
    this.#tell(channel, { step: "offer", groups: this.groups.offers(), httpPort: this.httpPort });
  }

  /** @returns false if the other is gone */
  #tell(channel: PeerChannel, message: TakeoverMessage): boolean {
    try {
      sendMessage(channel, message);
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return false; // whoever waits for its answer sees that it has gone
    }
  }
}

interface Found {
  readonly channel: PeerChannel;
  readonly offer: Extract<TakeoverMessage, { step: "offer" }>;
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot make takeover.directory ${directory}: ${why}; name one that this user may make`, { cause });
  }
}

/** The IP address of a host: every interface where it names none. */
async function literalOf(hostname: string): Promise<string> {
  if (hostname === "") return Deno.networkInterfaces().some(({ family }) => family === "IPv6") ? "::" : "0.0.0.0";
  if (hostname.includes(":") || /^[\d.]+$/.test(hostname)) return hostname;
  const { lookup } = await import("node:dns/promises");
  return (await lookup(hostname)).address;
}
