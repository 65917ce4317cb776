/** Regular expressions that take time in proportion to their text: all ways to match are followed at once (Thompson, Pike). */
import { type Assertion, type CharacterSet, holds, parsePattern, type PatternNode } from "./pattern_syntax.ts";
import { RuleError } from "./rule_error.ts";

type Instruction =
  | { readonly op: "character"; readonly code: number; readonly other: number }
  | { readonly op: "any"; readonly withNewline: boolean }
  | { readonly op: "set"; readonly set: CharacterSet }
  | { readonly op: "assertion"; readonly assertion: Assertion }
  | { readonly op: "save"; readonly slot: number }
  /** Tries `first`, then `second`. */
  | { readonly op: "split"; first: number; second: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "match" };

/** A program is at most so long; repeats of repeats would make it huge. */
const LONGEST_PROGRAM = 10_000;

/** A regular expression, ready to be used. */
export class Pattern {
  readonly #program: Instruction[] = [];
  readonly #slots: number;
  readonly names: ReadonlyMap<string, number>;

  /** @throws {RuleError} if it is none of RE2's */
  constructor(readonly source: string) {
    const { node, groups, names } = parsePattern(source);
    this.names = names;
    this.#slots = 2 * (groups + 1);
    this.#compile({ kind: "group", index: 0, node });
    this.#emit({ op: "match" });
  }

  /** Whether it matches anywhere in a text. */
  test(text: string): boolean {
    return this.#run(text, true) !== null;
  }

  /**
   * The first match: the texts of its groups, the whole at 0; "" of a group that took no part. Null if there is none.
   * Of several ways to match at one place, the one that comes first in the expression.
   */
  match(text: string): string[] | null {
    const chars = [...text];
    const slots = this.#run(text, false);
    if (slots === null) return null;
    return Array.from({ length: this.#slots / 2 }, (_, i) => {
      const from = slots[2 * i]!, to = slots[2 * i + 1]!;
      return from < 0 || to < 0 ? "" : chars.slice(from, to).join("");
    });
  }

  #emit(instruction: Instruction): number {
    if (this.#program.length >= LONGEST_PROGRAM) {
      throw new RuleError(0, "its regular expression is too large: repeat less");
    }
    return this.#program.push(instruction) - 1;
  }

  #compile(node: PatternNode): void {
    const program = this.#program;
    switch (node.kind) {
      case "empty":
        return;
      case "character": {
        const char = String.fromCodePoint(node.code);
        const lower = char.toLowerCase(), upper = char.toUpperCase();
        const other = !node.ignoreCase ? char : lower === char ? upper : lower;
        this.#emit({ op: "character", code: node.code, other: other.codePointAt(0)! });
        return;
      }
      case "any":
        this.#emit({ op: "any", withNewline: node.withNewline });
        return;
      case "set":
        this.#emit({ op: "set", set: node.set });
        return;
      case "assertion":
        this.#emit({ op: "assertion", assertion: node.assertion });
        return;
      case "sequence":
        for (const one of node.nodes) this.#compile(one);
        return;
      case "group":
        this.#emit({ op: "save", slot: 2 * node.index });
        this.#compile(node.node);
        this.#emit({ op: "save", slot: 2 * node.index + 1 });
        return;
      case "choice": {
        const jumps: { to: number }[] = [];
        for (const [i, one] of node.nodes.entries()) {
          const isLast = i === node.nodes.length - 1;
          const split = isLast ? undefined : { op: "split" as const, first: program.length + 1, second: 0 };
          if (split !== undefined) this.#emit(split);
          this.#compile(one);
          if (split === undefined) break;
          const jump = { op: "jump" as const, to: 0 };
          this.#emit(jump);
          jumps.push(jump);
          split.second = program.length;
        }
        for (const jump of jumps) jump.to = program.length;
        return;
      }
      case "repeat":
        return this.#repeat(node.node, node.least, node.most, node.greedy);
    }
  }

  #repeat(node: PatternNode, least: number, most: number, greedy: boolean): void {
    for (let i = 0; i < least; i++) this.#compile(node);
    const ends: ((to: number) => void)[] = [];
    const enter = () => {
      const split = { op: "split" as const, first: 0, second: 0 };
      const at = this.#emit(split);
      if (greedy) split.first = at + 1;
      else split.second = at + 1;
      ends.push((to) => greedy ? split.second = to : split.first = to);
      return at;
    };
    if (most === Infinity) {
      const at = enter();
      this.#compile(node);
      this.#emit({ op: "jump", to: at });
    } else {
      for (let i = least; i < most; i++) {
        enter();
        this.#compile(node);
      }
    }
    for (const end of ends) end(this.#program.length);
  }

  #run(text: string, anywhere: boolean): Int32Array | null {
    const codes = Array.from(text, (char) => char.codePointAt(0)!);
    const program = this.#program;
    let now = new Threads(program.length), next = new Threads(program.length);
    let found: Int32Array | null = null;
    for (let at = 0; at <= codes.length; at++) {
      // A match that began earlier is preferred, so that no new ones begin once there is one.
      if (found === null) this.#follow(now, 0, codes, at, new Int32Array(this.#slots).fill(-1));
      if (now.count === 0 && found !== null) break;
      for (let i = 0; i < now.count; i++) {
        const pc = now.places[i]!;
        const instruction = program[pc]!;
        const saved = now.saved[i]!;
        if (instruction.op === "match") {
          found = saved;
          if (anywhere) return found;
          break; // the threads behind this one are less wanted
        }
        if (at < codes.length && takes(instruction, codes[at]!)) this.#follow(next, pc + 1, codes, at + 1, saved);
      }
      [now, next] = [next, now];
      next.clear();
    }
    return found;
  }

  /** Adds the places that are reached from `pc` without a character, the most wanted first. */
  #follow(threads: Threads, start: number, codes: readonly number[], at: number, savedAtStart: Int32Array): void {
    const stack: [number, Int32Array][] = [[start, savedAtStart]];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const [pc, saved] = top;
      if (!threads.visit(pc)) continue;
      const instruction = this.#program[pc]!;
      switch (instruction.op) {
        case "jump":
          stack.push([instruction.to, saved]);
          break;
        case "split":
          stack.push([instruction.second, saved], [instruction.first, saved]);
          break;
        case "save": {
          const copy = saved.slice();
          copy[instruction.slot] = at;
          stack.push([pc + 1, copy]);
          break;
        }
        case "assertion":
          if (isAt(instruction.assertion, codes, at)) stack.push([pc + 1, saved]);
          break;
        default:
          threads.add(pc, saved);
      }
    }
  }
}

