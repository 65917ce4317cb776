/** Rules from trees to closures; what can be wrong with them is found here, and not when a flow comes. */
import { isSlip, nearestName } from "../../../config/mod.ts";
import { type FindPattern, FUNCTIONS, OBJECTS, type RuleField, type RuleSubject } from "./functions.ts";
import { Pattern } from "./pattern.ts";
import {
  type Compiled,
  type Evaluate,
  type RuleContext,
  type RuleType,
  type RuleValue,
  typeOf,
} from "./rule_context.ts";
import { RuleError, RuleFailure } from "./rule_error.ts";
import { type BinaryOperator, parseRule, type RuleNode } from "./syntax.ts";

/** A rule, ready to be evaluated. */
export interface Rule {
  readonly source: string;
  /** What it reads, such as `Interface.VLAN`. */
  readonly reads: ReadonlySet<string>;
  /** @throws {RuleFailure} if it can't be evaluated to its end */
  evaluate(context: RuleContext): boolean;
}

/** Regular expressions that are made while a rule runs are kept up to here. */
const MOST_PATTERNS = 256;

/**
 * Compiles a rule about exporters or interfaces.
 *
 * @throws {RuleError} with the place in the text and, for an unknown name, the nearest that is known
 */
export function compileRule(source: string, subject: RuleSubject): Rule {
  const compiler = new Compiler(subject);
  const tree = parseRule(source);
  const compiled = compiler.compile(tree);
  if (compiled.type !== "boolean" && compiled.type !== "any") {
    throw new RuleError(tree.at, `the rule gives a ${compiled.type}, write one that gives true or false`);
  }
  return {
    source,
    reads: compiler.reads,
    evaluate: (context) => needType(compiled.evaluate(context), "boolean", "the rule") as boolean,
  };
}

class Compiler {
  readonly reads = new Set<string>();
  readonly #subject: RuleSubject;
  readonly #patterns = new Map<string, Pattern>();
  readonly #variables = new Map<string, { readonly slot: number; readonly type: RuleType }>();
  #slots = 0;

  constructor(subject: RuleSubject) {
    this.#subject = subject;
  }

  compile(node: RuleNode): Compiled {
    switch (node.kind) {
      case "literal":
        return constant(node.value);
      case "list":
        return this.#list(node.items.map((item) => this.compile(item)));
      case "name":
        return this.#name(node.name, node.at);
      case "member":
        return this.#member(node.of, node.name, node.at);
      case "index":
        return this.#index(node);
      case "call":
        return this.#call(node.name, node.args, node.at);
      case "unary":
        return this.#unary(node.operator, this.compile(node.operand), node.operand.at);
      case "binary":
        return this.#binary(node);
      case "choice":
        return this.#choice(node);
      case "let":
        return this.#let(node);
    }
  }

