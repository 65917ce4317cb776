/** A pattern that can't be used. */
export class PatternError extends RangeError {
  override readonly name = "PatternError";
  readonly code = "lag.pattern";

  constructor(readonly pattern: string, why: string) {
    super(`Cannot use the pattern ${JSON.stringify(pattern)}: ${why}`);
  }
}

/** A pattern as it was written, in RE2's syntax; "" where there is none. */
export function patternText(pattern: RegExp | undefined): string {
  if (pattern === undefined) return "";
  return "written" in pattern && typeof pattern.written === "string" ? pattern.written : pattern.source;
}

const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7F",
  blank: "\\t ",
  cntrl: "\\x00-\\x1F\\x7F",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`{-~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};

/**
 * A pattern in RE2's syntax, as a regular expression that is searched for anywhere in a text.
 *
 * @throws {PatternError} if it is none, or asks for what RE2 does not have: look-around and back-references
 */
export function compilePattern(pattern: string): RegExp {
  const leading = /^\(\?([ims]+)\)/.exec(pattern);
  const flags = leading === null ? "" : [...new Set(leading[1]!)].join("");
  let source = "";
  let rest = pattern.slice(leading?.[0].length ?? 0);
  while (rest !== "") {
    const [written, used] = translated(pattern, rest);
    source += written;
    rest = rest.slice(used);
  }
  try {
    return Object.assign(new RegExp(source, `${flags}u`), { written: pattern });
  } catch (error) {
    if (error instanceof SyntaxError) throw new PatternError(pattern, error.message);
    throw error;
  }
}

/** The first piece of `rest` in JavaScript's syntax, and how many letters it was. */
function translated(pattern: string, rest: string): [written: string, used: number] {
  if (/^\(\?(?:=|!|<=|<!)/.test(rest)) throw new PatternError(pattern, "look-around is not RE2");
  if (rest.startsWith("(?P<")) return ["(?<", 4];
  if (rest.startsWith("[[:") || rest.startsWith("[^[:")) return translatedClass(pattern, rest);
  if (rest[0] !== "\\") return [rest[0]!, 1];
  const escaped = rest[1] ?? "";
  if (/[1-9]/.test(escaped)) throw new PatternError(pattern, "back-references are not RE2");
  if (escaped === "A") return ["(?<![^])", 2];
  if (escaped === "z") return ["(?![^])", 2];
  if (escaped === "Q") {
    const end = rest.indexOf("\\E", 2);
    const literal = rest.slice(2, end < 0 ? undefined : end);
    return [literal.replace(/[\\^$.*+?()[\]{}|\/]/g, "\\$&"), end < 0 ? rest.length : end + 2];
  }
  if (/^\\[pP][A-Z]/.test(rest)) return [`\\${escaped}{${rest[2]}}`, 3];
  // In RE2 any punctuation may be escaped; JavaScript's unicode mode refuses what needs no escape.
  if (/[^0-9A-Za-z\s^$\\.*+?()[\]{}|\/-]/.test(escaped)) return [escaped, 2];
  if (escaped === "-") return ["\\x2d", 2];
  return [rest.slice(0, 2), 2];
}

function translatedClass(pattern: string, rest: string): [written: string, used: number] {
  const end = /\[:\^?[a-z]+:\]\]/.exec(rest);
  if (end === null) throw new PatternError(pattern, "a [:class:] does not end");
  const used = end.index + end[0].length;
  const inside = rest.slice(1, used - 1).replace(/\[:(\^?)([a-z]+):\]/g, (_, not: string, name: string) => {
    const members = POSIX_CLASSES[name];
    if (members === undefined || not !== "") throw new PatternError(pattern, `there is no class [:${not}${name}:]`);
    return members;
  });
  return [`[${inside}]`, used];
}

/** Which groups are taken in. */
export interface GroupFilter {
  /** Groups that match; absent: all. */
  readonly allow?: RegExp;
  /** Not these, whatever `allow` says. */
  readonly deny?: RegExp;
}

/** Whether a group passes. */
export function accepts({ allow, deny }: GroupFilter, group: string): boolean {
  return (allow === undefined || allow.test(group)) && (deny === undefined || !deny.test(group));
}
