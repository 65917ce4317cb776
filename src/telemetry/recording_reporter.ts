import { Registry } from "./registry.ts";
import type { Fields, LogLevel, Reporter } from "./reporter.ts";

/** One line a {@link recordingReporter} was given. */
export interface Recorded {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Fields;
}

/** A reporter for tests: it keeps what it is told, in order. */
export function recordingReporter(): Reporter & { readonly lines: readonly Recorded[] } {
  const lines: Recorded[] = [];
  const keep = (level: LogLevel) => (message: string, fields: Fields = {}) =>
    void lines.push({ level, message, fields });
  return {
    lines,
    debug: keep("debug"),
    info: keep("info"),
    warn: keep("warn"),
    error: keep("error"),
    metrics: new Registry(),
  };
}
