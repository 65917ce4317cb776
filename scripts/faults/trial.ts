/** One fault in one mode: what it is made of, what was found, and what has to be cleared away. */
import { type BatchesOptions, type Numbered, numberedBatches } from "./events.ts";
import { type Delivery, type DeliveryOptions, startDelivery } from "./delivery.ts";
import { FramedPeer } from "./framed_peer.ts";
import { HttpPeer, type PeerOptions } from "./http_peer.ts";
import type { ModeName, TrialMode } from "./modes.ts";
import { Oracle } from "./oracle.ts";
import { type Random, randomFrom } from "./random.ts";

/** One row of the plan. */
export interface Row {
  /** `FI-1` */
  readonly id: string;
  readonly fault: string;
  /** Where it makes sense; all modes unless told otherwise. */
  readonly modes?: readonly ModeName[];
  /** The one it runs in where it runs once; its first unless told otherwise. */
  readonly once?: ModeName;
  /** Runs beside other rows, being mostly another process's work. @default false */
  readonly long?: boolean;
  run(trial: Trial): Promise<void>;
}

/** Events of a trial, unless its row says otherwise. */
const EVENTS = 10_000;

/** A trial under way. */
export class Trial implements AsyncDisposable {
  readonly mode: TrialMode;
  readonly random: Random;
  readonly oracle = new Oracle();
  /** Whether times and numbers are the full ones. */
  readonly full: boolean;
  readonly seed: number;
  /** Events sent so far, over all deliveries. */
  events = 0;
  /** Faults injected so far. */
  faults = 0;
  readonly #findings: string[] = [];
  readonly #notes: string[] = [];
  readonly #stack = new AsyncDisposableStack();
  readonly #say: (line: string) => void;

  constructor(row: Row, mode: TrialMode, options: { seed: number; full: boolean; say: (line: string) => void }) {
    this.mode = mode;
    this.seed = options.seed;
    this.random = randomFrom(options.seed, `${row.id} ${mode.name}`);
    this.full = options.full;
    this.#say = options.say;
  }

  /** What does not hold. */
  get findings(): readonly string[] {
    return this.#findings;
  }

  /** What should be known of how it was done. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** Remembers `what` unless it holds. */
  require(holds: boolean, what: string): void {
    if (!holds) this.#findings.push(what);
  }

  /** Remembers findings made elsewhere. */
  find(findings: readonly string[], where = ""): void {
    for (const finding of findings) this.#findings.push(where === "" ? finding : `${where}: ${finding}`);
  }

  /** Something to be shown with the result. */
  note(what: string): void {
    this.#notes.push(what);
  }

  say(line: string): void {
    this.#say(line);
  }

  fault(count = 1): void {
    this.faults += count;
  }

  /** Clears it away when the trial is over; what came last goes first. */
  own<Owned extends AsyncDisposable>(owned: Owned): Owned {
    return this.#stack.use(owned);
  }

  defer(clear: () => Promise<void> | void): void {
    this.#stack.defer(clear);
  }

  async directory(): Promise<string> {
    const path = await Deno.makeTempDir({ prefix: "limier-fault-" });
    this.defer(() => Deno.remove(path, { recursive: true }));
    return path;
  }

  /** As many receivers as the mode has hosts. */
  peers(options: PeerOptions = {}, count = this.mode.hosts, oracle: Pick<Oracle, "store"> = this.oracle): HttpPeer[] {
    return Array.from({ length: count }, (_, i) => this.own(new HttpPeer(`host${i + 1}`, oracle, options)));
  }

  framedPeers(count = this.mode.hosts, oracle = this.oracle): FramedPeer[] {
    return Array.from({ length: count }, (_, i) => this.own(new FramedPeer(`host${i + 1}`, oracle)));
  }

  /** The trial's events, 10,000 unless told otherwise. */
  batches(events = EVENTS, options: BatchesOptions = {}): Numbered[] {
    const firstId = options.firstId ?? this.events + 1;
    this.events += events;
    return numberedBatches(this.random, events, { ...options, firstId });
  }

  /** Starts delivering in the trial's mode. */
  async deliver(hosts: readonly { readonly url: string }[], options: DeliveryOptions = {}): Promise<Delivery> {
    const delivery = await startDelivery(this, hosts.map(({ url }) => url), options);
    this.own(delivery);
    return delivery;
  }

  /**
   * Chooses which of the things that happen are faulty: with probability `share`, at most `most` of them; each is counted.
   */
  chooser(share: number, most = Infinity): () => boolean {
    let left = most;
    return () => {
      if (left <= 0 || !this.random.chance(share)) return false;
      left--;
      this.fault();
      return true;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
