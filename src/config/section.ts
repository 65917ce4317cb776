import { type Address, parseAddress } from "./address.ts";
import { formatDuration, parseDuration } from "./duration.ts";
import { copyExpanded, isMap } from "./environment.ts";
import { ConfigError, type Position } from "./error.ts";
import { isSlip, nearestName } from "./nearest.ts";
import { isSecretName } from "./redact.ts";
import { formatSize, parseSize } from "./size.ts";
import { formatPath, Source } from "./source.ts";
import type { Step } from "./yaml_places.ts";

/** Bounds of a number, both included. */
export interface NumberBounds {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Bounds, both included, written as the setting itself would be: `1s`, `64KiB`. */
export interface TextBounds {
  readonly atLeast?: string;
  readonly atMost?: string;
}

/**
 * A map of settings. Each getter returns `undefined` for a key that is absent or has no value, so that defaults stand
 * with the module that has them, and throws a `ConfigError` for a value that it can't use. Where errors are collected
 * it keeps the error and returns `undefined`.
 */
export class Section {
  readonly #source: Source;
  readonly #steps: readonly Step[];
  readonly #values: Readonly<Record<string, unknown>>;

  /** Made by `readDocument()` and `Section.of()`. */
  constructor(source: Source, steps: readonly Step[], values: Readonly<Record<string, unknown>>) {
    this.#source = source;
    this.#steps = steps;
    this.#values = values;
  }

  /**
   * A section of a plain object, the one its YAML would yield. The environment says nothing here.
   *
   * @param options `file`: what errors name as their place, "config" unless told otherwise
   */
  static of(object: object, options: { readonly file?: string; readonly collect?: boolean } = {}): Section {
    const source = new Source(options.file ?? "config", undefined, options.collect ?? false);
    const values = copyExpanded(object, undefined, source);
    if (!isMap(values)) {
      const problem = "Cannot read the settings: hand in a plain object";
      throw new ConfigError({ file: source.file, line: 0, column: 0 }, "", undefined, "", { problem });
    }
    return new Section(source, [], values);
  }

  /** Where the section stands: `statsd`, `outputs[0]`; "" for the whole document. */
  get path(): string {
    return formatPath(this.#steps);
  }

  /** Whether the key has a value, or is a secret that `KEY_file` names. */
  has(key: string): boolean {
    return this.value(key) !== undefined || (isSecretName(key) && this.value(`${key}_file`) !== undefined);
  }

  /** The keys that are written, in order, those without a value too. */
  keys(): string[] {
    return Object.keys(this.#values).filter((key) => this.#values[key] !== undefined);
  }

  /** The value as YAML has it; of an absent key, or one without a value, `undefined`. */
  value(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? this.#values[key] ?? undefined : undefined;
  }

  /** The letters of a scalar as they are written, `007` for a 7; `undefined` where that is not known. */
  written(key: string, ...inner: readonly (string | number)[]): string | undefined {
    return this.#source.written([...this.#steps, key, ...inner]);
  }

  /** A deep copy of everything in the section. */
  toObject(): Record<string, unknown> {
    return structuredClone(this.#values);
  }

  /** Text. Of a key with a secret's name, what `secret()` returns. */
  string(key: string): string | undefined {
    return isSecretName(key) ? this.secret(key) : this.#text(key);
  }

  /** `true` or `false`. */
  boolean(key: string): boolean | undefined {
    const value = this.value(key);
    return value === undefined || typeof value === "boolean" ? value : this.refuse(key, "true or false");
  }

  /** A whole number. */
  integer(key: string, bounds: NumberBounds = {}): number | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const want = `a whole number${boundsText(bounds.atLeast, bounds.atMost)}`;
    return isWithin(value, bounds) && Number.isSafeInteger(value) ? value : this.refuse(key, want);
  }

  /** A finite number. */
  number(key: string, bounds: NumberBounds = {}): number | undefined {
    const value = this.value(key);
    if (value === undefined || isWithin(value, bounds)) return value;
    return this.refuse(key, `a number${boundsText(bounds.atLeast, bounds.atMost)}`);
  }

  /** A duration as `parseDuration()` reads it, in milliseconds; not negative unless `atLeast` is. */
  duration(key: string, bounds: TextBounds = {}): number | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const text = value === 0 ? "0" : this.#verbatim(key) ?? value;
    const ms = typeof text === "string" ? parsed(parseDuration, text) : undefined;
    if (ms === undefined) return this.refuse(key, "a duration such as 10s or 1m30s");
    const atLeast = parseDuration(bounds.atLeast ?? "0");
    const atMost = parseDuration(bounds.atMost ?? "2562047h");
    if (ms >= atLeast && ms <= atMost) return ms;
    const most = bounds.atMost === undefined ? undefined : formatDuration(atMost);
    return this.refuse(key, `a duration${boundsText(formatDuration(atLeast), most)}`);
  }

  /** A size as `parseSize()` reads it, in bytes. */
  size(key: string, bounds: TextBounds = {}): number | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const bytes = typeof value === "string" || typeof value === "number" ? parsed(parseSize, String(value)) : undefined;
    if (bytes === undefined) return this.refuse(key, "a size such as 512B, 64KiB or 1GiB");
    const atLeast = parseSize(bounds.atLeast ?? "0");
    const atMost = parseSize(bounds.atMost ?? String(Number.MAX_SAFE_INTEGER));
    if (bytes >= atLeast && bytes <= atMost) return bytes;
    const most = bounds.atMost === undefined ? undefined : formatSize(atMost);
    return this.refuse(key, `a size${boundsText(formatSize(atLeast), most)}`);
  }

