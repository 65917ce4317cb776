/** What the decoders of all workers know together: told to each of them, and kept in a file. */
import type { Reporter } from "../../telemetry/mod.ts";
import { restoreState, type SavedState, saveState } from "../decode/saved_state.ts";
import { FlowState } from "../decode/state.ts";
import { type DecoderConfig, stateLimits } from "./config.ts";

/**
 * What an exporter has said reaches whoever gets its next datagram, for partitions change hands, and without a key Kafka
 * spreads the datagrams of one exporter over all of them.
 */
export class Knowledge {
  readonly #path: string;
  readonly #reporter: Reporter;
  readonly #state: FlowState;
  readonly #workers = new Map<string, (learned: SavedState) => void>();
  #writing: Promise<void> = Promise.resolve();
  /** The write that has not begun. */
  #next: Promise<void> | undefined;

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
   * Takes in what a worker has learnt, and tells the others. Resolves when it is in the file, or it was said that it
   * can't be; never rejects.
   */
  take(worker: string, learned: SavedState): Promise<void> {
    restoreState(this.#state, learned);
    for (const [name, learn] of this.#workers) if (name !== worker) learn(learned);
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
