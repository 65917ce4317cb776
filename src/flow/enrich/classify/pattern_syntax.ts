/** Regular expressions as RE2 has them: the text to a tree. No look-around and no back-references, so that time is bounded. */
import { RuleError } from "./rule_error.ts";

/** A set of characters, by code point. */
export interface CharacterSet {
  readonly negated: boolean;
  /** Pairs of first and last. */
  readonly ranges: readonly number[];
  /** Sets within the set. */
  readonly parts: readonly CharacterSet[];
  /** `\p{…}`, tested by the engine's own tables. */
  readonly property?: RegExp;
  readonly ignoreCase: boolean;
}

/** Places between characters. */
export type Assertion = "textStart" | "textEnd" | "lineStart" | "lineEnd" | "wordBoundary" | "noWordBoundary";

/** A part of a regular expression. */
export type PatternNode =
  | { readonly kind: "empty" }
  | { readonly kind: "character"; readonly code: number; readonly ignoreCase: boolean }
  | { readonly kind: "any"; readonly withNewline: boolean }
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "assertion"; readonly assertion: Assertion }
  | { readonly kind: "sequence"; readonly nodes: readonly PatternNode[] }
  | { readonly kind: "choice"; readonly nodes: readonly PatternNode[] }
  | { readonly kind: "group"; readonly index: number; readonly node: PatternNode }
  | {
    readonly kind: "repeat";
    readonly node: PatternNode;
    readonly least: number;
    readonly most: number;
    readonly greedy: boolean;
  };

/** A regular expression that was read. */
export interface PatternSyntax {
  readonly node: PatternNode;
  /** Groups by number from 1. */
  readonly groups: number;
  readonly names: ReadonlyMap<string, number>;
}

/** RE2's own bound. */
const MOST_REPEATS = 1000;
const DEEPEST = 100;

interface Flags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
  readonly U: boolean;
}

const DIGIT = [0x30, 0x39];
const WORD = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a];
const SPACE = [0x09, 0x0a, 0x0c, 0x0d, 0x20, 0x20];
const PERL: Readonly<Record<string, readonly number[]>> = { d: DIGIT, w: WORD, s: SPACE };
const POSIX: Readonly<Record<string, readonly number[]>> = {
  alnum: [0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a],
  alpha: [0x41, 0x5a, 0x61, 0x7a],
  ascii: [0, 0x7f],
  blank: [0x09, 0x09, 0x20, 0x20],
  cntrl: [0, 0x1f, 0x7f, 0x7f],
  digit: DIGIT,
  graph: [0x21, 0x7e],
  lower: [0x61, 0x7a],
  print: [0x20, 0x7e],
  punct: [0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e],
  space: [0x09, 0x0d, 0x20, 0x20],
  upper: [0x41, 0x5a],
  word: WORD,
  xdigit: [0x30, 0x39, 0x41, 0x46, 0x61, 0x66],
};
const ESCAPES: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };

/** Reads a regular expression. @throws {RuleError} whose position counts from the start of `source` */
export function parsePattern(source: string): PatternSyntax {
  const parser = new PatternParser(source);
  return parser.parse();
}

class PatternParser {
  readonly #chars: readonly string[];
  #at = 0;
  #groups = 0;
  #depth = 0;
  /** Between `\Q` and `\E`. */
  #isQuoted = false;
  readonly #names = new Map<string, number>();
  #flags: Flags = { i: false, m: false, s: false, U: false };

  constructor(source: string) {
    this.#chars = [...source];
  }

