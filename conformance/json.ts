/** JSON as the suite compares it: integers of any size are exact. */
export type Json = null | boolean | number | bigint | string | Json[] | JsonObject;
/** Keys in the order in which they were written. */
export interface JsonObject {
  [key: string]: Json;
}

/** V8 tells a reviver the text of each number and writes raw texts; TypeScript's library knows neither yet. */
type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;
const { parse, rawJSON } = JSON as unknown as {
  parse(text: string, reviver: Reviver): unknown;
  rawJSON(text: string): unknown;
};

const INTEGER = /^-?[0-9]+$/;

/**
 * Parses one JSON text. A whole number beyond 2^53 becomes a `bigint`, every other one a `number`.
 *
 * @throws {SyntaxError} if it is not JSON
 */
export function parseJson(text: string): Json {
  return parse(text, (_key, value, { source }) => {
    if (typeof value !== "number" || source === undefined || !INTEGER.test(source)) return value;
    return Number.isSafeInteger(value) ? value : BigInt(source);
  }) as Json;
}

/** One JSON text on one line; `parseJson()` reads it back as it was. */
export function writeJson(value: Json): string {
  return JSON.stringify(value, (_key, member) => typeof member === "bigint" ? rawJSON(String(member)) : member);
}

/** Whether a value is an object and no array. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
