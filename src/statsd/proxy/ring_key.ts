/** What tells a series' place on the ring. Pure. */

/** A tag that is left out of the keys of the ring. */
export interface TagMatcher {
  readonly kind: "exact" | "prefix" | "regex";
  readonly value: string;
}

/** Makes the keys of a ring. */
export interface RingKeys {
  /**
   * @param type `counter`, `timer`, …, in any case
   * @param tags sorted, none empty, none twice
   */
  keyOf(name: string, type: string, tags: readonly string[]): string;
}

/**
 * Keys as Veneur's proxy makes them: name, type and tags in one, without the tags to ignore, so that series that differ in
 * them alone meet the same instance.
 *
 * @throws {SyntaxError} when a `regex` is none
 */
export function newRingKeys(ignoreTags: readonly TagMatcher[]): RingKeys {
  const ignores = ignoreTags.map(matcherOf);
  const isKept = (tag: string) => !ignores.some((ignored) => ignored(tag));
  return {
    keyOf: ignores.length === 0
      ? (name, type, tags) => name + type.toLowerCase() + tags.join(",")
      : (name, type, tags) => name + type.toLowerCase() + tags.filter(isKept).join(","),
  };
}

function matcherOf({ kind, value }: TagMatcher): (tag: string) => boolean {
  switch (kind) {
    case "exact":
      return (tag) => tag === value;
    case "prefix":
      return (tag) => tag.startsWith(value);
    case "regex": {
      const pattern = new RegExp(value, "u");
      return (tag) => pattern.test(tag);
    }
  }
}
