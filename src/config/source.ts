import { type ConfigError, ConfigErrors, type Position } from "./error.ts";
import { type Step, YamlPlaces } from "./yaml_places.ts";

/**
 * What the sections of one configuration share: where their settings come from, and what was found wrong with them.
 */
export class Source {
  readonly #text: string | undefined;
  #places: YamlPlaces | undefined;
  readonly #collect: boolean;
  readonly #errors = new Set<ConfigError>();
  /** By path: what a variable says, as it says it. */
  readonly #verbatim = new Map<string, string>();
  /** By path: the variable that overrides the setting. */
  readonly #variables = new Map<string, { name: string; path: readonly Step[] }>();

  /**
   * @param file the name of the file
   * @param text its YAML; `undefined` for settings that stand in no file
   * @param collect errors are kept rather than thrown
   */
  constructor(readonly file: string, text: string | undefined, collect: boolean) {
    this.#text = text;
    this.#collect = collect;
  }

  /** What the file reads like where `places` are wanted. */
  get places(): YamlPlaces | undefined {
    if (this.#text !== undefined) this.#places ??= new YamlPlaces(this.#text);
    return this.#places;
  }

  /** Notes that the setting at `path` was written in the environment as `text`, by the variable `name` if it has one. */
  noteVariable(path: readonly Step[], text: string, name?: string): void {
    this.#verbatim.set(pathKey(path), text);
    if (name !== undefined) this.#variables.set(pathKey(path), { name, path });
  }

  /** The text of the setting at `path` as the environment has it. */
  verbatim(path: readonly Step[]): string | undefined {
    return this.#verbatim.get(pathKey(path));
  }

  /** The letters of the scalar at `path` as the file or the environment has them. */
  written(path: readonly Step[]): string | undefined {
    return this.verbatim(path) ?? this.places?.find(path).source;
  }

  /** Where the setting at `path` stands, or what is nearest to it. */
  position(path: readonly Step[], part: "key" | "value"): Position {
    const variable = this.#variableOf(path);
    if (variable !== undefined) return { file: variable, line: 0, column: 0 };
    const found = this.places?.find(path);
    if (found === undefined) return { file: this.file, line: 0, column: 0 };
    if (!found.exact) {
      // A section that only the environment knows.
      const within = [...this.#variables.values()].find(({ path: other }) => startsWith(other, path));
      if (within !== undefined) return { file: within.name, line: 0, column: 0 };
    }
    return { file: this.file, ...(part === "key" && found.exact ? found.key : found.value) };
  }

  /** Throws the error, or keeps it. */
  report(error: ConfigError): void {
    this.keep(error);
    if (!this.#collect) throw error;
  }

  /** Keeps the error, once. */
  keep(error: ConfigError): void {
    for (const { message } of this.#errors) if (message === error.message) return;
    this.#errors.add(error);
  }

  /** The errors so far: those of the file by their place, then those of the environment. */
  get errors(): ConfigError[] {
    const rank = ({ at }: ConfigError) => at.line === 0 ? Infinity : at.line;
    return [...this.#errors].sort((a, b) => {
      if (rank(a) !== rank(b)) return rank(a) - rank(b);
      return a.at.column - b.at.column;
    });
  }

  /** @throws {ConfigErrors} when there are any */
  throwCollected(): void {
    const errors = this.errors;
    if (errors.length > 0) throw new ConfigErrors(errors);
  }

  #variableOf(path: readonly Step[]): string | undefined {
    if (this.#variables.size === 0) return undefined;
    for (let length = path.length; length > 0; length--) {
      const variable = this.#variables.get(pathKey(path.slice(0, length)));
      if (variable !== undefined) return variable.name;
    }
    return undefined;
  }
}

/** `statsd.interval`, `outputs[0].key`; the file's name for the whole. */
export function formatPath(path: readonly Step[]): string {
  let text = "";
  for (const step of path) text += typeof step === "number" ? `[${step}]` : text === "" ? step : `.${step}`;
  return text;
}

function pathKey(path: readonly Step[]): string {
  return JSON.stringify(path);
}

function startsWith(path: readonly Step[], start: readonly Step[]): boolean {
  return start.every((step, i) => path[i] === step);
}
