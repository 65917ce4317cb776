import { isObject, type Json, type JsonObject, writeJson } from "./json.ts";

/** Where what was printed first departs from a golden. A side is absent where it has no object any more. */
export interface Difference {
  /** Such as `[2].values[0]`: the object's place in the order of comparison, then the way to the value. */
  readonly path: string;
  readonly expected?: Json;
  readonly got?: Json;
}

/** How numbers that are not whole are held against each other. */
export type Tolerance = "exact" | "relative";

const RELATIVE = 1e-9;

/**
 * Compares the objects of a `decode` in their order, numbers exactly. Keys may come in any order, and an error may
 * have keys that its golden does not mention.
 *
 * A golden may say less than a value: `{"$has":["text"]}` stands for any string with these parts in it, and
 * `{"$near":5000,"$within":0.03}` for any number not farther off than that part of it.
 */
export function compareDecoded(expected: readonly Json[], got: readonly Json[]): Difference | null {
  return compareLists(expected, got, "exact");
}

/**
 * Compares the objects of a `feed`: those with equal `at` are one step, whose points, and requests, may come in any
 * order. Floats may differ by 1e-9 of their size.
 */
export function compareFed(expected: readonly Json[], got: readonly Json[]): Difference | null {
  return compareLists(canonicalSteps(expected), canonicalSteps(got), "relative");
}

/** Whether `got` is what a golden says, matchers included. */
export function matches(expected: Json, got: Json, tolerance: Tolerance): boolean {
  return differ(expected, got, tolerance, "") === null;
}

function compareLists(expected: readonly Json[], got: readonly Json[], tolerance: Tolerance): Difference | null {
  for (let i = 0; i < Math.max(expected.length, got.length); i++) {
    const [want, have] = [expected[i], got[i]];
    if (want === undefined) return { path: `[${i}]`, got: have! };
    if (have === undefined) return { path: `[${i}]`, expected: want };
    const path = differ(want, have, tolerance, `[${i}]`);
    if (path !== null) return { path, expected: want, got: have };
  }
  return null;
}

/** The path of the first difference; `null` if there is none. */
function differ(expected: Json, got: Json, tolerance: Tolerance, path: string): string | null {
  if (Array.isArray(expected)) {
    if (!Array.isArray(got)) return path;
    for (let i = 0; i < Math.max(expected.length, got.length); i++) {
      const [want, have] = [expected[i], got[i]];
      if (want === undefined || have === undefined) return `${path}[${i}]`;
      const inner = differ(want, have, tolerance, `${path}[${i}]`);
      if (inner !== null) return inner;
    }
    return null;
  }
  if (isObject(expected)) return differObject(expected, got, tolerance, path);
  return sameScalar(expected, got, tolerance) ? null : path;
}

function differObject(expected: JsonObject, got: Json, tolerance: Tolerance, path: string): string | null {
  const { $has, $near, $within } = expected;
  if (Array.isArray($has)) {
    return typeof got === "string" && $has.every((part) => got.includes(String(part))) ? null : path;
  }
  if ($near !== undefined) {
    const near = Number($near);
    return typeof got === "number" && Math.abs(got - near) <= Number($within) * Math.abs(near) ? null : path;
  }
  if (!isObject(got)) return path;
  for (const [key, want] of Object.entries(expected)) {
    const have = got[key];
    if (have === undefined) return `${path}.${key}`;
    const inner = differ(want, have, tolerance, `${path}.${key}`);
    if (inner !== null) return inner;
  }
  if (expected["kind"] === "error") return null; // it may say more, such as where
  const extra = Object.keys(got).find((key) => !(key in expected));
  return extra === undefined ? null : `${path}.${extra}`;
}

