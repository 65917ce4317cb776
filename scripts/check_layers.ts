/**
 * Checks that imports go down the floors of the house, through faces, and never in a circle; names each that does not and
 * exits 1: `deno run -A scripts/check_layers.ts [ROOT]`.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkLayers } from "./layers/check.ts";

/** What is looked at, from the project's root. */
const TREES = ["src", "conformance", "scripts", "mod.ts"];

/** Reads the project's TypeScript: source texts by their paths from `root`. What is not there is left out. */
export async function readTree(root: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const queue = [...TREES];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    try {
      if (/\.tsx?$/.test(path)) files.set(path, await Deno.readTextFile(join(root, path)));
      else for await (const entry of Deno.readDir(join(root, path))) queue.push(`${path}/${entry.name}`);
    } catch (error) {
      // Neither a directory nor TypeScript, or a tree that is not there.
      if (!(error instanceof Deno.errors.NotADirectory) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return files;
}

if (import.meta.main) {
  const root = Deno.args[0] ?? fileURLToPath(new URL("..", import.meta.url));
  const files = await readTree(root);
  const problems = checkLayers(files);
  for (const { path, line, message } of problems) console.error(`${path}:${line}: ${message}`);
  if (problems.length > 0) {
    console.error(`${problems.length} wrong in ${files.size} files`);
    Deno.exit(1);
  }
}
