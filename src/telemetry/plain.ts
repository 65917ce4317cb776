import { REDACTED } from "./redactor.ts";

/** How deep a field is followed. */
const DEEPEST = 6;
/** How many entries of a list or an object are shown. */
const MOST_ENTRIES = 100;

/** A value that JSON can carry. */
export type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };

/**
 * What went wrong, and why: the messages of an error and its causes, joined by colons. A cause that its error's message
 * repeats is not said twice. Anything else that was thrown is shown as text.
 */
export function errorText(error: unknown): string {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  for (let at = error; at !== undefined && at !== null && !seen.has(at); at = causeOf(at)) {
    seen.add(at);
    const text = ownText(at);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
  }
  return parts.join(": ");
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

function ownText(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    const all = error.errors.slice(0, MOST_ENTRIES).map((each) => each === error ? error.name : errorText(each));
    return [...error.message === "" ? [] : [error.message], all.join("; ")].join(": ");
  }
  if (error instanceof Error) return error.message || error.name;
  return typeof error === "string" ? error : JSON.stringify(plain(error, (text) => text));
}

/**
 * `value` as JSON can carry it: errors as their text, bytes as text, what is too deep left out, all text redacted.
 *
 * @param deepest how many lists and objects may stand in one another
 */
export function plain(value: unknown, redact: (text: string) => string, deepest = DEEPEST): Plain {
  const above: unknown[] = [];
  const walk = (value: unknown): Plain => {
    switch (typeof value) {
      case "string":
        return redact(value);
      case "boolean":
        return value;
      case "number":
        return redact(String(value)) !== String(value) ? REDACTED : Number.isFinite(value) ? value : String(value);
      case "object":
        break;
      default:
        return redact(String(value)); // a bigint, symbol, function or undefined
    }
    if (value === null) return null;
    if (value instanceof Error) return redact(errorText(value));
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
    if (value instanceof URL) return redact(value.href);
    if (ArrayBuffer.isView(value)) return redact(new TextDecoder().decode(value));
    if (above.includes(value) || above.length >= deepest) return "…";
    above.push(value);
    try {
      if (Array.isArray(value) || value instanceof Set) return [...value].slice(0, MOST_ENTRIES).map(walk);
      const entries = value instanceof Map ? [...value] : Object.entries(value);
      return Object.fromEntries(
        entries.slice(0, MOST_ENTRIES).map(([key, entry]) => [redact(String(key)), walk(entry)]),
      );
    } finally {
      above.pop();
    }
  };
  return walk(value);
}