  #list(items: readonly Compiled[]): Compiled {
    const values = items.map((item) => item.constant);
    if (values.every((value) => value !== undefined)) return constant(values);
    return { type: "list", evaluate: (context) => items.map((item) => item.evaluate(context)) };
  }

  #name(name: string, at: number): Compiled {
    const variable = this.#variables.get(name);
    if (variable !== undefined) {
      const { slot, type } = variable;
      return { type, evaluate: (context) => context.variables[slot]! };
    }
    const objects = OBJECTS[this.#subject];
    if (objects.has(name)) {
      throw new RuleError(
        at,
        `${name} is no value, write ${name}.${[...objects.get(name)!.keys()].join(`, ${name}.`)}`,
      );
    }
    if (FUNCTIONS[this.#subject].has(name)) throw new RuleError(at, `${name} is a function, write ${name}(…)`);
    const known = [...this.#variables.keys(), ...objects.keys(), ...FUNCTIONS[this.#subject].keys()];
    throw new RuleError(at, `${name} is not known${suggestion(name, known)}`);
  }

  #member(of: RuleNode, name: string, at: number): Compiled {
    const object = of.kind === "name" && !this.#variables.has(of.name) ? of.name : undefined;
    if (object === undefined) throw new RuleError(at, "only Exporter and Interface have members");
    const objects = OBJECTS[this.#subject];
    const fields = objects.get(object);
    if (fields === undefined) {
      const hint = object === "Interface"
        ? ", rules about exporters see no interface"
        : suggestion(object, objects.keys());
      throw new RuleError(of.at, `${object} is not known${hint}`);
    }
    const field: RuleField | undefined = fields.get(name);
    if (field === undefined) throw new RuleError(at, `${object} has no ${name}${suggestion(name, fields.keys())}`);
    this.reads.add(`${object}.${name}`);
    return { type: field.type, evaluate: field.read };
  }

  #index(node: RuleNode & { kind: "index" }): Compiled {
    const of = this.compile(node.of), index = this.compile(node.index);
    if (of.type !== "list" && of.type !== "any") throw new RuleError(node.at, `a ${of.type} has no elements`);
    check(index, "number", node.index.at, "an index");
    return {
      type: "any",
      evaluate(context) {
        const list = needType(of.evaluate(context), "list", "what has elements") as readonly RuleValue[];
        const at = needType(index.evaluate(context), "number", "an index") as number;
        const value = list[at < 0 ? list.length + at : at];
        if (value === undefined) throw new RuleFailure(`Cannot take element ${at}: the list has ${list.length}`);
        return value;
      },
    };
  }

  #call(name: string, nodes: readonly RuleNode[], at: number): Compiled {
    const functions = FUNCTIONS[this.#subject];
    const called = functions.get(name);
    if (called === undefined) {
      const other = FUNCTIONS[this.#subject === "exporter" ? "interface" : "exporter"];
      const hint = other.has(name)
        ? `, it is for rules about ${this.#subject === "exporter" ? "interfaces" : "exporters"}`
        : suggestion(name, functions.keys());
      throw new RuleError(at, `there is no function ${name}${hint}`);
    }
    const { parameters, optional = 0, isVariadic = false } = called;
    const least = parameters.length - optional;
    if (nodes.length < least || (nodes.length > parameters.length && !isVariadic)) {
      const wanted = isVariadic ? `${least} or more` : optional > 0 ? `${least} or ${parameters.length}` : `${least}`;
      throw new RuleError(at, `${name} takes ${wanted} arguments, not ${nodes.length}`);
    }
    const args = nodes.map((node) => this.compile(node));
    const types = args.map((_, i) => parameters[Math.min(i, parameters.length - 1)]!);
    for (const [i, arg] of args.entries()) check(arg, types[i]!, nodes[i]!.at, `argument ${i + 1} of ${name}`);
    if (name === "len" && args[0]!.type !== "string" && args[0]!.type !== "list" && args[0]!.type !== "any") {
      throw new RuleError(nodes[0]!.at, `len takes a string or a list, not a ${args[0]!.type}`);
    }
    const { patternAt } = called;
    const find = patternAt === undefined
      ? this.#findPattern
      : this.#patternFinder(args[patternAt]!, nodes[patternAt]!.at);
    return {
      type: called.result,
      evaluate(context) {
        const values = new Array<RuleValue>(args.length);
        for (let i = 0; i < args.length; i++) {
          const value = args[i]!.evaluate(context);
          values[i] = types[i] === "any" ? value : needType(value, types[i]!, `an argument of ${name}`);
        }
        if (name === "len" && typeof values[0] !== "string") needType(values[0]!, "list", "the argument of len");
        return called.call(context, values, find);
      },
    };
  }

  /** A literal expression is compiled with its rule, and must be right; others when they are met. */
  #patternFinder(source: Compiled, at: number): FindPattern {
    if (typeof source.constant !== "string") return this.#findPattern;
    try {
      const pattern = new Pattern(source.constant);
      return () => pattern;
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      throw new RuleError(at + 1 + error.at, error.problem);
    }
  }

  readonly #findPattern: FindPattern = (source) => {
    let pattern = this.#patterns.get(source);
    if (pattern === undefined) {
      try {
        pattern = new Pattern(source);
      } catch (error) {
        if (!(error instanceof RuleError)) throw error;
        throw new RuleFailure(`Cannot use ${JSON.stringify(source)}: ${error.problem}`, { cause: error });
      }
      if (this.#patterns.size >= MOST_PATTERNS) this.#patterns.clear();
      this.#patterns.set(source, pattern);
    }
    return pattern;
  };

  #unary(operator: "not" | "-" | "+", operand: Compiled, at: number): Compiled {
    const type = operator === "not" ? "boolean" : "number";
    check(operand, type, at, `what ${operator} is in front of`);
    const { evaluate } = operand;
    const apply: Evaluate = operator === "not"
      ? (context) => !needType(evaluate(context), type, "what not is in front of")
      : (context) => (operator === "-" ? -1 : 1) * (needType(evaluate(context), type, "what has a sign") as number);
    return { type, evaluate: apply, ...(operand.constant !== undefined && { constant: apply(NO_CONTEXT) }) };
  }

  #binary({ operator, left: leftNode, right: rightNode, at }: RuleNode & { kind: "binary" }): Compiled {
    const left = this.compile(leftNode), right = this.compile(rightNode);
    if (operator === "and" || operator === "or") {
      check(left, "boolean", leftNode.at, `what stands before ${operator}`);
      check(right, "boolean", rightNode.at, `what stands behind ${operator}`);
      const stopsAt = operator === "or";
      return {
        type: "boolean",
        evaluate: (context) =>
          needType(left.evaluate(context), "boolean", operator) === stopsAt
            ? stopsAt
            : needType(right.evaluate(context), "boolean", operator),
      };
    }
    if (operator === "matches") {
      check(left, "string", leftNode.at, "what stands before matches");
      check(right, "string", rightNode.at, "what stands behind matches");
      const find = this.#patternFinder(right, rightNode.at);
      return {
        type: "boolean",
        evaluate: (context) => {
          const text = needType(left.evaluate(context), "string", "what stands before matches") as string;
          return find(needType(right.evaluate(context), "string", "what stands behind matches") as string).test(text);
        },
      };
    }
    if (!accepts(operator, left.type, right.type)) {
      throw new RuleError(at, `${operator} can't take a ${left.type} and a ${right.type}`);
    }
    const apply: Evaluate = (context) => {
      const a = left.evaluate(context), b = right.evaluate(context);
      if (!accepts(operator, typeOf(a), typeOf(b))) {
        throw new RuleFailure(`Cannot use ${operator} on a ${typeOf(a)} and a ${typeOf(b)}`);
      }
      return OPERATIONS[operator](a, b);
    };
    const isConstant = left.constant !== undefined && right.constant !== undefined && operator !== "%";
    const type = resultType(operator, left.type, right.type);
    return { type, evaluate: apply, ...(isConstant && { constant: apply(NO_CONTEXT) }) };
  }

  #choice({ condition, yes, no }: RuleNode & { kind: "choice" }): Compiled {
    const test = this.compile(condition), first = this.compile(yes), second = this.compile(no);
    check(test, "boolean", condition.at, "what stands before ?");
    return {
      type: first.type === second.type ? first.type : "any",
      evaluate: (context) =>
        needType(test.evaluate(context), "boolean", "what stands before ?")
          ? first.evaluate(context)
          : second.evaluate(context),
    };
  }

  #let({ name, value, body, at }: RuleNode & { kind: "let" }): Compiled {
    if (this.#variables.has(name) || OBJECTS[this.#subject].has(name) || FUNCTIONS[this.#subject].has(name)) {
      throw new RuleError(at, `${name} has a meaning already, write another name behind let`);
    }
    const { type, evaluate } = this.compile(value);
    const slot = this.#slots++;
    this.#variables.set(name, { slot, type });
    const inner = this.compile(body);
    this.#variables.delete(name);
    return {
      type: inner.type,
      evaluate(context) {
        context.variables[slot] = evaluate(context);
        return inner.evaluate(context);
      },
    };
  }
}

