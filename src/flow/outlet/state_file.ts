/** The file of what decoders know: of all workers, in one. */
import type { Reporter } from "../../telemetry/mod.ts";
import type { SavedState } from "../decode/saved_state.ts";

/** Reads the file. Undefined: there is none, or none that can be read, which is said. */
export async function readStateFile(path: string, reporter: Reporter): Promise<unknown> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      reporter.warn(`Cannot read what decoders knew from ${path}; decoding begins without it`, { error });
    }
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    reporter.warn(`Cannot use what decoders knew in ${path}: it is no JSON; decoding begins without it`, { error });
    return undefined;
  }
}

/** Keeps the file. Writes come one after the other, and replace it as a whole. */
export class StateFile {
  readonly #path: string;
  readonly #reporter: Reporter;
  /** By worker, those that have ended included: templates come once in a while only. */
  readonly #states = new Map<string, SavedState>();
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, reporter: Reporter) {
    this.#path = path;
    this.#reporter = reporter;
  }

  /** Takes in what a worker knows; resolves when it is in the file, or when it was said that it can't be. */
  save(worker: string, state: SavedState): Promise<void> {
    this.#states.delete(worker);
    this.#states.set(worker, state); // the newest last, where it wins
    return this.#writing = this.#writing.then(() => this.#write());
  }

  async #write(): Promise<void> {
    const draft = `${this.#path}.new`;
    try {
      await Deno.writeTextFile(draft, JSON.stringify(mergeStates([...this.#states.values()])), { mode: 0o644 });
      await Deno.rename(draft, this.#path);
    } catch (error) {
      this.#reporter.warn(`Cannot keep what decoders know in ${this.#path}`, { error });
    }
  }
}

/** One state of several; of two that speak of the same template, the later counts. */
export function mergeStates(states: readonly SavedState[]): SavedState {
  const [first = { Version: 1, Decoders: {} }, ...others] = states;
  const decoders: Record<string, SavedState["Decoders"][string]> = { ...first.Decoders };
  for (const { Decoders } of others) {
    for (const [exporter, domains] of Object.entries(Decoders)) {
      const merged = { ...decoders[exporter] };
      for (const [key, domain] of Object.entries(domains)) {
        const known = merged[key];
        merged[key] = known === undefined ? domain : {
          ...domain,
          templates: { ...known.templates, ...domain.templates },
          rates: [...known.rates, ...domain.rates],
        };
      }
      decoders[exporter] = merged;
    }
  }
  return { Version: first.Version, Decoders: decoders };
}
