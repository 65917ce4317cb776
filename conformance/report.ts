import type { Difference } from "./compare.ts";
import { isObject, type Json, writeJson } from "./json.ts";
import type { CaseResult } from "./run_case.ts";

/** How many cases passed and failed. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
}

/** Counts results. */
export function totalsOf(results: readonly CaseResult[]): Totals {
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  return { passed: results.length - failed, failed };
}

/** A table with one row a protocol; ends in a line feed. */
export function protocolTable(results: readonly CaseResult[]): string {
  const protocols = Map.groupBy(results, ({ fixture }) => fixture.protocol);
  const rows: [string, ...string[]][] = [["protocol", "cases", "passed", "failed"]];
  for (const [protocol, own] of protocols) {
    const { passed, failed } = totalsOf(own);
    rows.push([protocol, `${own.length}`, `${passed}`, `${failed}`]);
  }
  const first = Math.max(...rows.map(([cell]) => cell.length));
  return rows.map(([cell, ...rest]) => `${cell.padEnd(first)}${rest.map((one) => one.padStart(9)).join("")}\n`).join(
    "",
  );
}

/** A failure with its first difference side by side; ends in a line feed. `""` for a case that passed. */
export function describeFailure({ fixture, failure }: CaseResult): string {
  if (failure === undefined) return "";
  const { protocol, name, golden } = fixture;
  const head = `FAILED ${protocol}/${name} (${golden.why})\n  ${failure.stage}: ${failure.message}\n`;
  return failure.difference === undefined ? head : head + sideBySide(failure.difference);
}

const COLUMN = 56;

function sideBySide({ expected, got }: Difference): string {
  const [left, right] = [leaves(expected), leaves(got)];
  const rows = [`    ${"expected".padEnd(COLUMN)} | got`];
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const [want, have] = [left.get(key) ?? "", right.get(key) ?? ""];
    const mark = want === have ? " " : "!";
    const wants = wrap(want), haves = wrap(have);
    for (let i = 0; i < Math.max(wants.length, haves.length); i++) {
      rows.push(`  ${mark} ${(wants[i] ?? "").padEnd(COLUMN)} | ${haves[i] ?? ""}`.trimEnd());
    }
  }
  return `${rows.join("\n")}\n`;
}

/** One text a member of an object, by the member's name: so that equal members stand beside each other. */
function leaves(value: Json | undefined): Map<string, string> {
  if (value === undefined) return new Map([["", "(nothing)"]]);
  if (!isObject(value)) return new Map([["", writeJson(value)]]);
  return new Map(Object.entries(value).map(([key, member]) => [key, `${key}: ${writeJson(member)}`]));
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += COLUMN) lines.push(text.slice(at, at + COLUMN));
  return lines.length === 0 ? [""] : lines;
}

/** The results as JUnit's XML, one suite a protocol. */
export function junitXml(results: readonly CaseResult[]): string {
  const { passed, failed } = totalsOf(results);
  const suites = [...Map.groupBy(results, ({ fixture }) => fixture.protocol)].map(([protocol, own]) => {
    const cases = own.map(junitCase).join("");
    const head = `name="${escapeXml(protocol)}" tests="${own.length}" failures="${totalsOf(own).failed}"`;
    return `  <testsuite ${head} time="${seconds(own)}">\n${cases}  </testsuite>\n`;
  });
  const head = `tests="${passed + failed}" failures="${failed}" time="${seconds(results)}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${head}>\n${suites.join("")}</testsuites>\n`;
}

function junitCase(result: CaseResult): string {
  const { fixture: { protocol, name, golden }, failure } = result;
  const head = `    <testcase classname="${escapeXml(protocol)}" name="${escapeXml(`${name}: ${golden.why}`)}" ` +
    `time="${seconds([result])}"`;
  if (failure === undefined) return `${head}/>\n`;
  const message = escapeXml(`${failure.stage}: ${failure.message}`);
  return `${head}>\n      <failure message="${message}">${
    escapeXml(describeFailure(result))
  }</failure>\n    </testcase>\n`;
}

function seconds(results: readonly CaseResult[]): string {
  return (results.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000).toFixed(3);
}

const XML: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** XML has no way to write most control characters, so they become U+FFFD. */
function escapeXml(text: string): string {
  // deno-lint-ignore no-control-regex -- these are the ones that XML 1.0 does not have
  return text.replace(/[&<>"]/g, (char) => XML[char]!).replace(/[\0-\x08\v\f\x0e-\x1f\ufffe\uffff]/g, "\ufffd");
}
