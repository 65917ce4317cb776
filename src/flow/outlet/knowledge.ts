/** What the decoders of all workers know together: told to each of them, and kept in a file. */
import type { Reporter } from "../../telemetry/mod.ts";
import { parseAddressWords } from "../address.ts";
import { restoreState, type SavedState, saveState } from "../decode/saved_state.ts";
import { FlowState } from "../decode/state.ts";
import { type DecoderConfig, stateLimits } from "./config.ts";
import type { KnowledgeTopic } from "./knowledge_topic.ts";

/**
 * What an exporter has said reaches whoever gets its next datagram, for partitions change hands, and without a key Kafka
 * spreads the datagrams of one exporter over all of them. It is bounded and does not age: how old a template may be is a
 * question of the datagrams that are read with it, and one partition may be days behind another.
 */
export class Knowledge {
  readonly #path: string;
  readonly #reporter: Reporter;
  readonly #state: FlowState;
  readonly #workers = new Map<string, (learned: SavedState) => void>();
  #writing: Promise<void> = Promise.resolve();
  /** The write that has not begun. */
  #next: Promise<void> | undefined;
  #topic: Pick<KnowledgeTopic, "publish" | "caughtUp"> | undefined;
  #isTold = false;

  constructor(config: DecoderConfig, reporter: Reporter) {
    this.#path = config.statePersistFile;
    this.#reporter = reporter;
    this.#state = new FlowState(stateLimits(config));
  }

  /** Reads the file, if there is one. One that can't be used is told of. */
  async read(): Promise<void> {
    if (this.#path === "") return;
    const without = "decoding begins without it";
    const reporter = this.#reporter;
    let text: string;
    try {
      text = await Deno.readTextFile(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      return reporter.warn(`Cannot read what decoders knew from ${this.#path}; ${without}`, { error });
    }
    let fault: string | null;
    try {
      fault = restoreState(this.#state, JSON.parse(text));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      fault = `it is no JSON: ${error.message}`;
    }
    if (fault !== null) reporter.warn(`Cannot use what decoders knew in ${this.#path}; ${without}`, { error: fault });
  }

  /** From now on what is learnt is also told to other outlets. */
  share(topic: Pick<KnowledgeTopic, "publish" | "caughtUp">): void {
    this.#topic = topic;
  }

  /** Takes in what another outlet has learnt, and tells the workers. */
  hear(learned: SavedState): void {
    const error = restoreState(this.#state, learned);
    if (error === null) {
      for (const learn of this.#workers.values()) learn(learned);
      return;
    }
    if (this.#isTold) return;
    this.#isTold = true;
    this.#reporter.warn("Cannot use what another outlet has learnt; does it have another version?", { error });
  }

  /** Resolves when workers were told what other outlets had learnt up to now. */
  caughtUp(): Promise<void> {
    return this.#topic?.caughtUp() ?? Promise.resolve();
  }

  /** Tells a worker what is known, at once, and what others learn, from then on. */
  join(worker: string, learn: (learned: SavedState) => void): void {
    this.#workers.set(worker, learn);
    if (this.#state.templateCount > 0) learn(saveState(this.#state));
  }

  /** The worker is told no more. */
  leave(worker: string): void {
    this.#workers.delete(worker);
  }

  /**
   * Takes in what a worker has learnt, and tells the others. Resolves when it is in the file and other outlets may know,
   * or it was said that that can't be; never rejects.
   */
  async take(worker: string, learned: SavedState): Promise<void> {
    restoreState(this.#state, learned);
    for (const [name, learn] of this.#workers) if (name !== worker) learn(learned);
    await Promise.all([this.#keep(), this.#publish(learned)]);
  }

  /** All that is known of the exporters: of what was said of one before, the topic keeps nothing. */
  async #publish({ Decoders }: SavedState): Promise<void> {
    if (this.#topic === undefined) return;
    const exporters = new Map<string, SavedState>();
    for (const address of Object.keys(Decoders)) {
      const words = parseAddressWords(address);
      const exporter = words === undefined ? undefined : this.#state.find(words);
      if (exporter !== undefined) exporters.set(address, saveState(this.#state, [exporter]));
    }
    if (exporters.size > 0) await this.#topic.publish(exporters);
  }

  #keep(): Promise<void> {
    if (this.#path === "") return Promise.resolve();
    // One write for all that comes while another is under way.
    return this.#next ??= this.#writing = this.#writing.then(() => {
      this.#next = undefined;
      return this.#write();
    });
  }

  async #write(): Promise<void> {
    const draft = `${this.#path}.new`;
    try {
      await Deno.writeTextFile(draft, JSON.stringify(saveState(this.#state)), { mode: 0o644 });
      await Deno.rename(draft, this.#path);
    } catch (error) {
      this.#reporter.warn(`Cannot keep what decoders know in ${this.#path}`, { error });
    }
  }
}
