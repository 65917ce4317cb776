import type { Registry } from "./registry.ts";

/** Severity of a log line, least first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** The levels, least first. */
export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** What goes beside a message; an `error` field of type Error is the cause. */
export type Fields = Readonly<Record<string, unknown>>;

/** Where log lines go. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  /** Also goes to Sentry where one is configured. */
  error(message: string, fields?: Fields): void;
}

/** The one way in which any part of the agent reports: a log line, or a metric. */
export interface Reporter extends Log {
  readonly metrics: Registry;
}
