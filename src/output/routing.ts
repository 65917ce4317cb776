import type { Section } from "../config/mod.ts";
import type { Point } from "../metric/mod.ts";

/** How a name or a tag is compared; a tag as a whole, `key:value`. */
export type MatchKind = "any" | "exact" | "prefix" | "regex";

/** Compares a text. A regex is JavaScript's, found anywhere in it. */
export interface TextMatcher {
  readonly kind: MatchKind;
  /** Not looked at for `any`. */
  readonly value: string;
}

/** Holds if some tag matches; `unset`: if none does. */
export interface TagMatcher extends TextMatcher {
  readonly unset: boolean;
}

/** Which outputs get a point, as Veneur's `metric_sink_routing` says it. Its keys are those of the configuration. */
export interface RoutingRule {
  readonly name: string;
  /** One of them must hold: its name and all of its tags. */
  readonly match: readonly { readonly name: TextMatcher; readonly tags: readonly TagMatcher[] }[];
  /** Names or kinds of outputs: for points that match, and for those that don't. */
  readonly sinks: { readonly matched: readonly string[]; readonly not_matched: readonly string[] };
}

const NAME_KINDS: readonly MatchKind[] = ["any", "exact", "prefix", "regex"];
const TAG_KINDS: readonly MatchKind[] = ["exact", "prefix", "regex"];

/**
 * Reads a list of rules.
 *
 * @throws {ConfigError} on a key, a kind or an expression that can't be used
 */
export function readRoutingRules(rules: readonly Section[]): RoutingRule[] {
  return rules.map((rule) => {
    rule.refuseOthers(["name", "match", "sinks"]);
    const sinks = rule.section("sinks");
    sinks.refuseOthers(["matched", "not_matched"]);
    return {
      name: rule.string("name") ?? "",
      match: rule.sections("match").map((match) => {
        match.refuseOthers(["name", "tags"]);
        const { kind, value } = readMatcher(match.section("name"), NAME_KINDS);
        return { name: { kind, value }, tags: readTagMatchers(match.sections("tags")) };
      }),
      sinks: { matched: sinks.strings("matched") ?? [], not_matched: sinks.strings("not_matched") ?? [] },
    };
  });
}

/** Reads a list of tag matchers. @throws {ConfigError} as `readRoutingRules` */
export function readTagMatchers(matchers: readonly Section[]): TagMatcher[] {
  return matchers.map((matcher) => readMatcher(matcher, TAG_KINDS));
}

function readMatcher(matcher: Section, kinds: readonly MatchKind[]): TagMatcher {
  matcher.refuseOthers(["kind", "value", "unset"]);
  const kind = matcher.oneOf("kind", kinds);
  if (kind === undefined) matcher.fail("kind", `one of ${kinds.join(", ")}`);
  const value = matcher.string("value") ?? "";
  if (kind === "regex") {
    try {
      new RegExp(value, "u");
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      matcher.fail("value", "a regular expression that JavaScript understands");
    }
  }
  return { kind, value, unset: matcher.boolean("unset") ?? false };
}

/** Whether a tag is one that the matcher is about. */
export function tagTest(matcher: TagMatcher): (tag: string) => boolean {
  const matches = textTest(matcher);
  return matcher.unset ? (tag) => !matches(tag) : matches;
}

/** Whether an output gets a point: it does if any rule sends it there, and always if there is no rule. */
export function newRoute(
  rules: readonly RoutingRule[],
  outputName: string,
  outputKind: string,
): ((point: Point) => boolean) | null {
  if (rules.length === 0) return null;
  const isHere = (names: readonly string[]) => names.includes(outputName) || names.includes(outputKind);
  const tests = rules.map(({ match, sinks }) => {
    const matchers = match.map(pointTest);
    return { matches: (point: Point) => matchers.some((one) => one(point)), sinks };
  }).map(({ matches, sinks }) => ({ matches, yes: isHere(sinks.matched), no: isHere(sinks.not_matched) }));
  return (point) => tests.some(({ matches, yes, no }) => yes && no || (yes || no) && (matches(point) ? yes : no));
}

function pointTest({ name, tags }: RoutingRule["match"][number]): (point: Point) => boolean {
  const nameMatches = textTest(name);
  const tagTests = tags.map((tag) => {
    const matches = textTest(tag);
    return (all: readonly string[]) => all.some(matches) !== tag.unset;
  });
  return (point) => nameMatches(point.name) && tagTests.every((test) => test(point.tags));
}

function textTest({ kind, value }: TextMatcher): (text: string) => boolean {
  switch (kind) {
    case "any":
      return () => true;
    case "exact":
      return (text) => text === value;
    case "prefix":
      return (text) => text.startsWith(value);
    case "regex": {
      const expression = new RegExp(value, "u");
      return (text) => expression.test(text);
    }
  }
}
