/** The metadata cache on disk: what was known before a restart. */
import { formatAddress, parseAddressWords } from "../../address.ts";
import type { Metadata } from "./facts.ts";
import type { CachedAnswer } from "./metadata_cache.ts";

const VERSION = 1;

/** Writes the answers, whole or not at all. Rejects if the directory can't be written to. */
export async function writeCacheFile(path: string, entries: readonly CachedAnswer[]): Promise<void> {
  const draft = `${path}.new`;
  const content = JSON.stringify({
    version: VERSION,
    entries: entries.map(({ exporter, ifIndex, answer, updatedMs }) => ({ exporter, ifIndex, answer, updatedMs })),
  });
  await Deno.writeTextFile(draft, content, { mode: 0o600 });
  await Deno.rename(draft, path);
}

/**
 * The answers of an earlier run, as if they had been asked for now; none if there is no file. Entries that make no sense
 * are left out.
 *
 * @throws {SyntaxError} on a file that is none
 */
export async function readCacheFile(path: string, nowMs: number): Promise<CachedAnswer[]> {
  let content: string;
  try {
    content = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const parsed: unknown = JSON.parse(content);
  if (!isObject(parsed) || parsed.version !== VERSION || !Array.isArray(parsed.entries)) {
    throw new SyntaxError(`Cannot read ${path}: it is no cache of this version`);
  }
  return parsed.entries.flatMap((entry: unknown): CachedAnswer[] => {
    if (!isObject(entry)) return [];
    const { exporter, ifIndex, answer, updatedMs } = entry;
    const words = typeof exporter === "string" ? parseAddressWords(exporter) : undefined;
    if (words === undefined || !isWhole(ifIndex) || !isWhole(updatedMs) || !isAnswer(answer)) return [];
    return [{
      exporter: formatAddress(words),
      ifIndex,
      answer,
      accessedMs: nowMs,
      updatedMs: Math.min(updatedMs, nowMs),
    }];
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isAnswer(value: unknown): value is Metadata | null {
  if (value === null) return true;
  if (!isObject(value) || !isObject(value.exporter) || !isObject(value.interface)) return false;
  const { exporter, interface: facts } = value;
  const texts = [
    ...["name", "group", "role", "site", "region", "tenant"].map((key) => exporter[key]),
    ...["name", "description", "provider", "connectivity"].map((key) => facts[key]),
  ];
  return texts.every((text) => typeof text === "string") && isWhole(facts.speed) && isWhole(facts.boundary);
}
