import { isSecretName, redact, REDACTED } from "./redact.ts";

/** Where a setting stands. */
export interface Position {
  /** The file as it was named; the variable, for a setting from the environment. */
  readonly file: string;
  /** From 1; 0 where there are no lines. */
  readonly line: number;
  /** From 1, in characters; 0 where there are no lines. */
  readonly column: number;
}

/** `limier.yaml:3:13`, or the file alone where there are no lines. */
export function formatPosition(at: Position): string {
  return at.line === 0 ? at.file : `${at.file}:${at.line}:${at.column}`;
}

/** A setting the program cannot start with; the message says where, and what to write. */
export class ConfigError extends RangeError {
  override readonly name = "ConfigError";
  readonly code = "config.invalid";
  /** The setting's value as it may be shown. */
  readonly value: unknown;

  /**
   * @param at where the setting stands
   * @param path the setting: `statsd.interval`, `outputs[0].key`
   * @param value what was written; `undefined`: nothing was
   * @param want completes "write …"
   * @param options `problem` takes the place of the sentence that is made of the others
   */
  constructor(
    readonly at: Position,
    readonly path: string,
    value: unknown,
    want: string,
    options: { problem?: string; cause?: unknown } = {},
  ) {
    const shown = shownValue(path, value);
    const problem = options.problem ??
      (value === undefined
        ? `Cannot do without ${path}: write ${want}`
        : `Cannot use ${path} = ${show(shown)}: write ${want}`);
    super(`${formatPosition(at)}: ${problem}`, options.cause === undefined ? {} : { cause: options.cause });
    this.value = shown;
  }
}

/** Everything that was wrong with a configuration, in the order in which it is written. */
export class ConfigErrors extends AggregateError {
  override readonly name = "ConfigErrors";
  readonly code = "config.errors";
  declare readonly errors: ConfigError[];

  /** The message is a line for each of `errors`. */
  constructor(errors: readonly ConfigError[]) {
    super(errors, errors.map((error) => error.message).join("\n"));
  }
}

/** The value of a setting as it may be shown: a secret's is not. */
function shownValue(path: string, value: unknown): unknown {
  const secret = path.split(".").some((name) => isSecretName(name.replace(/(?:\[\d+\])+$/, "")));
  if (!secret) return redact(value);
  return value === undefined || value === null || value === "" ? value : REDACTED;
}

/** A line says enough with so many characters of a value. */
const LONGEST_SHOWN = 80;

function show(value: unknown): string {
  if (value === REDACTED) return REDACTED;
  // JSON has no word for these two.
  const json = typeof value === "number" ? String(value) : JSON.stringify(value) ?? String(value);
  return json.length <= LONGEST_SHOWN ? json : `${json.slice(0, LONGEST_SHOWN - 1)}…`;
}
