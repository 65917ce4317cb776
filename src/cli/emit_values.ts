/** The values of emit's flags. Each is `undefined` where the flag was not given. */
import { parseDuration } from "../config/mod.ts";
import { mergeTags } from "../statsd/mod.ts";
import { UsageError } from "./command.ts";
import type { EmitFlag, EmitFlags } from "./emit_flags.ts";
import { parseTime } from "./emit_time.ts";

/** Whether a boolean flag was given, and not as `=false`. */
export function isOn({ given }: EmitFlags, name: EmitFlag): boolean {
  return given.get(name) === "true";
}

/** A signed 64-bit number: decimal, or `0x`, `0o`, `0b`. @throws {UsageError} */
export function integerFlag({ given }: EmitFlags, name: EmitFlag): bigint | undefined {
  const text = given.get(name);
  if (text === undefined) return undefined;
  const [, sign, digits = ""] = /^([-+]?)(0|[1-9]\d*|0x[\da-f]+|0o[0-7]+|0b[01]+)$/i.exec(text) ?? [];
  if (sign === undefined) throw new UsageError(`Cannot use -${name} ${text}: write a whole number, such as 12 or -3`);
  const value = BigInt(digits) * (sign === "-" ? -1n : 1n);
  if (BigInt.asIntN(64, value) === value) return value;
  throw new UsageError(`Cannot use -${name} ${text}: it takes more than 64 bits`);
}

/** A finite number. @throws {UsageError} */
export function numberFlag({ given }: EmitFlags, name: EmitFlag): number | undefined {
  const text = given.get(name);
  if (text === undefined) return undefined;
  const value = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (Number.isFinite(value)) return value;
  throw new UsageError(`Cannot use -${name} ${text}: write a number, such as 1.5 or -2e3`);
}

/** Milliseconds of a duration such as `1m30s`. @throws {UsageError} */
export function durationFlag({ given }: EmitFlags, name: EmitFlag): number | undefined {
  const text = given.get(name);
  if (text === undefined) return undefined;
  try {
    return parseDuration(text);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new UsageError(`Cannot use -${name} ${text}: write a duration such as 250ms or 1m30s`, { cause });
  }
}

/** Unix nanoseconds. @throws {UsageError} */
export function timeFlag({ given }: EmitFlags, name: EmitFlag): bigint | undefined {
  const text = given.get(name);
  if (text === undefined) return undefined;
  try {
    return parseTime(text);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new UsageError(`Cannot use -${name}: ${cause.message}`, { cause });
  }
}

/** Whole Unix seconds; up to 12 digits alone are just that. @throws {UsageError} */
export function secondsFlag(flags: EmitFlags, name: EmitFlag): number | undefined {
  const text = flags.given.get(name);
  if (text !== undefined && /^\d{1,12}$/.test(text)) return Number(text);
  const ns = timeFlag(flags, name);
  return ns === undefined ? undefined : Number(ns / 1_000_000_000n);
}

/** Tags between commas; of equal keys the last. */
export function tagsFlag({ given }: EmitFlags, name: EmitFlag): string[] {
  return mergeTags((given.get(name) ?? "").split(","));
}
