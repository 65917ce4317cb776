import type { Point } from "../metric/mod.ts";
import type { PointFilterConfig } from "./contract.ts";
import { isSinkTag } from "./magic_tags.ts";
import { newRoute, tagTest } from "./routing.ts";

/** What became of a point; the words label the counter. */
export type FilterStatus = "flushed" | "skipped" | "name_prefix" | "max_name_length" | "max_tag_length" | "max_tags";

/** Decides which points get to one output, and in which form. */
export interface PointFilter {
  /** Every point that has no `sinks` passes as it is: the hot path need not ask. */
  readonly isIdentity: boolean;
  /** The point this output gets: the same object where nothing changes, `null` where it gets none. */
  (point: Point): Point | null;
  /** How many points were asked about, by what became of them. */
  readonly counts: Readonly<Record<FilterStatus, number>>;
}

/** The limits and changes of one output, and the names by which points are routed to it. */
export type NamedFilterConfig = PointFilterConfig & { readonly outputName: string; readonly outputKind: string };

/** The filter of one output. Lengths are bytes of UTF-8, tag keys end at the first colon. */
export function newPointFilter(config: NamedFilterConfig): PointFilter {
  const { maxNameLength, maxTagLength, maxTags, dropNamePrefixes, excludeTagPrefixes, outputName, outputKind } = config;
  const excluded = new Set(config.excludeTags);
  const added = Object.entries(config.addTags);
  const stripped = config.stripTags.map(tagTest);
  const route = newRoute(config.routing, outputName, outputKind);
  const changesTags = excluded.size > 0 || added.length > 0 || excludeTagPrefixes.length > 0 || stripped.length > 0;
  const counts: Record<FilterStatus, number> = {
    flushed: 0,
    skipped: 0,
    name_prefix: 0,
    max_name_length: 0,
    max_tag_length: 0,
    max_tags: 0,
  };

  function tagsOf({ name, tags, sinks }: Point): readonly string[] {
    let kept = sinks === undefined ? tags : tags.filter((tag) => !isSinkTag(tag));
    if (!changesTags) return kept;
    if (excluded.size > 0) kept = kept.filter((tag) => !excluded.has(keyOf(tag)));
    for (const { metricPrefix, tags: prefixes } of excludeTagPrefixes) {
      if (name.startsWith(metricPrefix)) kept = kept.filter((tag) => !prefixes.some((one) => tag.startsWith(one)));
    }
    if (stripped.length > 0) kept = kept.filter((tag) => !stripped.some((strips) => strips(tag)));
    const news = added.filter(([key]) => !kept.some((tag) => keyOf(tag) === key)).map(([key, value]) =>
      `${key}:${value}`
    );
    return news.length === 0 ? kept : [...kept, ...news];
  }

  function fate(point: Point, tags: () => readonly string[]): FilterStatus {
    const { name, sinks } = point;
    if (sinks !== undefined && !sinks.includes(outputName) && !sinks.includes(outputKind)) return "skipped";
    if (route !== null && !route(point)) return "skipped";
    if (dropNamePrefixes.some((prefix) => name.startsWith(prefix))) return "name_prefix";
    if (maxNameLength > 0 && longerThan(name, maxNameLength)) return "max_name_length";
    if (maxTagLength > 0 && tags().some((tag) => longerThan(tag, maxTagLength))) return "max_tag_length";
    if (maxTags > 0 && tags().length > maxTags) return "max_tags";
    return "flushed";
  }

  const isIdentity = !changesTags && dropNamePrefixes.length === 0 && maxNameLength === 0 && maxTagLength === 0 &&
    maxTags === 0 && route === null;

  function filter(point: Point): Point | null {
    if (isIdentity && point.sinks === undefined) {
      counts.flushed++;
      return point;
    }
    let made: readonly string[] | undefined;
    const tags = () => made ??= tagsOf(point);
    const status = fate(point, tags);
    counts[status]++;
    if (status !== "flushed") return null;
    return changesTags || point.sinks !== undefined ? { ...point, tags: tags() } : point;
  }

  return Object.assign(filter, { isIdentity, counts });
}

function keyOf(tag: string): string {
  const colon = tag.indexOf(":");
  return colon < 0 ? tag : tag.slice(0, colon);
}

const text = new TextEncoder();

/** Whether `value` takes more than `most` bytes; they are counted only where their number is in doubt. */
function longerThan(value: string, most: number): boolean {
  if (value.length > most) return true;
  return value.length * 3 > most && text.encode(value).length > most;
}
