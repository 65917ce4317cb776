/** The words of a rule. */
import { RuleError } from "./rule_error.ts";

/** One word of a rule. */
export interface Token {
  readonly kind: "number" | "string" | "name" | "operator" | "end";
  /** Of a string its value, of everything else what is written. */
  readonly text: string;
  /** Where it begins, from 0. */
  readonly at: number;
}

const OPERATORS = /&&|\|\||==|!=|<=|>=|[-+*/%<>!?:;,.()[\]=]/y;
const NUMBER = /0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?/y;
const NAME = /[A-Za-z_]\w*/y;
const SPACE = /(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)+/y;

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

/** The words of a rule, an end behind the last. @throws {RuleError} */
export function readTokens(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    if (text !== undefined) at += text.length;
    return text;
  };
  for (take(SPACE); at < source.length; take(SPACE)) {
    const start = at;
    const quote = source[at]!;
    if (quote === '"' || quote === "'" || quote === "`") {
      const { text, end } = readString(source, at);
      tokens.push({ kind: "string", text, at: start });
      at = end;
      continue;
    }
    const number = take(NUMBER);
    if (number !== undefined) {
      if (/[A-Za-z_]/.test(source[at] ?? "")) throw new RuleError(start, `${number}${source[at]} is no number`);
      tokens.push({ kind: "number", text: number, at: start });
      continue;
    }
    const name = take(NAME);
    if (name !== undefined) {
      tokens.push({ kind: "name", text: name, at: start });
      continue;
    }
    const operator = take(OPERATORS);
    if (operator === undefined) {
      const char = String.fromCodePoint(source.codePointAt(at)!);
      const hint = char === "&" || char === "|" ? `write ${char}${char}` : "no rule has it";
      throw new RuleError(at, `the character ${char} means nothing here, ${hint}`);
    }
    tokens.push({ kind: "operator", text: operator, at: start });
  }
  tokens.push({ kind: "end", text: "the end", at: source.length });
  return tokens;
}

function readString(source: string, start: number): { text: string; end: number } {
  const quote = source[start]!;
  let text = "";
  let at = start + 1;
  while (at < source.length && source[at] !== quote) {
    const char = source[at]!;
    if (quote === "`" || char !== "\\") {
      text += char;
      at++;
      continue;
    }
    const rest = source.slice(at + 1, at + 10);
    const simple = ESCAPES[rest[0] ?? ""];
    if (simple !== undefined) {
      text += simple;
      at += 2;
      continue;
    }
    const number = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/.exec(rest);
    const code = number === null ? -1 : parseInt(number[1] ?? number[2] ?? number[3] ?? number[4]!, number[4] ? 8 : 16);
    if (number === null || code > 0x10ffff) {
      throw new RuleError(at, `\\${rest[0] ?? ""} is no escape: write \\\\ for a backslash, or use \`…\``);
    }
    text += String.fromCodePoint(code);
    at += 1 + number[0].length;
  }
  if (at >= source.length) throw new RuleError(start, `there is no ${quote} that ends this text`);
  return { text, end: at + 1 };
}
