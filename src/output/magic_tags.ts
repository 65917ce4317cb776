import type { Point } from "../metric/mod.ts";

const SINK_ONLY = "veneursinkonly";
const HOST = "host:";
const DEVICE = "device:";
const LETTER = { d: 0x64, h: 0x68, v: 0x76 } as const;

/** Who a point is about, once the tags that only say so are taken out. */
export interface Identity {
  readonly tags: readonly string[];
  /** "" sends no host. */
  readonly host: string;
  /** "" sends no device. */
  readonly device: string;
}

/**
 * Reads `host:` and `device:` tags: all are removed, the last of each wins, and an empty one means none.
 * `veneursinkonly` tags, which only route, are removed as well. The tags are the point's own array where none is magic.
 */
export function resolveIdentity(point: Point): Identity {
  let host = point.host ?? "";
  let device = point.device ?? "";
  let kept: string[] | undefined;
  const { tags } = point;
  for (let i = 0; i < tags.length; i++) {
    const tag = tags[i]!;
    const first = tag.charCodeAt(0);
    if (first === LETTER.h && tag.startsWith(HOST)) {
      host = tag.slice(HOST.length);
    } else if (first === LETTER.d && tag.startsWith(DEVICE)) {
      device = tag.slice(DEVICE.length);
    } else if (first !== LETTER.v || !isSinkTag(tag)) {
      kept?.push(tag);
      continue;
    }
    kept ??= tags.slice(0, i);
  }
  return { tags: kept ?? tags, host, device };
}

/** Whether a tag is `veneursinkonly` or `veneursinkonly:NAME`. */
export function isSinkTag(tag: string): boolean {
  return tag.startsWith(SINK_ONLY) && (tag.length === SINK_ONLY.length || tag.charAt(SINK_ONLY.length) === ":");
}

/** `tags` without those that only route; the same array where there are none. */
export function tagsWithoutSinks(tags: readonly string[]): readonly string[] {
  return tags.some(isSinkTag) ? tags.filter((tag) => !isSinkTag(tag)) : tags;
}
