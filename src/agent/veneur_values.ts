import { type Environment, parseDuration, type Section } from "../config/mod.ts";
import type { VeneurType } from "./veneur_keys.ts";

/** A value of Veneur's file: text, a number, a flag, a list of texts or numbers, or a list of sections. */
export type VeneurValue = string | number | boolean | readonly string[] | readonly number[] | readonly Section[];

const WANTS: Readonly<Record<VeneurType, string>> = {
  string: "a text",
  secret: "a text",
  bool: "true or false",
  int: "a whole number",
  float: "a number",
  duration: "a duration such as 10s or 1m30s",
  strings: "a list of texts",
  floats: "a list of numbers",
  list: "a list of maps",
};

/** The flags of YAML 1.1, which Go's YAML reads in this way and YAML 1.2 as text. */
const FLAGS: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"].map((word) => [word, true]),
  ...["n", "N", "no", "No", "NO", "off", "Off", "OFF"].map((word) => [word, false]),
]);

/** The flags of Go's `strconv.ParseBool`, for variables. */
const GO_FLAGS: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...["1", "t", "T", "TRUE", "true", "True"].map((word) => [word, true]),
  ...["0", "f", "F", "FALSE", "false", "False"].map((word) => [word, false]),
]);

/**
 * Reads a key as Go's YAML would: a scalar of any kind is text where text is wanted, with the letters it is written in.
 * `undefined` when it is absent, or refused where errors are collected.
 *
 * @throws {ConfigError} on a value of another type
 */
export function readVeneurValue(section: Section, key: string, type: VeneurType): VeneurValue | undefined {
  const value = section.value(key);
  if (value === undefined) return undefined;
  if (type === "list") return section.sections(key);
  if (type === "strings" || type === "floats") {
    if (!Array.isArray(value)) return section.refuse(key, WANTS[type]);
    const items = value.map((item, i) =>
      type === "strings" ? textOf(item, () => section.written(key, i)) : numberOf(item)
    );
    if (items.includes(undefined)) return section.refuse(key, WANTS[type]);
    return items.filter((item) => item !== "") as string[] | number[];
  }
  return scalarOf(value, type, () => section.written(key)) ?? section.refuse(key, WANTS[type]);
}

/**
 * Reads a variable as Veneur's environment is read: lists are parted by commas, flags are Go's.
 *
 * @returns `want`, which completes "write …", when it can't be read
 */
export function parseVeneurVariable(text: string, type: VeneurType): { value: VeneurValue } | { want: string } {
  const value = variableOf(text, type);
  return value === undefined ? { want: type === "floats" ? "numbers, parted by commas" : WANTS[type] } : { value };
}

/**
 * The variable that stands for a key: Veneur's own spelling, which knows no underscores in a key, or the key's.
 *
 * @param prefix `VENEUR`, or the name of a sink
 * @param key `http.config` for `config` in the map `http`
 */
export function veneurVariable(
  env: Environment,
  prefix: string,
  key: string,
): { name: string; text: string } | undefined {
  for (const name of veneurVariableNames(prefix, key)) {
    const text = env[name];
    if (text !== undefined) return { name, text };
  }
  return undefined;
}

/** The names that `veneurVariable()` tries, the one that counts first. */
export function veneurVariableNames(prefix: string, key: string): string[] {
  const start = prefix.replace(/[^A-Za-z0-9_]/g, "_");
  const spelt = key.replaceAll(".", "_");
  const joined = key.replaceAll("_", "").replaceAll(".", "_");
  return [joined, spelt].map((each) => `${start}_${each}`.toUpperCase());
}

/** Whether Veneur takes the value for none: empty text, 0, an empty list. A flag always says something. */
export function isBlank(value: VeneurValue | undefined): boolean {
  return value === undefined || value === "" || value === 0 || (Array.isArray(value) && value.length === 0);
}

function scalarOf(value: unknown, type: VeneurType, written: () => string | undefined): VeneurValue | undefined {
  switch (type) {
    case "bool":
      return typeof value === "boolean" ? value : typeof value === "string" ? FLAGS[value] : undefined;
    case "int":
      return Number.isSafeInteger(value) ? value as number : undefined;
    case "float":
      return numberOf(value);
    case "duration":
      return value === 0 ? "0s" : typeof value === "string" ? durationOf(value) : undefined;
    default:
      return textOf(value, written);
  }
}

function variableOf(text: string, type: VeneurType): VeneurValue | undefined {
  switch (type) {
    case "bool":
      return GO_FLAGS[text];
    case "int": {
      const value = /^[-+]?(?:\d+|0x[0-9a-f]+)$/i.test(text) ? wholeOf(text) : NaN;
      return Number.isSafeInteger(value) ? value : undefined;
    }
    case "float":
      return finiteOf(text);
    case "duration":
      return durationOf(text);
    case "strings":
      return text.trim() === "" ? [] : text.split(",").filter((item) => item !== "");
    case "floats": {
      const items = text.trim() === "" ? [] : text.split(",").map((item) => finiteOf(item.trim()));
      return items.includes(undefined) ? undefined : items as number[];
    }
    case "list":
      return undefined;
    default:
      return text;
  }
}

function textOf(value: unknown, written: () => string | undefined): string | undefined {
  if (typeof value === "string") return value;
  if (value === null) return "";
  // A key of nothing but digits is a number to YAML, and a date no text.
  if (typeof value === "number" || typeof value === "boolean") return written() ?? String(value);
  return value instanceof Date ? written() ?? value.toISOString() : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function finiteOf(text: string): number | undefined {
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? numberOf(Number(text)) : undefined;
}

/** `Number()` reads no sign before 0x. */
function wholeOf(text: string): number {
  return text.startsWith("-") ? -Number(text.slice(1)) : Number(text.replace("+", ""));
}

/** The duration's text; of no duration `undefined`. Empty text is one that is not set. */
function durationOf(text: string): string | undefined {
  if (text === "") return "";
  try {
    // "0" is blank as an empty text is, whatever its unit.
    return parseDuration(text) === 0 ? "" : text;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
