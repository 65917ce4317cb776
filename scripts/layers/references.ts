import { type Token, tokensOf } from "./tokens.ts";

/** One module named by another. */
export interface Reference {
  /** `import`: it is loaded too; `url`: its address is taken, to start it as a worker or in another process. */
  kind: "import" | "url";
  /** As written: `../clock/mod.ts`, `@std/yaml`. */
  specifier: string;
  /** 1-based. */
  line: number;
}

/**
 * What a module's text refers to: `import … from`, `export … from`, `import("…")` (also as a type), the address in
 * `new URL("….ts", import.meta.url)` and `import.meta.resolve("…")`. In the order in which they stand.
 */
export function referencesOf(source: string): Reference[] {
  const tokens = tokensOf(source);
  const found: Reference[] = [];
  tokens.forEach((token, i) => {
    if (token.kind !== "word" || isText(tokens[i - 1], ".")) return;
    if (token.text === "import") found.push(...importAt(tokens, i));
    else if (token.text === "export") found.push(...exportAt(tokens, i));
    else if (token.text === "new") found.push(...urlAt(tokens, i));
  });
  return found;
}

function importAt(tokens: readonly Token[], at: number): Reference[] {
  const next = tokens[at + 1];
  if (isString(next)) return [reference("import", next)];
  if (isText(next, ".")) return resolveAt(tokens, at);
  if (!isText(next, "(")) return fromClause(tokens, at + 1);
  const named = tokens[at + 2];
  return isString(named) ? [reference("import", named)] : [];
}

/** `export [type] { … | * …`; what else is exported comes from nowhere. */
function exportAt(tokens: readonly Token[], at: number): Reference[] {
  const first = isText(tokens[at + 1], "type") ? at + 2 : at + 1;
  return isText(tokens[first], "{") || isText(tokens[first], "*") ? fromClause(tokens, first) : [];
}

/** `import . meta . resolve ( "…"` */
function resolveAt(tokens: readonly Token[], at: number): Reference[] {
  const named = tokens[at + 6];
  return spells(tokens, at, ["import", ".", "meta", ".", "resolve", "("]) && isString(named)
    ? [reference("url", named)]
    : [];
}

/** `new URL ( "….ts" , import . meta . url` */
function urlAt(tokens: readonly Token[], at: number): Reference[] {
  const named = tokens[at + 3];
  if (!spells(tokens, at, ["new", "URL", "("]) || !isString(named) || !/\.[jt]sx?$/.test(named.text)) return [];
  return spells(tokens, at + 4, [",", "import", ".", "meta", ".", "url"]) ? [reference("url", named)] : [];
}

/** `a, * as b, { c as d } from "…"`. */
function fromClause(tokens: readonly Token[], first: number): Reference[] {
  let depth = 0;
  for (let i = first; i < tokens.length; i++) {
    const token = tokens[i];
    const next = tokens[i + 1];
    if (isText(token, "{")) depth++;
    else if (isText(token, "}")) depth--;
    else if (depth === 0 && isText(token, "from") && isString(next)) return [reference("import", next)];
    // The clause ended without one: another statement begins.
    else if (depth === 0 && (isText(token, "import") || isText(token, "export"))) return [];
    else if (token?.kind === "punctuation" && token.text !== "," && token.text !== "*") return [];
  }
  return [];
}

function spells(tokens: readonly Token[], at: number, words: readonly string[]): boolean {
  return words.every((word, i) => isText(tokens[at + i], word));
}

function isText(token: Token | undefined, text: string): boolean {
  return token !== undefined && token.kind !== "string" && token.text === text;
}

function isString(token: Token | undefined): token is Token {
  return token?.kind === "string" && token.text !== "";
}

function reference(kind: Reference["kind"], token: Token): Reference {
  return { kind, specifier: token.text, line: token.line };
}
