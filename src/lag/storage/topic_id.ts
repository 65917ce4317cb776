import { type CommitScan, parseCommitValue } from "../wire/commit.ts";

/** The four words of `8-4-4-4-12` hex digits; null if they are not that. */
export function idWords(id: string): Int32Array | null {
  const hex = id.replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/i.test(hex)) return null;
  return Int32Array.from([0, 8, 16, 24], (at) => parseInt(hex.slice(at, at + 8), 16) | 0);
}

/** Whether the commit names a topic of that name that is not there any more. */
export function isOtherId(
  id: Int32Array,
  view: DataView,
  { topicIdAt: at }: CommitScan,
  start: number,
  end: number,
): boolean {
  if (at === -1) return false;
  if (at >= 0) {
    const same = view.getInt32(at) === id[0] && view.getInt32(at + 4) === id[1] && view.getInt32(at + 8) === id[2] &&
      view.getInt32(at + 12) === id[3];
    if (same) return false;
    return (view.getInt32(at) | view.getInt32(at + 4) | view.getInt32(at + 8) | view.getInt32(at + 12)) !== 0;
  }
  const value = parseCommitValue(new Uint8Array(view.buffer, view.byteOffset + start, end - start));
  if (!("topicId" in value) || value.topicId === undefined) return false;
  return idWords(value.topicId)?.some((word, i) => word !== id[i]) ?? false;
}
