/** Tags as text: their canonical order, and the ones that mean something to the agent itself. */

/** Which instances of a fleet publish a series. */
export const Scope = { mixed: 0, local: 1, global: 2 } as const;
export type Scope = (typeof Scope)[keyof typeof Scope];

/** The scopes' names, by code. */
export const SCOPE_NAMES = ["mixed", "local", "global"] as const;

const LOCAL_ONLY = "veneurlocalonly", GLOBAL_ONLY = "veneurglobalonly", SINK_ONLY = "veneursinkonly:";

/** A series' tags as they are part of its key, and the scope they asked for. */
export interface CanonicalTags {
  /** Without empty ones and duplicates, in the order of their UTF-8 bytes. */
  readonly tags: string[];
  readonly scope: Scope;
}

/**
 * Brings the tags of a metric into the form that is part of its key.
 *
 * @param text what stood behind `#`
 * @param extendTags tags that every series gets; they replace the metric's own of the same key
 */
export function canonicalTags(text: string, extendTags: readonly string[]): CanonicalTags {
  let scope: Scope = Scope.mixed;
  let tags: string[] = [];
  for (const tag of text.split(",")) {
    if (tag === "") continue;
    if (isWord(tag, GLOBAL_ONLY)) scope = Scope.global; // the wider scope wins over the narrower
    else if (isWord(tag, LOCAL_ONLY)) scope = scope === Scope.global ? scope : Scope.local;
    else tags.push(tag);
  }
  if (extendTags.length > 0) {
    const keys = new Set(extendTags.map(tagKey));
    tags = tags.filter((tag) => !keys.has(tagKey(tag)));
    for (const tag of extendTags) if (tag !== "") tags.push(tag);
  }
  tags.sort(compareUtf8);
  return { tags: tags.filter((tag, i) => i === 0 || tag !== tags[i - 1]), scope };
}

/** The part before the first colon; the whole of a tag without one. */
export function tagKey(tag: string): string {
  const colon = tag.indexOf(":");
  return colon < 0 ? tag : tag.slice(0, colon);
}

/** What a series' tags say about where its points go and under which host. */
export interface TagEffects {
  /** The tags that are left. */
  readonly tags: readonly string[];
  /** From `host:`; "" means no host; absent: the agent's. */
  readonly host?: string;
  /** From `device:`; "" means none. */
  readonly device?: string;
  /** From `veneursinkonly:`; absent: every output. */
  readonly sinks?: readonly string[];
}

/** Takes `host:`, `device:` and `veneursinkonly:` out of a series' tags; of several hosts the last one counts. */
export function tagEffects(tags: readonly string[]): TagEffects {
  if (!tags.some(hasEffect)) return { tags };
  let host: string | undefined, device: string | undefined, sinks: string[] | undefined;
  const rest: string[] = [];
  for (const tag of tags) {
    if (tag.startsWith("host:")) host = tag.slice(5);
    else if (tag.startsWith("device:")) device = tag.slice(7);
    else if (tag.startsWith(SINK_ONLY)) (sinks ??= []).push(tag.slice(SINK_ONLY.length));
    else rest.push(tag);
  }
  return {
    tags: rest,
    ...(host === undefined ? {} : { host }),
    ...(device === undefined ? {} : { device }),
    ...(sinks === undefined ? {} : { sinks }),
  };
}

function hasEffect(tag: string): boolean {
  return tag.startsWith("host:") || tag.startsWith("device:") || tag.startsWith(SINK_ONLY);
}

function isWord(tag: string, word: string): boolean {
  return tag.startsWith(word) && (tag.length === word.length || tag[word.length] === ":");
}

/** Orders as the UTF-8 bytes do, which is the order of code points and not that of UTF-16 units. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i), y = b.charCodeAt(i);
    if (x === y) continue;
    // A surrogate stands for a code point above every other unit.
    const xHigh = x >= 0xd800 && x < 0xe000, yHigh = y >= 0xd800 && y < 0xe000;
    return xHigh === yHigh ? x - y : xHigh ? 1 : -1;
  }
  return a.length - b.length;
}

const COMMA = 0x2c, LOWER_V = 0x76;

/**
 * Whether `b[start, end)` is already what `canonicalTags` would give, joined by commas, without extend tags. May say no
 * where yes is right; never the other way.
 */
export function areCanonical(b: Uint8Array, start: number, end: number): boolean {
  let previous = -1, previousEnd = -1;
  for (let at = start; at < end;) {
    let stop = at;
    while (stop < end && b[stop] !== COMMA) {
      if (b[stop]! >= 0x80) return false; // may hold what decodes to U+FFFD
      stop++;
    }
    if (stop === at || stop + 1 === end) return false; // an empty tag
    if (b[at] === LOWER_V && b[at + 1] === 0x65 && b[at + 2] === 0x6e) return false; // may be magic
    if (previous >= 0 && !ascends(b, previous, previousEnd, at, stop)) return false;
    previous = at;
    previousEnd = stop;
    at = stop + 1;
  }
  return true;
}

/** `b[a, aEnd)` stands before `b[c, cEnd)` and is not equal to it. */
function ascends(b: Uint8Array, a: number, aEnd: number, c: number, cEnd: number): boolean {
  while (a < aEnd && c < cEnd) {
    if (b[a] !== b[c]) return b[a]! < b[c]!;
    a++;
    c++;
  }
  return a === aEnd && c < cEnd;
}
