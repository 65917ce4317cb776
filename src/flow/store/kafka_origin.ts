/** What makes rows that come from Kafka be stored once: where each came from, and a name for each block. */
import type { ExtraColumn } from "../native.ts";
import { ORIGIN_COLUMNS } from "./objects.ts";

/** Offsets of one partition that a block holds, both included. */
export interface OffsetRange {
  readonly topic: string;
  readonly partition: number;
  readonly first: bigint | number;
  readonly last: bigint | number;
}

/** The names of the columns of {@linkcode originColumns}. */
export const ORIGIN_NAMES: readonly string[] = ORIGIN_COLUMNS.map(({ name }) => name);

/**
 * The columns that say where rows came from, for a `NativeEncoder`. One record may have given several rows.
 *
 * @param offsets of each row's record; fewer than 2^63
 */
export function originColumns(topic: string, partition: number, offsets: BigUint64Array<ArrayBuffer>): ExtraColumn[] {
  const rows = offsets.length;
  const text = new TextEncoder().encode(topic);
  if (text.length > 0x7f) {
    throw new RangeError("Cannot keep where rows came from: the topic's name is longer than 127 octets");
  }
  const topics = new Uint8Array(rows * (1 + text.length));
  for (let row = 0, at = 0; row < rows; row++) {
    topics[at++] = text.length;
    topics.set(text, at);
    at += text.length;
  }
  const octets = [
    topics,
    new Uint8Array(new Int32Array(rows).fill(partition).buffer),
    new Uint8Array(offsets.buffer, offsets.byteOffset, offsets.byteLength),
  ];
  return ORIGIN_COLUMNS.map(({ name, type }, i) => ({ name, type, octets: octets[i]! }));
}

/** The token of a block: the hexadecimal SHA-256 of `group|topic|partition:first-last,…`, one part for each topic. */
export async function kafkaToken(group: string, ranges: readonly OffsetRange[]): Promise<string> {
  const byTopic = new Map<string, string[]>();
  for (const { topic, partition, first, last } of ranges) {
    const list = byTopic.get(topic) ?? [];
    byTopic.set(topic, list);
    list.push(`${partition}:${first}-${last}`);
  }
  const text = [...byTopic].map(([topic, list]) => `${group}|${topic}|${list.join(",")}`).join("|");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

/**
 * Where reading a partition begins: behind what is committed, and behind what is stored, for a commit may have been lost.
 * A stored offset beyond the partition's end is that of an earlier topic of the same name, and says nothing.
 *
 * @param committed the next offset to read; `undefined`: none
 * @param stored the highest offset stored; `undefined`: none
 * @param end the offset that the next record will get
 */
export function firstOffset(
  committed: bigint | undefined,
  stored: bigint | undefined,
  end: bigint,
): bigint | undefined {
  if (stored === undefined || stored >= end) return committed;
  return committed === undefined || stored + 1n > committed ? stored + 1n : committed;
}
