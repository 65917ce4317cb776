/** Groups that a batch deletes and makes again: what it says of them before counts no more. */
import { KeyType, keyTypeOf, parseKey } from "../wire/key.ts";
import { type EachRecord, type LogBatch, part } from "./log_record.ts";

/** The last place at which a batch says that a group lives, by group. */
export function lastLive(
  records: readonly { readonly key: Uint8Array | null; readonly isLive: boolean }[],
): Map<string, number> {
  const places = new Map<string, number>();
  records.forEach(({ key, isLive }, i) => {
    if (!isLive || key === null || !isGroupKey(key)) return;
    const parsed = parseKey(key);
    if (parsed.kind === "group" || parsed.kind === "group848") places.set(parsed.group, i);
  });
  return places;
}

/** The last offset at which a batch says that a group lives, by group. */
export function revivedIn<B extends LogBatch>(batch: B, each: EachRecord<B>): Map<string, number> {
  const offsets: number[] = [];
  const records: { key: Uint8Array | null; isLive: boolean }[] = [];
  each(batch, ({ bytes, offset, keyStart, keyEnd, valueStart, valueEnd }) => {
    offsets.push(offset);
    records.push({ key: part(bytes, keyStart, keyEnd), isLive: valueStart >= 0 && valueEnd > valueStart });
  });
  return new Map([...lastLive(records)].map(([group, i]) => [group, offsets[i]!]));
}

function isGroupKey(key: Uint8Array): boolean {
  const type = keyTypeOf(key);
  return type === KeyType.group || type === KeyType.consumerGroup;
}
