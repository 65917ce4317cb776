/** Templates of notifications: a subset of Go's text/template. */
import {
  type Argument,
  type Node,
  type Operand,
  parseTemplate,
  type Pipeline,
  TemplateError,
} from "./template_parse.ts";
import { BUILT_IN, HELPERS } from "./template_functions.ts";
import { type Callable, EvaluationError, fieldOf, isTrue, sorted, textOf, type Value } from "./template_values.ts";

/** A text with actions in it, ready to be filled in. */
export interface Template {
  /** Fills it in. @throws {TemplateError} when an action can't be carried out */
  render(data: Value): string;
}

/** More than this is no notification. */
const MOST_BYTES = 4 * 2 ** 20;

/**
 * Reads a template.
 *
 * @param name for messages: the file's
 * @param withHelpers whether there are functions beside Go's own
 * @throws {TemplateError} where it can't be read, or calls a function that is not there
 */
export function compileTemplate(name: string, text: string, withHelpers = true): Template {
  const nodes = parseTemplate(name, text);
  const functions = withHelpers ? { ...BUILT_IN, ...HELPERS } : BUILT_IN;
  checkFunctions(name, nodes, functions);
  return { render: (data) => new Execution(name, functions, data).run(nodes) };
}

function checkFunctions(name: string, nodes: readonly Node[], functions: Readonly<Record<string, Callable>>): void {
  const check = ({ commands, line }: Pipeline): void => {
    for (const { operand } of commands.flat()) {
      if (operand.kind === "pipeline") check(operand.pipeline);
      if (operand.kind !== "function" || Object.hasOwn(functions, operand.name)) continue;
      if (operand.name !== "and" && operand.name !== "or") {
        throw new TemplateError(name, line, `there is no function ${operand.name}`);
      }
    }
  };
  for (const node of nodes) {
    if ("pipeline" in node) check(node.pipeline);
    if ("body" in node) {
      checkFunctions(name, node.body, functions);
      checkFunctions(name, node.otherwise, functions);
    }
  }
}

type Flow = "on" | "break" | "continue";

class Execution {
  readonly #name: string;
  readonly #functions: Readonly<Record<string, Callable>>;
  readonly #root: Value;
  #out = "";
  /** Innermost last. */
  #variables: [name: string, value: Value][] = [];
  #line = 0;

  constructor(name: string, functions: Readonly<Record<string, Callable>>, root: Value) {
    this.#name = name;
    this.#functions = functions;
    this.#root = root;
  }

  run(nodes: readonly Node[]): string {
    this.#variables.push(["$", this.#root]);
    try {
      this.#walk(nodes, this.#root);
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      throw new TemplateError(this.#name, this.#line, error.message);
    }
    return this.#out;
  }

  #walk(nodes: readonly Node[], dot: Value): Flow {
    const scope = this.#variables.length;
    for (const node of nodes) {
      const flow = this.#node(node, dot);
      if (flow !== "on") return flow;
    }
    this.#variables.length = scope;
    return "on";
  }

  #node(node: Node, dot: Value): Flow {
    switch (node.kind) {
      case "break":
      case "continue":
        return node.kind;
      case "text":
        this.#print(node.text);
        return "on";
      case "print": {
        const value = this.#pipeline(node.pipeline, dot);
        if (node.pipeline.variables.length === 0) this.#print(textOf(value));
        return "on";
      }
      case "if":
      case "with": {
        const scope = this.#variables.length;
        const value = this.#pipeline(node.pipeline, dot);
        const flow = isTrue(value)
          ? this.#walk(node.body, node.kind === "with" ? value : dot)
          : this.#walk(node.otherwise, dot);
        this.#variables.length = scope;
        return flow;
      }
      case "range":
        return this.#range(node, dot);
    }
  }

  #range({ pipeline, body, otherwise }: Extract<Node, { body: unknown }>, dot: Value): Flow {
    const scope = this.#variables.length;
    const value = this.#pipeline({ ...pipeline, variables: [] }, dot);
    const entries = entriesOf(value);
    if (entries.length === 0) return this.#walk(otherwise, dot);
    const names = pipeline.variables;
    for (const [key, element] of entries) {
      this.#variables.length = scope;
      if (names.length === 1) this.#variables.push([names[0]!, element]);
      else if (names.length > 1) this.#variables.push([names[0]!, key], [names[1]!, element]);
      if (this.#walk(body, element) === "break") break;
    }
    this.#variables.length = scope;
    return "on";
  }

  #print(text: string): void {
    this.#out += text;
    if (this.#out.length > MOST_BYTES) throw new EvaluationError("it becomes too long");
  }

  #pipeline({ commands, variables, assigns, line }: Pipeline, dot: Value): Value {
    this.#line = line;
    let value: Value;
    commands.forEach((command, i) => value = this.#command(command, dot, i > 0 ? [value] : []));
    for (const name of variables) {
      const known = assigns ? this.#variables.findLast(([own]) => own === name) : undefined;
      if (known === undefined) this.#variables.push([name, value]);
      else known[1] = value;
    }
    return value;
  }

  #command([first, ...rest]: readonly Argument[], dot: Value, piped: readonly Value[]): Value {
    const { operand, fields } = first!;
    if (operand.kind === "function" && (operand.name === "and" || operand.name === "or")) {
      return this.#shortcut(operand.name, rest, dot, piped);
    }
    const takesArguments = rest.length > 0 || piped.length > 0;
    if (!takesArguments) return this.#called(this.#argument(first!, dot, operand.kind === "function"));
    const callee = operand.kind === "function"
      ? this.#functions[operand.name]
      : this.#argument(first!, dot, false, fields.length > 0);
    if (typeof callee !== "function") throw new EvaluationError("arguments for what is no function");
    return callee(...rest.map((one) => this.#argument(one, dot)), ...piped);
  }

  #shortcut(name: "and" | "or", args: readonly Argument[], dot: Value, piped: readonly Value[]): Value {
    let value: Value;
    for (const one of args) {
      value = this.#argument(one, dot);
      if (isTrue(value) === (name === "or")) return value;
    }
    return piped.length > 0 ? piped[0] : value;
  }

  /** @param callsAlone a function without arguments is called @param keepsMethod what the last field yields is not called */
  #argument({ operand, fields }: Argument, dot: Value, callsAlone = true, keepsMethod = false): Value {
    let value = this.#operand(operand, dot, callsAlone);
    fields.forEach((field, i) => {
      value = fieldOf(value, field);
      if (!(keepsMethod && i === fields.length - 1)) value = this.#called(value);
    });
    return value;
  }

  #operand(operand: Operand, dot: Value, callsAlone: boolean): Value {
    switch (operand.kind) {
      case "dot":
        return dot;
      case "literal":
        return operand.value;
      case "variable":
        return this.#variables.findLast(([name]) => name === operand.name)?.[1];
      case "pipeline":
        return this.#pipeline(operand.pipeline, dot);
      case "function": {
        const callee = this.#functions[operand.name];
        return callsAlone && callee !== undefined ? callee() : callee;
      }
    }
  }

  /** A method without arguments is called where it stands. */
  #called(value: Value): Value {
    return typeof value === "function" ? value() : value;
  }
}

function entriesOf(value: Value): [Value, Value][] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map((one, i) => [i, one]);
  if (value instanceof Map) return sorted(value);
  if (typeof value === "number") return Array.from({ length: Math.max(0, value) }, (_, i) => [i, i]);
  throw new EvaluationError("range over what has no elements");
}