/** The places that are tried at one character, in order, each once. */
class Threads {
  count = 0;
  readonly places: number[] = [];
  readonly saved: Int32Array[] = [];
  readonly #seen: Uint32Array;
  #turn = 1;

  constructor(size: number) {
    this.#seen = new Uint32Array(size);
  }

  visit(pc: number): boolean {
    if (this.#seen[pc] === this.#turn) return false;
    this.#seen[pc] = this.#turn;
    return true;
  }

  add(pc: number, saved: Int32Array): void {
    this.places[this.count] = pc;
    this.saved[this.count++] = saved;
  }

  clear(): void {
    this.count = 0;
    this.#turn++;
  }
}

function takes(instruction: Instruction, code: number): boolean {
  switch (instruction.op) {
    case "character":
      return code === instruction.code || code === instruction.other;
    case "any":
      return instruction.withNewline || code !== 0x0a;
    case "set":
      return holds(instruction.set, code);
    default:
      return false;
  }
}

function isAt(assertion: Assertion, codes: readonly number[], at: number): boolean {
  switch (assertion) {
    case "textStart":
      return at === 0;
    case "textEnd":
      return at === codes.length;
    case "lineStart":
      return at === 0 || codes[at - 1] === 0x0a;
    case "lineEnd":
      return at === codes.length || codes[at] === 0x0a;
    case "wordBoundary":
      return isWord(codes[at - 1]) !== isWord(codes[at]);
    case "noWordBoundary":
      return isWord(codes[at - 1]) === isWord(codes[at]);
  }
}

function isWord(code: number | undefined): boolean {
  return code !== undefined && (code >= 0x30 && code <= 0x39 || code >= 0x41 && code <= 0x5a || code === 0x5f ||
    code >= 0x61 && code <= 0x7a);
}

/**
 * A template filled in with the groups of a match: `$1`, `${1}`, `$name`, `$$` for a dollar. The longest run of letters,
 * digits and _ behind `$` is the name, so that `$1x` is a group named `1x`; groups that are not there are empty.
 */
export function expandTemplate(
  template: string,
  groups: readonly string[],
  names: ReadonlyMap<string, number>,
): string {
  return template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    if (whole === "$$") return "$";
    const name = braced ?? bare!;
    const index = /^\d+$/.test(name) ? Number(name) : names.get(name);
    return index === undefined ? "" : groups[index] ?? "";
  });
}
