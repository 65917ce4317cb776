import { dirname, join } from "node:path";

/** A directory of the tests' own. */
export interface Project extends AsyncDisposable {
  root: string;
}

/**
 * Writes files, by their paths, into a new directory that only the owner can read; disposing removes it. `deno.json` is
 * added if absent.
 */
export async function projectIn(files: Readonly<Record<string, string>>): Promise<Project> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "limier-test-" }));
  for (const [path, text] of Object.entries({ "deno.json": `{ "unstable": ["net"] }`, ...files })) {
    await Deno.mkdir(dirname(join(root, path)), { recursive: true });
    await Deno.writeTextFile(join(root, path), text);
  }
  return { root, [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
}
