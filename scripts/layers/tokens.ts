/** A word (a name, a keyword or a number), the value of a string, or one character of punctuation. */
export interface Token {
  kind: "word" | "string" | "punctuation";
  text: string;
  /** 1-based. */
  line: number;
}

const WORD = /[\p{ID_Start}$_#\d][\p{ID_Continue}$\u200c\u200d]*/uy;
const REGEXP = /\/(?:[^\\/[\n]|\\.|\[(?:[^\\\]\n]|\\.)*\])+\/[a-z]*/y;
/** Words after which a slash begins a regular expression, and divides nothing. */
const BEFORE_VALUE = new Set([
  "return",
  "typeof",
  "case",
  "in",
  "of",
  "delete",
  "void",
  "throw",
  "new",
  "else",
  "do",
  "await",
]);

/**
 * Splits TypeScript into tokens, as far as imports need it: comments, the text of templates and regular expressions are left
 * out, what stands in `${}` is not. Whatever it is given, it comes to an end.
 */
export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  /** Of each template that is open: how many braces are open inside its `${`. */
  const templates: number[] = [];
  let at = 0;
  let line = 1;

  function skipTo(end: number): void {
    for (; at < end; at++) if (source[at] === "\n") line++;
  }
  function push(kind: Token["kind"], text: string, end: number): void {
    tokens.push({ kind, text, line });
    skipTo(end);
  }
  /** From within a template's text to behind its backquote, or behind the next `${`. */
  function skipTemplate(): void {
    let end = at;
    while (end < source.length && source[end] !== "`" && !source.startsWith("${", end)) {
      end += source[end] === "\\" ? 2 : 1;
    }
    const opens = source.startsWith("${", end);
    skipTo(Math.min(source.length, end + (opens ? 2 : 1)));
    if (opens) templates.push(0);
    else tokens.push({ kind: "string", text: "", line });
  }

  while (at < source.length) {
    const c = source[at] ?? "";
    if (/\s/.test(c)) skipTo(at + 1);
    else if (source.startsWith("//", at)) skipTo(endOf(source, "\n", at));
    else if (source.startsWith("/*", at)) skipTo(endOf(source, "*/", at + 2));
    else if (c === '"' || c === "'") {
      let end = at + 1;
      while (end < source.length && source[end] !== c && source[end] !== "\n") end += source[end] === "\\" ? 2 : 1;
      push("string", source.slice(at + 1, end), Math.min(source.length, end + 1));
    } else if (c === "`") {
      skipTo(at + 1);
      skipTemplate();
    } else if (c === "}" && templates.at(-1) === 0) {
      templates.pop();
      skipTo(at + 1);
      skipTemplate();
    } else {
      const word = match(WORD, source, at);
      const regexp = c === "/" && beginsValue(tokens.at(-1)) ? match(REGEXP, source, at) : undefined;
      if (word !== undefined) push("word", word, at + word.length);
      else if (regexp !== undefined) push("string", "", at + regexp.length);
      else {
        const depth = templates.length - 1;
        if (depth >= 0 && (c === "{" || c === "}")) templates[depth] = (templates[depth] ?? 0) + (c === "{" ? 1 : -1);
        push("punctuation", c, at + 1);
      }
    }
  }
  return tokens;
}

function beginsValue(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === "word") return BEFORE_VALUE.has(before.text);
  return before.kind === "punctuation" && before.text !== ")" && before.text !== "]";
}

function match(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function endOf(source: string, mark: string, from: number): number {
  const found = source.indexOf(mark, from);
  return found < 0 ? source.length : found + mark.length;
}
