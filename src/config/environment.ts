import { parse } from "@std/yaml";
import { ConfigError } from "./error.ts";
import type { Step } from "./yaml_places.ts";
import { formatPath, type Source } from "./source.ts";

/** Names and values of environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** More settings than this, or deeper ones, come from aliases that were written to explode. */
const MOST_SETTINGS = 1_000_000;
const DEEPEST = 64;

/**
 * A copy of `value`, a whole document, in which `${NAME}` in texts is what the environment says; `$${` stands for `${`.
 * Aliased parts become parts of their own.
 *
 * @param env `undefined`: texts stay as they are
 */
export function copyExpanded(value: unknown, env: Environment | undefined, source: Source): unknown {
  let settings = 0;
  const copy = (value: unknown, path: readonly Step[]): unknown => {
    if (typeof value === "string") return env === undefined ? value : expand(value, path, env, source);
    if (!isList(value) && !isMap(value)) return value;
    if (++settings > MOST_SETTINGS || path.length > DEEPEST) {
      const problem =
        `Cannot read ${source.file}: it has more than ${MOST_SETTINGS} settings, or deeper than ${DEEPEST}`;
      throw new ConfigError(source.position(path.slice(0, 1), "key"), formatPath(path.slice(0, 1)), undefined, "", {
        problem,
      });
    }
    if (isList(value)) return value.map((inner, i) => copy(inner, [...path, i]));
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copy(inner, [...path, name])]));
  };
  return copy(value, []);
}

function expand(text: string, path: readonly Step[], env: Environment, source: Source): unknown {
  if (!text.includes("${")) return text;
  const refuse = (problem: string) =>
    source.report(new ConfigError(source.position(path, "value"), formatPath(path), text, "", { problem }));
  const expanded = text.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (all: string, name: string | undefined, end: string) => {
    if (name === undefined) return "${";
    if (end === "" || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      refuse(`Cannot read ${formatPath(path)}: write \${NAME} for a variable, or $\${ for the letters`);
      return all;
    }
    const value = env[name];
    if (value === undefined) refuse(`Cannot read ${formatPath(path)}: the environment has no ${name}`);
    return value ?? all;
  });
  if (!/^\$\{\w+\}$/.test(text)) return expanded;
  // A variable alone may also be a number or a flag.
  source.noteVariable(path, expanded);
  return parseScalar(expanded) ?? expanded;
}

/**
 * Puts every `PREFIX_SECTION__KEY` of the environment in its place in `root`. Names are met whatever their case, with
 * `_` for what a variable's name can't hold; a number is an index into a list.
 *
 * @param ignored variables that bear the prefix and are no settings
 */
export function applyOverrides(
  root: Record<string, unknown>,
  env: Environment,
  prefix: string,
  ignored: readonly string[],
  source: Source,
): void {
  const names = Object.keys(env)
    .filter((name) => name.startsWith(`${prefix}_`) && !ignored.includes(name) && !isServiceLink(name))
    // So that entry 10 of a list comes after entry 9.
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  for (const name of names) {
    const text = env[name];
    if (text === undefined) continue;
    const problem = override(root, name.slice(prefix.length + 1).split("__"), text, name, source);
    if (problem === undefined) continue;
    const at = { file: name, line: 0, column: 0 };
    source.report(new ConfigError(at, name, undefined, "", { problem: `Cannot use ${name}: ${problem}` }));
  }
}

/** What Kubernetes sets in each container for a service that has the prefix for its name, or the start of it. */
function isServiceLink(name: string): boolean {
  return !name.includes("__") &&
    /_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/.test(
      name,
    );
}

function override(
  root: Record<string, unknown>,
  parts: readonly string[],
  text: string,
  name: string,
  source: Source,
): string | undefined {
  if (parts.includes("")) return "write two underscores between a section and its key, and a key behind them";
  let holder: unknown = root;
  const path: Step[] = [];
  for (const [depth, part] of parts.entries()) {
    const step = stepInto(holder, part);
    if (step === undefined) return `${formatPath(path)} has no settings of its own`;
    if (isList(holder) && Number(step) > holder.length) return `${formatPath(path)} has ${holder.length} entries`;
    path.push(step);
    const inside = holder as Record<Step, unknown>;
    if (depth === parts.length - 1) {
      inside[step] = valueOf(text);
      source.noteVariable(path, text, name);
    } else {
      inside[step] ??= /^\d+$/.test(parts[depth + 1]!) ? [] : {};
      holder = inside[step];
    }
  }
  return undefined;
}

function stepInto(holder: unknown, part: string): Step | undefined {
  if (isList(holder)) return /^\d{1,6}$/.test(part) ? Number(part) : undefined;
  if (!isMap(holder)) return undefined;
  const spelt = part.toUpperCase();
  const there = Object.keys(holder).find((key) => key.toUpperCase().replace(/[^A-Z0-9]/g, "_") === spelt);
  // `__proto__` can't be spelt: two underscores part keys.
  return there ?? part.toLowerCase();
}

/** A scalar, or a list or map in brackets; what is no YAML is text. */
function valueOf(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return parseScalar(text);
  const value = parseLenient(text);
  return isList(value) || isMap(value) ? value : text;
}

/** `5`, `0.5`, `true` and `null` are what they are in YAML; all else is text. */
function parseScalar(text: string): string | number | boolean | null {
  if (text === "") return text;
  const value = parseLenient(text);
  return value === null || typeof value === "number" || typeof value === "boolean" ? value : text;
}

function parseLenient(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    // No YAML, such as `a: b: c`: a variable may hold any text.
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

/** Whether `value` is what a map of YAML becomes, and no `Date` or bytes. */
export function isMap(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
