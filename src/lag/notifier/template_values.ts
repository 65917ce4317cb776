/** Values of templates, and how Go prints, compares and judges them. */
import { shortFloat32 } from "../evaluator/objects.ts";
import { type Status, statusText } from "../evaluator/status.ts";
import type { JsonValue } from "../wire/decode.ts";
import { GoTime } from "./go_time.ts";

/** A structure: named fields, and what it is in JSON. */
export class Struct {
  constructor(readonly fields: Readonly<Record<string, Value>>, readonly json: JsonValue) {}
}

/** A status: a number that prints as its word. */
export class StatusValue {
  constructor(readonly status: Status) {}

  toString(): string {
    return statusText(this.status);
  }
}

/** A float32: prints the shortest decimal that gives it again. */
export class Float32Value {
  constructor(readonly value: number) {}

  toString(): string {
    return String(shortFloat32(this.value));
  }
}

/** A map with keys of text. */
export type MapValue = ReadonlyMap<string, Value>;

/** A function or method that is bound to what it is of. */
export type Callable = (...args: Value[]) => Value;

/** Anything that a template handles; `undefined` is what a map does not have. */
export type Value =
  | undefined
  | null
  | string
  | number
  | bigint
  | boolean
  | Struct
  | StatusValue
  | Float32Value
  | GoTime
  | MapValue
  | readonly Value[]
  | Callable;

/** What went wrong while a template was filled in. */
export class EvaluationError extends Error {
  override readonly name = "EvaluationError";
}

/** A field, a method or an entry. @throws {EvaluationError} where there is none */
export function fieldOf(value: Value, name: string): Value {
  if (value instanceof Struct) {
    if (Object.hasOwn(value.fields, name)) return value.fields[name];
  } else if (value instanceof Map) return value.get(name);
  else if (value instanceof GoTime) {
    if (name === "Format") return (layout) => value.format(textOf(layout));
    if (name === "String") return () => value.toString();
    if (name === "Unix") return () => Math.floor((value.ms ?? -62_135_596_800_000) / 1000);
    if (name === "IsZero") return () => value.ms === null;
    if (name === "UTC") return () => new GoTime(value.ms, true);
  } else if (value instanceof StatusValue && name === "String") return () => value.toString();
  if (value === null || value === undefined) throw new EvaluationError(`there is no ${name} of nothing`);
  throw new EvaluationError(`there is no field ${name}`);
}

/** As `{{…}}` prints it. */
export function textOf(value: Value): string {
  if (value === undefined) return "<no value>";
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(textOf).join(" ")}]`;
  if (value instanceof Map) return `map[${sorted(value).map(([key, of]) => `${key}:${textOf(of)}`).join(" ")}]`;
  if (value instanceof Struct) return `{${Object.values(value.fields).map(textOf).join(" ")}}`;
  if (typeof value === "number" && Number.isFinite(value)) return floatText(value);
  return String(value);
}

/** Whole numbers in full; others with an exponent where Go has one. */
function floatText(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return String(value).replace(/e([+-])(\d)$/, "e$10$2");
}

/** Whether `if` takes it for true: what is not nothing, zero or empty. */
export function isTrue(value: Value): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === 0n || value === "") {
    return false;
  }
  if (value instanceof Float32Value) return value.value !== 0;
  if (value instanceof StatusValue) return value.status !== 0;
  if (Array.isArray(value)) return value.length > 0;
  return value instanceof Map ? value.size > 0 : true;
}

/** A number of any size; whatever is one. @throws {EvaluationError} */
export function numberOf(value: Value): number | bigint {
  if (typeof value === "number" || typeof value === "bigint") return value;
  if (value instanceof StatusValue) return value.status;
  if (value instanceof Float32Value) return value.value;
  throw new EvaluationError(`${typeof value === "string" ? JSON.stringify(value) : textOf(value)} is no number`);
}

/** Whether two values are equal. @throws {EvaluationError} on values that can't be compared */
export function areEqual(a: Value, b: Value): boolean {
  if (a === null || a === undefined || b === null || b === undefined) return (a ?? null) === (b ?? null);
  if (typeof a === "string" && typeof b === "string" || typeof a === "boolean" && typeof b === "boolean") {
    return a === b;
  }
  if (isNumeric(a) && isNumeric(b)) return numberOf(a) == numberOf(b);
  throw new EvaluationError("values of these types can't be compared");
}

/** Below 0, 0 or above: how two values are ordered. @throws {EvaluationError} on values that have no order */
export function compare(a: Value, b: Value): number {
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  const [x, y] = [numberOf(a), numberOf(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function isNumeric(value: Value): boolean {
  return typeof value === "number" || typeof value === "bigint" || value instanceof StatusValue ||
    value instanceof Float32Value;
}

/** The entries of a map, by key. */
export function sorted(map: MapValue): [string, Value][] {
  return [...map].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
}

/** What JSON has for it. */
export function jsonOf(value: Value): unknown {
  if (value === undefined || value === null) return null;
  if (value instanceof Struct) return value.json;
  if (value instanceof StatusValue) return value.toString();
  if (value instanceof Float32Value) return shortFloat32(value.value);
  if (value instanceof GoTime) return value.toJSON();
  if (Array.isArray(value)) return value.map(jsonOf);
  if (value instanceof Map) return Object.fromEntries(sorted(value).map(([key, of]) => [key, jsonOf(of)]));
  if (typeof value === "function") throw new EvaluationError("a function has no JSON");
  return value;
}