  /** `host:port` as `parseAddress()` reads it, or "" for none; the text. */
  address(key: string): string | undefined {
    const text = this.#text(key, "an address, host:port");
    if (text === undefined || text === "") return text;
    return parsed<Address>(parseAddress, text) === undefined
      ? this.refuse(key, "host:port, [::1]:port or :port")
      : text;
  }

  /** One of the words. */
  oneOf<const Word extends string>(key: string, words: readonly Word[]): Word | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const text = this.#verbatim(key) ?? value;
    return words.find((word) => word === text) ?? this.refuse(key, list(words, "or"));
  }

  /** A list of texts. */
  strings(key: string): string[] | undefined {
    return this.#list(key, "a list of texts", (value, steps) => {
      const text = this.#source.verbatim(steps) ?? value;
      return typeof text === "string" ? text : this.#refuseAt(steps, value, TEXT);
    });
  }

  /** A list of finite numbers. */
  numbers(key: string): number[] | undefined {
    return this.#list(
      key,
      "a list of numbers",
      (value, steps) => isWithin(value, {}) ? value : this.#refuseAt(steps, value, "a number"),
    );
  }

  /** The section under `key`; an empty one when it is absent. */
  section(key: string): Section {
    const steps = [...this.#steps, key];
    return new Section(this.#source, steps, this.#map(this.value(key), steps) ?? {});
  }

  /** The sections of the list under `key`; none when it is absent. */
  sections(key: string): Section[] {
    return this.#list(key, "a list of maps", (value, steps) => {
      const values = this.#map(value, steps);
      return values === undefined ? undefined : new Section(this.#source, steps, values);
    }) ?? [];
  }

  /** The map of texts under `key`. */
  map(key: string): Record<string, string> | undefined {
    if (this.value(key) === undefined) return undefined;
    const inner = this.section(key);
    const texts: [string, string][] = [];
    for (const name of inner.keys()) {
      // A name of a map is nobody's key: `key` in it holds no secret of ours.
      const text = inner.#text(name);
      if (text !== undefined) texts.push([name, text]);
    }
    return Object.fromEntries(texts);
  }

  /** Every key with the section under it, for a map of sections by name. */
  entries(): [name: string, section: Section][] {
    return this.keys().map((key) => [key, this.section(key)]);
  }

  /**
   * A secret: the text under `key`, or that of the file that `KEY_file` names (from the working directory), without
   * the line's end behind it.
   */
  secret(key: string): string | undefined {
    const fileKey = `${key}_file`;
    const path = this.#text(fileKey, "the path of a file");
    if (path === undefined) return this.#text(key);
    if (this.value(key) !== undefined) return this.refuse(fileKey, `either ${key} or ${fileKey}`);
    let text: string;
    try {
      text = Deno.readTextFileSync(path).replace(/\r?\n$/, "");
    } catch (error) {
      const why = error instanceof Error ? error.message.replace(/: readfile '.*'$/, "") : String(error);
      return this.refuse(fileKey, `the path of a file that can be read (${why})`, error);
    }
    return text === "" ? this.refuse(fileKey, "the path of a file that is not empty") : text;
  }

  /** The keys that are not among `known`. `KEY_file` goes with a known key that holds a secret. */
  others(known: readonly string[]): string[] {
    return this.keys().filter((key) => {
      const secret = key.endsWith("_file") ? key.slice(0, -"_file".length) : undefined;
      return !known.includes(key) && !(secret !== undefined && isSecretName(secret) && known.includes(secret));
    });
  }

  /** Refuses keys that are not among `known`, and names the nearest that is. */
  refuseOthers(known: readonly string[]): void {
    for (const key of this.others(known)) {
      const path = formatPath([...this.#steps, key]);
      const problem = `Cannot use ${path}: there is no such key; ${suggestion(key, known)}`;
      this.#source.report(new ConfigError(this.atKey(key), path, undefined, "", { problem }));
    }
  }

  /** Refuses the value of `key`: "write `want`". Where errors are collected, keeps the error. */
  refuse(key: string, want: string, cause?: unknown): undefined {
    return this.#refuseAt([...this.#steps, key], this.value(key), want, cause);
  }

  /** Refuses the value of `key`, and never returns. `gather()` catches what it throws. */
  fail(key: string, want: string): never {
    const error = this.#error([...this.#steps, key], this.value(key), want);
    this.#source.keep(error);
    throw error;
  }

  /** Where the value of `key` stands; of an absent key, where the section does. */
  at(key: string): Position {
    return this.#source.position([...this.#steps, key], "value");
  }

  /** Where the key itself stands. */
  atKey(key: string): Position {
    return this.#source.position([...this.#steps, key], "key");
  }

  /** What `read` returns; where errors are collected, `undefined` if it throws one. */
  gather<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#source.report(error);
      return undefined;
    }
  }

  /** All errors of the whole document that were kept so far, in the order of the file, the environment's last. */
  get errors(): ConfigError[] {
    return this.#source.errors;
  }

  /** @throws {ConfigErrors} when errors were kept */
  throwCollected(): void {
    this.#source.throwCollected();
  }

  #text(key: string, want = TEXT): string | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const text = this.#verbatim(key) ?? value;
    return typeof text === "string" ? text : this.refuse(key, want);
  }

  #verbatim(key: string): string | undefined {
    return this.#source.verbatim([...this.#steps, key]);
  }

  #list<T>(key: string, want: string, read: (value: unknown, steps: Step[]) => T | undefined): T[] | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) return this.refuse(key, want);
    return value.map((each, i) => read(each, [...this.#steps, key, i])).filter((each) => each !== undefined);
  }

  #map(value: unknown, steps: readonly Step[]): Record<string, unknown> | undefined {
    if (value === undefined || value === null) return {};
    return isMap(value) ? value : this.#refuseAt(steps, value, "a map of settings");
  }

  #refuseAt(steps: readonly Step[], value: unknown, want: string, cause?: unknown): undefined {
    this.#source.report(this.#error(steps, value, want, cause));
    return undefined;
  }

  #error(steps: readonly Step[], value: unknown, want: string, cause?: unknown): ConfigError {
    const shown = this.#source.verbatim(steps) ?? value;
    return new ConfigError(this.#source.position(steps, "value"), formatPath(steps), shown, want, { cause });
  }
}

const TEXT = "a text, in quotes if it looks like something else";

/** What `parse` returns, `undefined` where it throws a RangeError: the caller says what to write. */
function parsed<T>(parse: (text: string) => T, text: string): T | undefined {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function isWithin(value: unknown, { atLeast = -Infinity, atMost = Infinity }: NumberBounds): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= atLeast && value <= atMost;
}

/** ` of 1s or more`, ` of at most 64KiB`, ` from 1 to 64`. */
function boundsText(atLeast: number | string | undefined, atMost: number | string | undefined): string {
  if (atLeast !== undefined && atMost !== undefined) return ` from ${atLeast} to ${atMost}`;
  if (atLeast !== undefined) return ` of ${atLeast} or more`;
  return atMost === undefined ? "" : ` of at most ${atMost}`;
}

/** So many keys can be read at a glance. */
const FEW_KEYS = 8;

function suggestion(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  if (nearest === undefined) return "none is known here";
  if (isSlip(key, nearest) || known.length > FEW_KEYS) return `did you mean ${nearest}?`;
  return `write ${list(known, "or")}`;
}

/** `a`, `a or b`, `a, b or c`. */
function list(words: readonly string[], last: string): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}
