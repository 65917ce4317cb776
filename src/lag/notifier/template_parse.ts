/** The grammar of Go's text/template as far as notification templates use it: text and actions in, a tree out. */

/** A template that can't be used; the message says where. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  readonly code = "lag.template";

  constructor(name: string, line: number, why: string) {
    super(`Cannot use the template ${name}${line > 0 ? `, line ${line}` : ""}: ${why}`);
  }
}

/** What an argument is. */
export type Operand =
  | { readonly kind: "dot" }
  | { readonly kind: "literal"; readonly value: string | number | bigint | boolean | null }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "pipeline"; readonly pipeline: Pipeline };

/** An argument with the fields that are taken of it: `.Result.Status`, `$p.Topic`, `(index .Extras "x").Y`. */
export interface Argument {
  readonly operand: Operand;
  readonly fields: readonly string[];
}

/** `command | command`, perhaps with variables in front: `$i, $p := …`. */
export interface Pipeline {
  readonly line: number;
  readonly variables: readonly string[];
  /** `=`: the variable is there already. */
  readonly assigns: boolean;
  /** Each is a list of arguments, of which the first may be a function or a method. */
  readonly commands: readonly (readonly Argument[])[];
}

/** A piece of a template. */
export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly pipeline: Pipeline }
  | {
    readonly kind: "if" | "range" | "with";
    readonly pipeline: Pipeline;
    readonly body: readonly Node[];
    readonly otherwise: readonly Node[];
  }
  | { readonly kind: "break" | "continue" };

type Token =
  | { readonly kind: "word" | "variable" | "field" | "symbol"; readonly text: string; readonly spaced: boolean }
  | { readonly kind: "literal"; readonly value: string | number | bigint; readonly spaced: boolean };

interface Piece {
  readonly kind: "text" | "action";
  readonly text: string;
  readonly line: number;
}

/** Parses a template. @param name for messages @throws {TemplateError} */
export function parseTemplate(name: string, text: string): readonly Node[] {
  return new Parser(name, split(name, text)).template();
}

/** Text and actions in turn; trim markers have done their work. */
function split(name: string, text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let line = 1;
  let trimsNext = false;
  const push = (raw: string, trimsEnd: boolean) => {
    let own = trimsNext ? raw.replace(/^[ \t\r\n]+/, "") : raw;
    if (trimsEnd) own = own.replace(/[ \t\r\n]+$/, "");
    if (own !== "") pieces.push({ kind: "text", text: own, line });
    line += raw.split("\n").length - 1;
  };
  for (;;) {
    const open = text.indexOf("{{", at);
    if (open < 0) {
      push(text.slice(at), false);
      return pieces;
    }
    const trims = /^-[ \t\r\n]/.test(text.slice(open + 2, open + 4));
    push(text.slice(at, open), trims);
    const start = open + 2 + (trims ? 2 : 0);
    const close = endOfAction(text, start);
    if (close < 0) throw new TemplateError(name, line, "an action does not end: }} is missing");
    let inner = text.slice(start, close);
    trimsNext = /[ \t\r\n]-$/.test(inner);
    if (trimsNext) inner = inner.slice(0, -2);
    if (!/^\s*\/\*[^]*\*\/\s*$/.test(inner)) pieces.push({ kind: "action", text: inner, line });
    line += text.slice(open, close).split("\n").length - 1;
    at = close + 2;
  }
}

/** Where the `}}` of an action stands that is in no quotes and no comment; -1 if nowhere. */
function endOfAction(text: string, start: number): number {
  const comment = /^\s*\/\*/.exec(text.slice(start));
  if (comment !== null) {
    const end = text.indexOf("*/", start);
    return end < 0 ? -1 : text.indexOf("}}", end);
  }
  for (let i = start; i < text.length; i++) {
    const letter = text[i]!;
    if (letter === "}" && text[i + 1] === "}") return i;
    if (letter === "`") {
      i = text.indexOf("`", i + 1);
      if (i < 0) return -1;
    } else if (letter === '"' || letter === "'") {
      for (i++; i < text.length && text[i] !== letter; i++) if (text[i] === "\\") i++;
    }
  }
  return -1;
}

