/** Which statements somebody who only reads may have executed. */

/** Words that such a statement may begin with. */
const READING = ["SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS"];

/** Texts, names, comments: what stands in them is no word of the statement. */
const QUOTED =
  /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`|--[^\n]*|#!?[ !][^\n]*|\/\*[\s\S]*?\*\//g;

/**
 * Why a statement is none that only reads; `undefined` if it is. What a server would do by itself is the server's to refuse:
 * sessions that execute these statements are read-only besides.
 */
export function readingFault(statement: string): string | undefined {
  const words = statement.replace(QUOTED, (quoted) => /^[-#/]/.test(quoted) ? " " : " ? ").trim().replace(/;+$/, "");
  if (words.trim() === "") return "write a statement";
  if (words.includes(";")) return "write one statement";
  const first = /^[\s(]*(\w+)/.exec(words)?.[1]?.toUpperCase() ?? "";
  if (!READING.includes(first)) return `write a statement that only reads: ${READING.join(", ")}`;
  if (/\bINTO\s+OUTFILE\b/i.test(words)) return "leave out INTO OUTFILE: the answer is written to standard output";
  return undefined;
}