function sameScalar(expected: Json, got: Json, tolerance: Tolerance): boolean {
  if (expected === got) return true;
  if (tolerance === "exact" || typeof expected === "string" || typeof got === "string") return false;
  if (!isNumber(expected) || !isNumber(got)) return false;
  if (Number.isSafeInteger(expected) && Number.isSafeInteger(got)) return false;
  const [a, b] = [Number(expected), Number(got)];
  return Math.abs(a - b) <= RELATIVE * Math.max(Math.abs(a), Math.abs(b));
}

function isNumber(value: Json): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

/** Kinds whose objects are put behind each other within one step; any other comes first, in the order printed. */
const KIND_ORDER = ["event", "check", "point", "request"];

/** The objects, step by step, in an order that does not depend on that of points and requests. */
export function canonicalSteps(objects: readonly Json[]): JsonObject[] {
  const steps: { at: Json; objects: JsonObject[] }[] = [];
  for (const object of objects) {
    if (!isObject(object)) continue;
    if (isRandom(object)) continue;
    const at = object["at"] ?? null;
    const last = steps.at(-1);
    if (last !== undefined && last.at === at) last.objects.push(object);
    else steps.push({ at, objects: [object] });
  }
  return steps.flatMap((step) => canonicalStep(step.objects));
}

/** One valid span in a hundred adds its name to this set, by chance. */
function isRandom(object: JsonObject): boolean {
  return object["kind"] === "point" && object["name"] === "veneur.ssf.names_unique";
}

function canonicalStep(objects: readonly JsonObject[]): JsonObject[] {
  const rank = (object: JsonObject) => KIND_ORDER.indexOf(String(object["kind"]));
  const merged = mergeSeries(objects);
  const keyed = merged.map((object) => ({ object, rank: rank(object), key: orderKey(object) }));
  return keyed.sort((a, b) => a.rank - b.rank || compareText(a.key, b.key)).map(({ object }) => object);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What free order is undone by: all of a point but its number; "" keeps the order in which objects were printed. */
function orderKey(object: JsonObject): string {
  const { kind, value, body, ...rest } = object;
  if (kind === "point") return sortedJson(rest) + numberKey(value);
  if (kind === "request") return sortedJson(rest) + (body === undefined ? "" : writeJson(body));
  return "";
}

/** A text in which numbers stand in their order; ten digits, so that rounding does not change it. */
function numberKey(value: Json | undefined): string {
  const number = Number(value);
  return Number.isFinite(number) ? (number + 1e15).toFixed(3).padStart(25, "0") : "";
}

function sortedJson(object: JsonObject): string {
  return writeJson(Object.fromEntries(Object.entries(object).sort(([a], [b]) => compareText(a, b))));
}

/**
 * Requests of one step that carry parts of one list of series become one object: which point is in which part is free,
 * how many parts there are and how long they are is not.
 */
function mergeSeries(objects: readonly JsonObject[]): JsonObject[] {
  const merged = new Map<string, { object: JsonObject; parts: number[]; series: Json[] }>();
  const rest: JsonObject[] = [];
  for (const object of objects) {
    const body = object["body"];
    const series = object["kind"] === "request" && isObject(body) ? body["series"] : undefined;
    if (!Array.isArray(series)) {
      rest.push(object);
      continue;
    }
    const { body: _, ...head } = object;
    const key = sortedJson(head);
    const known = merged.get(key) ?? { object: head, parts: [], series: [] };
    known.parts.push(series.length);
    known.series.push(...series);
    merged.set(key, known);
  }
  for (const { object, parts, series } of merged.values()) {
    const keyed = series.map((one) => ({ one, key: seriesKey(one) })).sort((a, b) => compareText(a.key, b.key));
    rest.push({ ...object, parts: parts.sort((a, b) => b - a), series: keyed.map(({ one }) => one) });
  }
  return rest;
}

function seriesKey(series: Json): string {
  if (!isObject(series)) return writeJson(series);
  const { points, ...rest } = series;
  const pair = Array.isArray(points) && Array.isArray(points[0]) ? points[0] : [];
  return sortedJson(rest) + numberKey(pair[0]) + numberKey(pair[1]);
}
