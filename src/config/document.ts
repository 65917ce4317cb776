import { parse } from "@std/yaml";
import { applyOverrides, copyExpanded, type Environment, isMap } from "./environment.ts";
import { ConfigError, type Position } from "./error.ts";
import { Section } from "./section.ts";
import { Source } from "./source.ts";
import { YamlPlaces } from "./yaml_places.ts";

/** How a document is read. */
export interface DocumentOptions {
  /** What `${NAME}` and overrides read. @default {} */
  readonly env?: Environment;
  /** What variables that override settings begin with, before `_`. @default no variable does */
  readonly prefix?: string;
  /** Variables that begin so and override nothing. */
  readonly ignoredVariables?: readonly string[];
  /** Whether `${NAME}` means anything. @default true */
  readonly expand?: boolean;
  /** Whether errors are kept for `throwCollected()` rather than thrown one by one. @default false */
  readonly collect?: boolean;
  /** Told of each key that stands twice in its map, of which the last counts then. @default it is an error */
  readonly onDuplicateKey?: (at: Position) => void;
}

/**
 * Reads a YAML file as the section that holds all others. An empty file is an empty section.
 *
 * @param file the file's name, for messages
 * @throws {ConfigError} where it is not YAML, not a map, or names a variable that is not set
 *
 * @example
 * ```ts
 * import { readDocument } from "@limier/limier/config";
 *
 * const root = readDocument("statsd: { interval: 5s }", "limier.yaml", { env: {}, prefix: "LIMIER" });
 * console.log(root.section("statsd").duration("interval")); // 5000
 * ```
 */
export function readDocument(text: string, file: string, options: DocumentOptions = {}): Section {
  const { env = {}, prefix, expand = true, collect = false } = options;
  const yaml = text.replace(/^\uFEFF/, "");
  const source = new Source(file, yaml, collect);
  const values = copyExpanded(parseYaml(yaml, file, options) ?? {}, expand ? env : undefined, source);
  if (!isMap(values)) {
    const problem = `Cannot read ${file}: write a map of settings, such as "statsd:"`;
    throw new ConfigError(source.position([], "value"), "", undefined, "", { problem });
  }
  if (prefix !== undefined) applyOverrides(values, env, prefix, options.ignoredVariables ?? [], source);
  return new Section(source, [], values);
}

function parseYaml(text: string, file: string, { onDuplicateKey }: DocumentOptions): unknown {
  try {
    return parse(text);
  } catch (error) {
    // A RangeError: so deep that the parser ran out of stack.
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    const places = new YamlPlaces(text);
    const duplicates = onDuplicateKey === undefined ? undefined : places.duplicateKeys;
    if (onDuplicateKey !== undefined && duplicates !== undefined) {
      for (const { line, column } of duplicates) onDuplicateKey({ file, line, column });
      return places.values();
    }
    const { line, column } = placeOf(error.message) ?? places.firstComplaint ?? { line: 1, column: 1 };
    const problem = `Cannot read ${file}: ${reasonOf(error.message)}`;
    throw new ConfigError({ file, line, column }, "", undefined, "", { problem });
  }
}

/** `… (2:3)` as js-yaml says it, `… at line 2, column 3` as `@std/yaml` does. */
const PLACE = / *\((\d+):(\d+)\)| at line (\d+), column (\d+):?/;

function placeOf(message: string): { line: number; column: number } | undefined {
  const match = PLACE.exec(message);
  if (match === null) return undefined;
  return { line: Number(match[1] ?? match[3]), column: Number(match[2] ?? match[4]) };
}

/** The parser's reason, without the lines of the file it shows and the words it quotes: they may be secrets. */
function reasonOf(message: string): string {
  const [line = ""] = message.split("\n");
  return line.replace(PLACE, "").replace(/ *(?:"[^"]*"|!<[^>]*>)/g, "").trim() || "it is not YAML";
}
