/** Stands in for `jsr:@std/yaml` where only npm can be reached: `npm:js-yaml`, of which `@std/yaml` is a port. */
// @deno-types="npm:@types/js-yaml@4.0.9"
import { dump, load } from "npm:js-yaml@4.1.1";

/** Reads one YAML document. @throws {SyntaxError} where it is not YAML. */
export function parse(content: string): unknown {
  try {
    return load(content);
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : String(error));
  }
}

/** Options of `stringify()` that Limier uses. */
export interface StringifyOptions {
  /** Width at which long strings are folded; -1 never folds. */
  lineWidth?: number;
}

/** Writes a value as one YAML document. */
export function stringify(data: unknown, options: StringifyOptions = {}): string {
  return dump(data, { lineWidth: options.lineWidth ?? 80 });
}