/** What constants are folded with: they read nothing of it. */
const NO_CONTEXT = undefined as unknown as RuleContext;

function constant(value: RuleValue): Compiled {
  return { type: typeOf(value), evaluate: () => value, constant: value };
}

function check({ type }: Compiled, want: RuleType, at: number, what: string): void {
  if (type !== want && type !== "any" && want !== "any") {
    throw new RuleError(at, `${what} is a ${type}, write a ${want}`);
  }
}

function needType(value: RuleValue, want: RuleType, what: string): RuleValue {
  const type = typeOf(value);
  if (type !== want) throw new RuleFailure(`Cannot go on: ${what} is a ${type}, not a ${want}`);
  return value;
}

function suggestion(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known);
  return nearest !== undefined && isSlip(name, nearest) ? `, did you mean ${nearest}?` : "";
}

type PlainOperator = Exclude<BinaryOperator, "and" | "or" | "matches">;

function accepts(operator: PlainOperator, left: RuleType, right: RuleType): boolean {
  const both = (type: RuleType) => (left === type || left === "any") && (right === type || right === "any");
  switch (operator) {
    case "==":
    case "!=":
      return left === "any" || right === "any" || left === right;
    case "in":
      return right === "list" || right === "any";
    case "contains":
    case "startsWith":
    case "endsWith":
      return both("string");
    case "<":
    case "<=":
    case ">":
    case ">=":
    case "+":
      return both("number") || both("string");
    default:
      return both("number");
  }
}

function resultType(operator: PlainOperator, left: RuleType, right: RuleType): RuleType {
  if (operator === "+") return left !== "any" ? left : right;
  return ["-", "*", "/", "%"].includes(operator) ? "number" : "boolean";
}

function equal(a: RuleValue, b: RuleValue): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a.length === b.length && a.every((value, i) => equal(value, b[i]!));
}

function less(a: RuleValue, b: RuleValue): boolean {
  return a < b;
}

const OPERATIONS: Readonly<Record<PlainOperator, (a: RuleValue, b: RuleValue) => RuleValue>> = {
  "==": equal,
  "!=": (a, b) => !equal(a, b),
  "<": less,
  "<=": (a, b) => !less(b, a),
  ">": (a, b) => less(b, a),
  ">=": (a, b) => !less(a, b),
  in: (a, b) => (b as readonly RuleValue[]).some((value) => equal(a, value)),
  contains: (a, b) => (a as string).includes(b as string),
  startsWith: (a, b) => (a as string).startsWith(b as string),
  endsWith: (a, b) => (a as string).endsWith(b as string),
  "+": (a, b) => (a as number) + (b as number), // of two texts, their sum is the longer text
  "-": (a, b) => (a as number) - (b as number),
  "*": (a, b) => (a as number) * (b as number),
  "/": (a, b) => (a as number) / (b as number),
  "%": (a, b) => {
    if (b === 0 || !Number.isInteger(a) || !Number.isInteger(b)) {
      throw new RuleFailure(`Cannot compute ${a} % ${b}: both must be whole, the second not 0`);
    }
    return (a as number) % (b as number);
  },
};
