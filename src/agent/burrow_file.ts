/** A file of Burrow's as values by section and key, with the places where they stand. */
import { parse, TomlError } from "smol-toml";
import { ConfigError, type Environment, formatPosition, nearestName, type Position } from "../config/mod.ts";
import { type BurrowKey, type BurrowType, NAMED_SECTIONS, SINGLE_SECTIONS } from "./burrow_keys.ts";

/** One section's values, by Burrow's key. */
export type BurrowSection = ReadonlyMap<string, unknown>;

/** A file that was read. */
export interface BurrowFile {
  readonly singles: ReadonlyMap<string, BurrowSection>;
  /** By kind, then by name, in the order of the file. */
  readonly named: ReadonlyMap<string, ReadonlyMap<string, BurrowSection>>;
  /** A line each, with the place they are about. */
  readonly warnings: readonly string[];
  /** Values that are of a wrong type. */
  readonly errors: readonly ConfigError[];
  /** Where `cluster.local.servers` stands. */
  placeOf(path: string): Position;
}

type Table = Readonly<Record<string, unknown>>;

/**
 * Reads a file, and the variables of the environment that win over it: `BURROW_CLUSTER_LOCAL_SERVERS`.
 *
 * @throws {ConfigError} where it is no TOML
 */
export function readBurrowFile(text: string, file: string, env: Environment): BurrowFile {
  const root = parseToml(text, file);
  const places = placesIn(text);
  const placeOf = (path: string): Position => {
    let at = path;
    while (at !== "" && !places.has(at)) at = at.slice(0, Math.max(0, at.lastIndexOf(".")));
    return { file, line: places.get(at) ?? 0, column: at === "" ? 0 : 1 };
  };
  const warnings: string[] = [];
  const errors: ConfigError[] = [];
  const prefix = String(isTable(root["general"]) ? root["general"]["env-var-prefix"] ?? "burrow" : "burrow");
  const reading = { env, prefix: prefix.toUpperCase(), placeOf, warnings, errors };

  const singles = new Map<string, BurrowSection>();
  for (const [name, keys] of Object.entries(SINGLE_SECTIONS)) {
    const table = tableOf(root, name);
    singles.set(name, readSection(name, table ?? {}, keys, reading));
  }
  const named = new Map<string, Map<string, BurrowSection>>();
  for (const [kind, keys] of Object.entries(NAMED_SECTIONS)) {
    const modules = new Map<string, BurrowSection>();
    for (const [name, table] of modulesOf(tableOf(root, kind) ?? {}, keys)) {
      modules.set(name, readSection(`${kind}.${name}`, table, keys, reading));
    }
    named.set(kind, modules);
  }
  const known = [...Object.keys(SINGLE_SECTIONS), ...Object.keys(NAMED_SECTIONS)];
  for (const key of Object.keys(root)) {
    if (!known.includes(key.toLowerCase())) warn(reading, key, `unknown section ${key} has no effect`, known);
  }
  return { singles, named, warnings, errors, placeOf };
}

interface Reading {
  readonly env: Environment;
  readonly prefix: string;
  readonly placeOf: (path: string) => Position;
  readonly warnings: string[];
  readonly errors: ConfigError[];
}

function warn({ placeOf, warnings }: Reading, path: string, message: string, known: readonly string[] = []): void {
  const nearest = nearestName(path.slice(path.lastIndexOf(".") + 1), known);
  const hint = nearest === undefined ? "" : `; the closest known name is ${nearest}`;
  warnings.push(`${formatPosition(placeOf(path))}: ${message}${hint}`);
}

function parseToml(text: string, file: string): Table {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const at = { file, line: error.line, column: error.column };
    const problem = `Cannot read the file as TOML: ${error.message.split("\n")[0]}`;
    throw new ConfigError(at, "", undefined, "", { problem, cause: error });
  }
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The table of a name, whatever the case of its letters. */
function tableOf(root: Table, name: string): Table | undefined {
  const key = Object.keys(root).find((one) => one.toLowerCase() === name);
  const value = key === undefined ? undefined : root[key];
  return isTable(value) ? value : undefined;
}

