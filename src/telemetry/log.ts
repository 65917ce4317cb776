import type { Clock } from "../clock/mod.ts";
import { plain } from "./plain.ts";
import { newRedactor, type Redactor } from "./redactor.ts";
import { Registry } from "./registry.ts";
import { type Fields, LOG_LEVELS, type LogLevel, type Reporter } from "./reporter.ts";
import type { SentryClient } from "./sentry.ts";

/** Settings of {@link newReporter}. */
export interface ReporterOptions {
  /** The least level that is written; a function is asked each time. */
  readonly level: LogLevel | (() => LogLevel);
  /** `text` is for people: time, level, message, `key=value`; `json` is one object a line. */
  readonly format: "text" | "json";
  /** Takes one line, its line feed included. What it throws is ignored. */
  readonly write: (line: string) => void;
  readonly clock: Clock;
  /** Where the agent's metrics are kept. @default a new one */
  readonly metrics?: Registry;
  /** What takes the secrets out. @default one that knows none */
  readonly redactor?: Redactor;
  /** Gets every line of level error, whatever `level` is. */
  readonly sentry?: SentryClient;
  /** Shown in each line, before its own fields. */
  readonly fields?: Fields;
}

/** A reporter that writes lines. It never throws: a log that fails must not fail what it speaks of. */
export function newReporter(options: ReporterOptions): Reporter {
  const { clock, write, sentry } = options;
  const redactor = options.redactor ?? newRedactor();
  const { level: least } = options;
  const isWritten = typeof least === "function"
    ? (level: LogLevel) => LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least())
    : (level: LogLevel) => LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
  const line = options.format === "json" ? jsonLine : textLine;

  const logAt = (level: LogLevel) => (message: string, fields?: Fields): void => {
    if (isWritten(level)) {
      try {
        write(line(new Date(clock.now()).toISOString(), level, message, { ...options.fields, ...fields }, redactor));
      } catch {
        // There is nowhere left to say that the log can't be written (a closed standard error).
      }
    }
    if (level === "error" && sentry !== undefined) sentry.capture({ level: "error", message, ...splitError(fields) });
  };
  return {
    debug: logAt("debug"),
    info: logAt("info"),
    warn: logAt("warn"),
    error: logAt("error"),
    metrics: options.metrics ?? new Registry(),
  };
}

function splitError(fields: Fields = {}): { error?: unknown; extra: Fields } {
  const { error, ...extra } = fields;
  return error === undefined ? { extra } : { error, extra };
}

type WriteLine = (time: string, level: LogLevel, message: string, fields: Fields, redactor: Redactor) => string;

const jsonLine: WriteLine = (time, level, message, fields, redactor) => {
  const line: Record<string, unknown> = { time, level, message: redactor.redact(message) };
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const name = redactor.redact(key);
    line[name in line ? `field_${name}` : name] = plain(value, redactor.redact);
  }
  return JSON.stringify(line) + "\n";
};

const textLine: WriteLine = (time, level, message, fields, redactor) => {
  let line = `${time} ${level.toUpperCase().padEnd(5)} ${oneLine(redactor.redact(message))}`;
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${fieldText(redactor.redact(key))}=${valueText(value, redactor)}`;
  }
  return line + "\n";
};

function valueText(value: unknown, redactor: Redactor): string {
  const shown = plain(value, redactor.redact);
  return fieldText(typeof shown === "string" ? shown : JSON.stringify(shown));
}

/** A word as it is; anything that could be taken for more than one, or for another field, in quotes. */
function fieldText(text: string): string {
  if (/^[^\s"=\p{C}]+$/u.test(text)) return text;
  return oneLine(JSON.stringify(text));
}

/** Control characters, which could draw lines of their own or drive a terminal, as JSON escapes them. */
function oneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (char) =>
      [...Array(char.length).keys()].map((i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, "0")}`).join(""),
  );
}
