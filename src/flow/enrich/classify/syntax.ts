/** Rules as trees. The precedences are those of the Expr language, whose rules people bring along. */
import { RuleError } from "./rule_error.ts";
import { readTokens, type Token } from "./tokens.ts";

/** A part of a rule; `at` is where it begins. */
export type RuleNode =
  | { readonly kind: "literal"; readonly at: number; readonly value: number | string | boolean }
  | { readonly kind: "list"; readonly at: number; readonly items: readonly RuleNode[] }
  | { readonly kind: "name"; readonly at: number; readonly name: string }
  | { readonly kind: "member"; readonly at: number; readonly of: RuleNode; readonly name: string }
  | { readonly kind: "index"; readonly at: number; readonly of: RuleNode; readonly index: RuleNode }
  | { readonly kind: "call"; readonly at: number; readonly name: string; readonly args: readonly RuleNode[] }
  | { readonly kind: "unary"; readonly at: number; readonly operator: UnaryOperator; readonly operand: RuleNode }
  | {
    readonly kind: "binary";
    readonly at: number;
    readonly operator: BinaryOperator;
    readonly left: RuleNode;
    readonly right: RuleNode;
  }
  | {
    readonly kind: "choice";
    readonly at: number;
    readonly condition: RuleNode;
    readonly yes: RuleNode;
    readonly no: RuleNode;
  }
  | {
    readonly kind: "let";
    readonly at: number;
    readonly name: string;
    readonly value: RuleNode;
    readonly body: RuleNode;
  };

export type UnaryOperator = "not" | "-" | "+";

export type BinaryOperator =
  | "or"
  | "and"
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "in"
  | "contains"
  | "startsWith"
  | "endsWith"
  | "matches"
  | "+"
  | "-"
  | "*"
  | "/"
  | "%";

const PRECEDENCES: Readonly<Record<BinaryOperator, number>> = {
  or: 10,
  and: 15,
  "==": 20,
  "!=": 20,
  "<": 20,
  "<=": 20,
  ">": 20,
  ">=": 20,
  in: 20,
  contains: 20,
  startsWith: 20,
  endsWith: 20,
  matches: 20,
  "+": 30,
  "-": 30,
  "*": 60,
  "/": 60,
  "%": 60,
};
const NOT_PRECEDENCE = 50;
const SIGN_PRECEDENCE = 90;
/** Operators that `not` may stand in front of. */
const WORD_OPERATORS: ReadonlySet<string> = new Set(["in", "contains", "startsWith", "endsWith", "matches"]);
const ALIASES: Readonly<Record<string, BinaryOperator>> = { "&&": "and", "||": "or" };
const KEYWORDS: ReadonlySet<string> = new Set([...WORD_OPERATORS, "and", "or", "not", "let"]);

/** Rules are nested at most so deeply. */
const DEEPEST = 200;

/** Reads a rule. @throws {RuleError} */
export function parseRule(source: string): RuleNode {
  return new RuleParser(readTokens(source)).parse();
}