  parse(): PatternSyntax {
    const node = this.#choice();
    if (this.#at < this.#chars.length) this.#fail("there is no ( for this )");
    return { node, groups: this.#groups, names: this.#names };
  }

  #fail(problem: string, at = this.#at): never {
    throw new RuleError(at, `in its regular expression, ${problem}`);
  }

  #peek(text: string): boolean {
    return [...text].every((char, i) => this.#chars[this.#at + i] === char);
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false;
    this.#at += [...text].length;
    return true;
  }

  #choice(): PatternNode {
    if (++this.#depth > DEEPEST) this.#fail("groups are nested too deeply");
    const flags = this.#flags;
    const nodes = [this.#sequence()];
    while (this.#take("|")) nodes.push(this.#sequence());
    this.#flags = flags; // flags hold to the end of their group
    this.#depth--;
    return nodes.length === 1 ? nodes[0]! : { kind: "choice", nodes };
  }

  #sequence(): PatternNode {
    const nodes: PatternNode[] = [];
    while (this.#at < this.#chars.length && (this.#isQuoted || !this.#peek("|") && !this.#peek(")"))) {
      const start = this.#at;
      const atom = this.#atom();
      if (atom === null) continue;
      if (this.#isQuoted && this.#take("\\E")) this.#isQuoted = false;
      nodes.push(this.#isQuoted ? atom : this.#repeated(atom, start));
    }
    return nodes.length === 1 ? nodes[0]! : nodes.length === 0 ? { kind: "empty" } : { kind: "sequence", nodes };
  }

  #repeated(atom: PatternNode, start: number): PatternNode {
    const bounds = this.#quantifier();
    if (bounds === null) return atom;
    const greedy = this.#take("?") === this.#flags.U;
    const node: PatternNode = { kind: "repeat", node: atom, least: bounds[0], most: bounds[1], greedy };
    if (this.#quantifier() !== null) this.#fail("write one quantifier, or a group around the first", start);
    return node;
  }

  #quantifier(): [number, number] | null {
    if (this.#take("*")) return [0, Infinity];
    if (this.#take("+")) return [1, Infinity];
    if (this.#take("?")) return [0, 1];
    const match = /^\{(\d+)(?:(,)(\d*))?\}/.exec(this.#chars.slice(this.#at, this.#at + 16).join(""));
    if (match === null) return null;
    const least = Number(match[1]);
    const most = match[2] === undefined ? least : match[3] === "" ? Infinity : Number(match[3]);
    if (least > MOST_REPEATS || (most > MOST_REPEATS && most !== Infinity)) this.#fail("repeat at most 1000 times");
    if (most < least) this.#fail("write the smaller number of repeats first");
    this.#at += match[0].length;
    return [least, most];
  }

  /** Null: it was nothing but flags. */
  #atom(): PatternNode | null {
    if (this.#take(this.#isQuoted ? "\\E" : "\\Q")) {
      this.#isQuoted = !this.#isQuoted;
      return null;
    }
    const char = this.#chars[this.#at]!;
    if (this.#isQuoted) {
      this.#at++;
      return { kind: "character", code: char.codePointAt(0)!, ignoreCase: this.#flags.i };
    }
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        return { kind: "set", set: this.#bracket() };
      case "\\":
        return this.#escape();
      case "*":
      case "+":
      case "?":
        return this.#fail(`there is nothing that ${char} could repeat`);
      case ".":
        this.#at++;
        return { kind: "any", withNewline: this.#flags.s };
      case "^":
        this.#at++;
        return { kind: "assertion", assertion: this.#flags.m ? "lineStart" : "textStart" };
      case "$":
        this.#at++;
        return { kind: "assertion", assertion: this.#flags.m ? "lineEnd" : "textEnd" };
      default:
        this.#at++;
        return { kind: "character", code: char.codePointAt(0)!, ignoreCase: this.#flags.i };
    }
  }

  #group(): PatternNode | null {
    const start = this.#at++;
    let index = 0;
    const flags = this.#flags;
    if (this.#take("?")) {
      const rest = this.#chars.slice(this.#at, this.#at + 80).join("");
      const named = /^P?<([A-Za-z_]\w*)>/.exec(rest);
      const set = /^([imsU]*)(?:-([imsU]+))?([:)])/.exec(rest);
      if (named !== null) {
        index = ++this.#groups;
        if (this.#names.has(named[1]!)) this.#fail(`two groups are named ${named[1]}`);
        this.#names.set(named[1]!, index);
        this.#at += named[0].length;
      } else if (set !== null && set[0] !== ")") {
        const change = (flag: keyof Flags) => !set[2]?.includes(flag) && (set[1]!.includes(flag) || this.#flags[flag]);
        this.#flags = { i: change("i"), m: change("m"), s: change("s"), U: change("U") };
        this.#at += set[0].length;
        if (set[3] === ")") return null;
      } else {
        this.#fail(/^<?[=!]/.test(rest) ? "there is no look-around" : "nothing is known that begins like this", start);
      }
    } else {
      index = ++this.#groups;
    }
    const node = this.#choice();
    if (!this.#take(")")) this.#fail("there is no ) for this (", start);
    this.#flags = flags;
    return index === 0 ? node : { kind: "group", index, node };
  }

  #escape(): PatternNode {
    const start = this.#at++;
    const char = this.#chars[this.#at];
    if (char === undefined) this.#fail("a character is missing behind \\", start);
    const assertion = ({ A: "textStart", z: "textEnd", b: "wordBoundary", B: "noWordBoundary" } as const)[char];
    if (assertion !== undefined) {
      this.#at++;
      return { kind: "assertion", assertion };
    }
    const set = this.#classEscape();
    if (set !== null) return { kind: "set", set };
    return { kind: "character", code: this.#characterEscape(start), ignoreCase: this.#flags.i };
  }

  /** `\d`, `\pL`, `\P{Greek}`, behind the backslash. */
  #classEscape(): CharacterSet | null {
    const char = this.#chars[this.#at]!;
    const small = char.toLowerCase();
    const ranges = PERL[small];
    if (ranges !== undefined) {
      this.#at++;
      return { negated: char !== small, ranges, parts: [], ignoreCase: false };
    }
    if (small !== "p") return null;
    const match = /^[pP](?:([A-Z])|\{(\^?)(\w+)\})/.exec(this.#chars.slice(this.#at, this.#at + 40).join(""));
    if (match === null) this.#fail("write a class such as \\pL or \\p{Greek}");
    const name = match[1] ?? match[3]!;
    let property: RegExp;
    try {
      property = new RegExp(`^\\p{${name}}$`, "u");
    } catch {
      // Scripts have a prefix in JavaScript, and none in RE2.
      try {
        property = new RegExp(`^\\p{Script=${name}}$`, "u");
      } catch {
        this.#fail(`no class is named ${name}`);
      }
    }
    this.#at += match[0].length;
    return { negated: (char === "P") !== (match[2] === "^"), ranges: [], parts: [], property, ignoreCase: false };
  }

  /** A single character, behind the backslash. */
  #characterEscape(start: number): number {
    const char = this.#chars[this.#at]!;
    const rest = this.#chars.slice(this.#at, this.#at + 12).join("");
    const number = /^x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(rest) ?? /^(0[0-7]{0,2})/.exec(rest);
    if (number !== null) {
      const code = char === "x" ? parseInt(number[1] ?? number[2]!, 16) : parseInt(number[1]!, 8);
      if (code > 0x10ffff) this.#fail("no character has that number", start);
      this.#at += number[0].length;
      return code;
    }
    if (/[1-9]/.test(char)) this.#fail("there are no back-references", start);
    const escape = ESCAPES[char];
    if (escape === undefined && /[A-Za-z0-9]/.test(char)) this.#fail(`\\${char} is not known`, start);
    this.#at++;
    return escape ?? char.codePointAt(0)!;
  }

  #bracket(): CharacterSet {
    const start = this.#at++;
    const negated = this.#take("^");
    const ranges: number[] = [];
    const parts: CharacterSet[] = [];
    for (let first = true;; first = false) {
      if (this.#at >= this.#chars.length) this.#fail("there is no ] for this [", start);
      if (!first && this.#take("]")) break;
      const posix = /^\[:(\^?)(\w+):\]/.exec(this.#chars.slice(this.#at, this.#at + 16).join(""));
      if (posix !== null) {
        const known = POSIX[posix[2]!];
        if (known === undefined) this.#fail(`no class is named ${posix[2]}`);
        parts.push({ negated: posix[1] === "^", ranges: known, parts: [], ignoreCase: false });
        this.#at += posix[0].length;
        continue;
      }
      const low = this.#bracketItem(parts);
      if (low === null) continue;
      if (this.#peek("-") && this.#chars[this.#at + 1] !== "]" && this.#at + 1 < this.#chars.length) {
        this.#at++;
        const high = this.#bracketItem(null);
        if (high === null || high < low) this.#fail("the range goes backwards");
        ranges.push(low, high);
      } else {
        ranges.push(low, low);
      }
    }
    return { negated, ranges, parts, ignoreCase: this.#flags.i };
  }

  /** One character of a set; null: it was a class, put into `parts`. */
  #bracketItem(parts: CharacterSet[] | null): number | null {
    const char = this.#chars[this.#at];
    if (char === undefined) this.#fail("there is no ] for a [");
    if (char !== "\\") {
      this.#at++;
      return char.codePointAt(0)!;
    }
    const start = this.#at++;
    if (this.#chars[this.#at] === undefined) this.#fail("a character is missing behind \\", start);
    const set = this.#classEscape();
    if (set === null) return this.#characterEscape(start);
    if (parts === null) this.#fail("a class can't end a range", start);
    parts.push(set);
    return null;
  }
}

/** Whether a set holds a character. */
export function holds(set: CharacterSet, code: number): boolean {
  let found = holdsExactly(set, code);
  if (!found && set.ignoreCase) {
    const char = String.fromCodePoint(code);
    const lower = char.toLowerCase().codePointAt(0)!, upper = char.toUpperCase().codePointAt(0)!;
    found = (lower !== code && holdsExactly(set, lower)) || (upper !== code && holdsExactly(set, upper));
  }
  return found !== set.negated;
}

function holdsExactly({ ranges, parts, property }: CharacterSet, code: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) if (code >= ranges[i]! && code <= ranges[i + 1]!) return true;
  if (property !== undefined && property.test(String.fromCodePoint(code))) return true;
  return parts.some((part) => holds(part, code));
}