/** The modules of a kind by name; a name with dots that was not quoted is several tables, one in the other. */
function modulesOf(table: Table, keys: readonly BurrowKey[], prefix = ""): [name: string, table: Table][] {
  return Object.entries(table).flatMap(([name, value]): [string, Table][] => {
    if (!isTable(value)) return [];
    const inner = Object.entries(value);
    const isPath = inner.length > 0 &&
      inner.every(([key, one]) => isTable(one) && !keys.some((known) => known.key === key.toLowerCase()));
    return isPath ? modulesOf(value, keys, `${prefix}${name}.`) : [[`${prefix}${name}`, value]];
  });
}

function readSection(path: string, table: Table, keys: readonly BurrowKey[], reading: Reading): BurrowSection {
  const values = new Map<string, unknown>();
  for (const [written, value] of Object.entries(table)) {
    const known = keys.find(({ key }) => key === written.toLowerCase());
    if (known === undefined) {
      warn(reading, `${path}.${written}`, `unknown key ${path}.${written} has no effect`, keys.map(({ key }) => key));
      continue;
    }
    place(values, path, known, value, reading, reading.placeOf(`${path}.${written}`));
  }
  for (const known of keys) {
    const variable = `${reading.prefix}_${path}_${known.key}`.toUpperCase().replace(/[.-]/g, "_");
    const text = reading.env[variable];
    if (text === undefined || known.type === "map") continue;
    const value = known.type === "list" ? text.split(/[\s,]+/).filter((one) => one !== "") : text;
    place(values, path, known, value, reading, { file: variable, line: 0, column: 0 });
  }
  return values;
}

function place(
  values: Map<string, unknown>,
  path: string,
  { key, type }: BurrowKey,
  value: unknown,
  { errors }: Reading,
  at: Position,
): void {
  const read = readValue(type, value);
  if (read === undefined) errors.push(new ConfigError(at, `${path}.${key}`, value, WANT[type]));
  else values.set(key, read);
}

const WANT: Readonly<Record<BurrowType, string>> = {
  text: "a text",
  flag: "true or false",
  whole: "a whole number",
  number: "a number",
  seconds: "a whole number of seconds",
  list: "a list of texts",
  map: "a table of texts",
};

/** A value as its type has it, also out of a text; undefined where it can't be. */
function readValue(type: BurrowType, value: unknown): unknown {
  switch (type) {
    case "text":
      return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
    case "flag":
      if (typeof value === "boolean") return value;
      return value === "true" || value === "1" || value === 1
        ? true
        : value === "false" || value === "0"
        ? false
        : undefined;
    case "whole":
    case "seconds":
      return wholeNumber(value);
    case "number": {
      const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
      return typeof number === "number" && Number.isFinite(number) ? number : undefined;
    }
    case "list":
      if (typeof value === "string") return [value];
      return Array.isArray(value) && value.every((one) => typeof one === "string") ? value : undefined;
    case "map":
      if (!isTable(value)) return undefined;
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, String(one)]));
  }
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === "string" && /^[+-]?\d+$/.test(value.trim()) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined;
}

/** The line of each section and of each key in it, by its path. */
function placesIn(text: string): Map<string, number> {
  const places = new Map<string, number>();
  let section = "";
  text.split("\n").forEach((line, i) => {
    const header = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line);
    if (header !== null) {
      section = header[1]!.replaceAll(/\s*\.\s*/g, ".").replaceAll(/["']/g, "");
      places.set(section, i + 1);
      return;
    }
    const key = /^\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_.-]+))\s*=/.exec(line);
    if (key !== null) places.set(`${section}${section === "" ? "" : "."}${key[1] ?? key[2] ?? key[3]}`, i + 1);
  });
  return places;
}