class RuleParser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): RuleNode {
    const node = this.#block();
    const rest = this.#token;
    if (rest.kind !== "end") {
      const hint = this.#is("=") ? ", write == to compare" : "";
      throw new RuleError(rest.at, `nothing is expected before ${show(rest)}${hint}`);
    }
    return node;
  }

  get #token(): Token {
    return this.#tokens[this.#at]!;
  }

  #is(text: string): boolean {
    const { kind, text: own } = this.#token;
    return (kind === "operator" || kind === "name") && own === text;
  }

  #take(text: string): boolean {
    const found = this.#is(text);
    if (found) this.#at++;
    return found;
  }

  #need(text: string, where: string): void {
    if (!this.#take(text)) throw new RuleError(this.#token.at, `write ${text} ${where}, not ${show(this.#token)}`);
  }

  /** `let x = …; …` */
  #block(): RuleNode {
    const { at } = this.#token;
    if (!this.#take("let")) return this.#choice();
    const name = this.#token;
    if (name.kind !== "name" || KEYWORDS.has(name.text)) {
      throw new RuleError(name.at, `write a name behind let, not ${show(name)}`);
    }
    this.#at++;
    this.#need("=", "behind the name");
    const value = this.#choice();
    this.#need(";", "behind the value");
    return this.#nested(() => ({ kind: "let", at, name: name.text, value, body: this.#block() }));
  }

  #choice(): RuleNode {
    return this.#nested(() => {
      const condition = this.#binary(0);
      if (!this.#take("?")) return condition;
      const yes = this.#choice();
      this.#need(":", "between the two values of ?");
      const no = this.#choice();
      return { kind: "choice", at: condition.at, condition, yes, no };
    });
  }

  #nested(read: () => RuleNode): RuleNode {
    if (++this.#depth > DEEPEST) throw new RuleError(this.#token.at, "parts are nested too deeply");
    const node = read();
    this.#depth--;
    return node;
  }

  #binary(least: number): RuleNode {
    let left = this.#unary();
    for (;;) {
      const start = this.#token;
      const next = this.#tokens[this.#at + 1];
      const negated = this.#is("not") && next?.kind === "name" && WORD_OPERATORS.has(next.text);
      const word = negated ? next! : start;
      if (word.kind !== "operator" && word.kind !== "name") return left;
      const operator = ALIASES[word.text] ?? word.text as BinaryOperator;
      const precedence = Object.hasOwn(PRECEDENCES, operator) ? PRECEDENCES[operator] : -1;
      if (precedence <= least) return left;
      this.#at += negated ? 2 : 1;
      const right = this.#nested(() => this.#binary(precedence));
      const node: RuleNode = { kind: "binary", at: word.at, operator, left, right };
      left = negated ? { kind: "unary", at: start.at, operator: "not", operand: node } : node;
    }
  }

  #unary(): RuleNode {
    const { at } = this.#token;
    const operator = this.#take("!") || this.#take("not")
      ? "not"
      : this.#take("-")
      ? "-"
      : this.#take("+")
      ? "+"
      : null;
    if (operator === null) return this.#postfix(this.#primary());
    const precedence = operator === "not" ? NOT_PRECEDENCE : SIGN_PRECEDENCE;
    const operand = this.#nested(() => this.#binary(precedence));
    return { kind: "unary", at, operator, operand };
  }

  #postfix(node: RuleNode): RuleNode {
    for (;;) {
      const { at } = this.#token;
      if (this.#take(".")) {
        const name = this.#token;
        if (name.kind !== "name") throw new RuleError(name.at, `write a name behind the dot, not ${show(name)}`);
        this.#at++;
        node = { kind: "member", at: name.at, of: node, name: name.text };
      } else if (this.#take("[")) {
        const index = this.#choice();
        this.#need("]", "behind the index");
        node = { kind: "index", at, of: node, index };
      } else {
        return node;
      }
    }
  }

  #primary(): RuleNode {
    const token = this.#token;
    const { at, text } = token;
    if (token.kind === "number" || token.kind === "string") {
      this.#at++;
      return { kind: "literal", at, value: token.kind === "number" ? Number(text) : text };
    }
    if (this.#take("(")) {
      const node = this.#block();
      this.#need(")", "behind what ( began");
      return node;
    }
    if (this.#take("[")) return { kind: "list", at, items: this.#items("]") };
    if (token.kind === "name" && !KEYWORDS.has(text)) {
      this.#at++;
      if (text === "true" || text === "false") return { kind: "literal", at, value: text === "true" };
      if (this.#take("(")) return { kind: "call", at, name: text, args: this.#items(")") };
      return { kind: "name", at, name: text };
    }
    throw new RuleError(at, `write a value here, not ${show(token)}`);
  }

  #items(end: string): RuleNode[] {
    const items: RuleNode[] = [];
    while (!this.#take(end)) {
      items.push(this.#choice());
      if (this.#is(end)) continue;
      this.#need(",", `or ${end} behind a value`);
    }
    return items;
  }
}

function show({ kind, text }: Token): string {
  return kind === "string" ? JSON.stringify(text) : text;
}