const TOKEN =
  /(\s*)(?:(\$[\p{L}_\p{N}]*)|(\.[\p{L}_][\p{L}_\p{N}]*)|([\p{L}_][\p{L}_\p{N}]*)|("(?:[^"\\\n]|\\.)*")|`([^`]*)`|'((?:[^'\\]|\\.)+)'|([+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+))|(:=|[=|(),.]))/uy;

class Parser {
  readonly #name: string;
  readonly #pieces: readonly Piece[];
  #at = 0;
  #tokens: Token[] = [];
  #line = 0;
  /** Variables in force, for a message before anything is sent. */
  #variables = ["$"];
  #loops = 0;

  constructor(name: string, pieces: readonly Piece[]) {
    this.#name = name;
    this.#pieces = pieces;
  }

  template(): readonly Node[] {
    const nodes = this.#list();
    if (this.#at < this.#pieces.length) this.#fail(`{{${this.#pieces[this.#at]!.text.trim()}}} ends nothing`);
    return nodes;
  }

  /** Nodes up to an `end` or `else`, which stays. */
  #list(): readonly Node[] {
    const nodes: Node[] = [];
    for (; this.#at < this.#pieces.length; this.#at++) {
      const piece = this.#pieces[this.#at]!;
      this.#line = piece.line;
      if (piece.kind === "text") {
        nodes.push({ kind: "text", text: piece.text });
        continue;
      }
      const word = /^\s*(\w+)/.exec(piece.text)?.[1] ?? "";
      if (word === "end" || word === "else") break;
      nodes.push(this.#action(piece, word));
    }
    return nodes;
  }

  #action(piece: Piece, word: string): Node {
    if (word === "if" || word === "range" || word === "with") {
      this.#tokens = this.#tokenize(piece.text.replace(/^\s*\w+/, ""));
      return this.#block(word, word === "range");
    }
    if (word === "break" || word === "continue") {
      if (this.#loops === 0) this.#fail(`{{${word}}} stands outside of a range`);
      return { kind: word };
    }
    if (["define", "template", "block"].includes(word)) this.#fail(`{{${word}}} is not known here`);
    this.#tokens = this.#tokenize(piece.text);
    return { kind: "print", pipeline: this.#whole() };
  }

  #block(kind: "if" | "range" | "with", isLoop: boolean): Node {
    const outside = this.#variables;
    this.#variables = [...outside];
    const pipeline = this.#whole();
    const line = this.#line;
    this.#at++;
    if (isLoop) this.#loops++;
    const body = this.#list();
    if (isLoop) this.#loops--;
    const otherwise = this.#otherwise(kind, line);
    this.#variables = outside;
    return { kind, pipeline, body, otherwise };
  }

  #otherwise(kind: string, line: number): readonly Node[] {
    const piece = this.#pieces[this.#at];
    if (piece === undefined) throw new TemplateError(this.#name, line, `{{${kind}}} has no {{end}}`);
    const [first, next, ...rest] = piece.text.trim().split(/\s+/);
    if (first === "end") return [];
    if (next === "if" || next === "with") {
      // The end of the inner block is the end of this one.
      this.#line = piece.line;
      this.#tokens = this.#tokenize(piece.text.replace(/^\s*else\s+\w+/, ""));
      return [this.#block(next, false)];
    }
    if (next !== undefined || rest.length > 0) this.#fail(`{{else ${next}}} is not known`);
    this.#at++;
    const nodes = this.#list();
    const end = this.#pieces[this.#at];
    if (end === undefined || end.text.trim() !== "end") this.#fail(`{{${kind}}} has no {{end}} behind its {{else}}`);
    return nodes;
  }

  /** The pipeline that is all of an action. */
  #whole(): Pipeline {
    const pipeline = this.#pipeline(true);
    if (this.#tokens.length > 0) this.#fail(`${shown(this.#tokens[0]!)} is too much`);
    return pipeline;
  }

  #pipeline(mayDeclare: boolean): Pipeline {
    const line = this.#line;
    const { variables, assigns } = mayDeclare ? this.#declared() : { variables: [], assigns: false };
    const commands: Argument[][] = [];
    do commands.push(this.#command()); while (this.#skip("|"));
    return { line, variables, assigns, commands };
  }

  #declared(): { variables: string[]; assigns: boolean } {
    const variables: string[] = [];
    for (let i = 0; this.#tokens[i]?.kind === "variable"; i += 2) {
      variables.push((this.#tokens[i] as { text: string }).text);
      const next = this.#tokens[i + 1];
      if (isSymbol(next, ":=") || isSymbol(next, "=")) {
        this.#tokens.splice(0, i + 2);
        const assigns = isSymbol(next, "=");
        for (const name of variables) {
          if (assigns && !this.#variables.includes(name)) this.#fail(`there is no variable ${name}`);
          this.#variables.push(name);
        }
        return { variables, assigns };
      }
      if (!isSymbol(next, ",")) break;
    }
    return { variables: [], assigns: false };
  }

  #command(): Argument[] {
    const args: Argument[] = [];
    while (this.#tokens.length > 0 && !isSymbol(this.#tokens[0], "|") && !isSymbol(this.#tokens[0], ")")) {
      args.push(this.#argument());
    }
    if (args.length === 0) this.#fail("a value is missing");
    return args;
  }

  #argument(): Argument {
    const token = this.#tokens.shift()!;
    const fields: string[] = [];
    const operand = this.#operand(token, fields);
    for (let next = this.#tokens[0]; next?.kind === "field" && !next.spaced; next = this.#tokens[0]) {
      fields.push(next.text.slice(1));
      this.#tokens.shift();
    }
    return { operand, fields };
  }

  #operand(token: Token, fields: string[]): Operand {
    switch (token.kind) {
      case "literal":
        return { kind: "literal", value: token.value };
      case "variable":
        if (!this.#variables.includes(token.text)) this.#fail(`there is no variable ${token.text}`);
        return { kind: "variable", name: token.text };
      case "field":
        fields.push(token.text.slice(1));
        return { kind: "dot" };
      case "word":
        if (token.text === "true" || token.text === "false") return { kind: "literal", value: token.text === "true" };
        if (token.text === "nil") return { kind: "literal", value: null };
        return { kind: "function", name: token.text };
      case "symbol":
        if (token.text === ".") return { kind: "dot" };
        if (token.text !== "(") this.#fail(`${token.text} stands where a value was expected`);
    }
    const pipeline = this.#pipeline(false);
    if (!this.#skip(")")) this.#fail(") is missing");
    return { kind: "pipeline", pipeline };
  }

  #skip(text: string): boolean {
    if (!isSymbol(this.#tokens[0], text)) return false;
    this.#tokens.shift();
    return true;
  }

  #tokenize(text: string): Token[] {
    const tokens: Token[] = [];
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.trimEnd().length) {
      const at = TOKEN.lastIndex;
      const match = TOKEN.exec(text);
      if (match === null) this.#fail(`${text.slice(at).trim().slice(0, 20)} can't be read`);
      const [, space, variable, field, word, quoted, raw, letter, number, symbol] = match;
      const spaced = space !== "" && space !== undefined;
      if (variable !== undefined) tokens.push({ kind: "variable", text: variable, spaced });
      else if (field !== undefined) tokens.push({ kind: "field", text: field, spaced });
      else if (word !== undefined) tokens.push({ kind: "word", text: word, spaced });
      else if (quoted !== undefined) tokens.push({ kind: "literal", value: this.#unquoted(quoted), spaced });
      else if (raw !== undefined) tokens.push({ kind: "literal", value: raw, spaced });
      else if (letter !== undefined) {
        tokens.push({ kind: "literal", value: this.#unquoted(`"${letter}"`).codePointAt(0) ?? 0, spaced });
      } else if (number !== undefined) tokens.push({ kind: "literal", value: Number(number), spaced });
      else tokens.push({ kind: "symbol", text: symbol!, spaced });
    }
    return tokens;
  }

  #unquoted(quoted: string): string {
    const text = quoted.slice(1, -1).replace(
      /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/g,
      (_, x, u, long, octal, plain: string) => {
        const code = x ?? u ?? long;
        if (code !== undefined) return String.fromCodePoint(parseInt(code, 16));
        if (octal !== undefined) return String.fromCodePoint(parseInt(octal, 8));
        const found = ESCAPES[plain];
        return found ?? this.#fail(`the escape \\${plain} is not known`);
      },
    );
    return text;
  }

  #fail(why: string): never {
    throw new TemplateError(this.#name, this.#line, why);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === "symbol" && token.text === text;
}

function shown(token: Token): string {
  return token.kind === "literal" ? String(token.value) : token.text;
}
