import type { Running } from "../clock/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";

/** What a source is started with and told apart by. */
export interface SideSourceOptions<Config, Source> {
  /** Its section of the configuration, for messages. */
  readonly section: string;
  /** Starts it, or nothing where the configuration asks for none. */
  readonly start: (config: Config) => Promise<Source | undefined>;
  /** Whether a source that runs with the one is as good as one with the other. */
  readonly isSame: (a: Config, b: Config) => boolean;
  readonly reporter: Reporter;
  /** Told when a source stops by an error. */
  readonly onFailed: (error: unknown) => void;
}

/** A source that a reload may stop and start anew, while the rest of the agent goes on. */
export class SideSource<Config, Source extends Running> implements AsyncDisposable {
  readonly #options: SideSourceOptions<Config, Source>;
  #running: Source | undefined;

  constructor(options: SideSourceOptions<Config, Source>) {
    this.#options = options;
  }

  /** The source, where there is one at the moment. */
  get running(): Source | undefined {
    return this.#running;
  }

  /** @throws whatever its start throws */
  async start(config: Config): Promise<void> {
    const source = this.#running = await this.#options.start(config);
    source?.done.catch(this.#options.onFailed);
  }

  /**
   * Starts it anew where its configuration changed; where the changed one can't be used, with the one before, and says so.
   *
   * @returns the configuration that is in force
   * @throws whatever its start throws, when the one before can't be used any more either
   */
  async replace(before: Config, changed: Config): Promise<Config> {
    const { section, isSame, reporter } = this.#options;
    if (isSame(before, changed)) return changed;
    await this[Symbol.asyncDispose]();
    try {
      await this.start(changed);
      return changed;
    } catch (error) {
      reporter.error(`Cannot use the changed ${section} section, going back to the old one`, { error });
      await this.start(before);
      return before;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const source = this.#running;
    this.#running = undefined;
    await source?.[Symbol.asyncDispose]();
  }
}
