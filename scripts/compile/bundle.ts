import { Buffer } from "node:buffer";
import { basename, join } from "node:path";
import { moduleGraph } from "./module_graph.ts";
import type { Program } from "./program.ts";

/** A JavaScript module that needs no other file but its workers. */
export interface Bundle {
  /** Of the file: `main.js`, `reader_worker.js`. */
  name: string;
  source: string;
}

/** A program that can't be bundled; the message says why. */
export class BundleError extends Error {
  override readonly name = "BundleError";
  readonly code = "compile.bundle";
}

const MODULE_URL = /new URL\((["'`])([^"'`]*\.ts)\1, ?import\.meta\.url\)/g;

/**
 * Bundles the entry and each worker with `deno bundle`, all meant for one directory.
 *
 * @param deno the Deno executable that bundles
 * @throws {BundleError} if it fails, two workers bear one name, or something is left that the bundles don't hold
 */
export async function bundleProgram(program: Program, deno: string): Promise<Bundle[]> {
  const modules = [program.entry, ...program.workers];
  const names = modules.map(bundleName);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new BundleError(`Cannot bundle ${twice} twice: give each worker a name of its own`);
  const directory = await Deno.makeTempDir({ prefix: "limier-bundle-" });
  try {
    const bundles: Bundle[] = [];
    for (const module of modules) {
      const name = bundleName(module);
      const { success, stderr } = await new Deno.Command(deno, {
        args: ["bundle", "--quiet", "--output", join(directory, name), module],
        cwd: program.root,
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).output();
      if (!success) throw new BundleError(`Cannot bundle ${module}: ${new TextDecoder().decode(stderr).trim()}`);
      const { modules: [bundled] } = await moduleGraph(deno, directory, name, ["--no-config", "--no-lock"]);
      const open = bundled?.loads.find(({ specifier }) => !specifier?.startsWith("node:"));
      if (open !== undefined) throw new BundleError(`Cannot bundle ${module}: it still imports ${open.written}`);
      const source = await Deno.readTextFile(join(directory, name));
      const whole = await inlineFiles(source, name, async () => {
        const { packages } = await moduleGraph(deno, program.root, module);
        return [...packages.values()].map(({ directory }) => directory);
      });
      bundles.push({ name, source: pointToBundles(whole, name, names) });
    }
    return bundles;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/**
 * Points a bundle at those beside it: `new URL("./x_worker.ts", import.meta.url)`, in whatever folder it was written, means
 * `x_worker.js` next to this one.
 *
 * @param name for messages
 * @param names the bundles there are
 * @throws {BundleError} on a URL of a module that is not among them
 */
export function pointToBundles(source: string, name: string, names: readonly string[]): string {
  return source.replaceAll(MODULE_URL, (_all, _quote, path: string) => {
    const target = bundleName(path);
    if (!names.includes(target)) {
      throw new BundleError(`Cannot bundle ${name}: it starts ${path}, which is no *_worker.ts under src`);
    }
    return `new URL("./${target}", import.meta.url)`;
  });
}

const FILE_READ = /\breadFileSync\d*\(new URL\("([^"]+)", ?import\.meta\.url\)\)/g;

/**
 * Puts the files that packages read from beside their modules, WebAssembly mostly, into the bundle, which has nothing
 * beside it: `readFileSync(new URL("../dist/x.wasm", import.meta.url))`.
 *
 * @param name for messages
 * @param directories gives those of the packages; asked only if there is such a file
 * @throws {BundleError} on a file that not exactly one package has
 */
export async function inlineFiles(
  source: string,
  name: string,
  directories: () => Promise<readonly string[]>,
): Promise<string> {
  const paths = new Set(source.matchAll(FILE_READ).map(([, path]) => path!));
  if (paths.size === 0) return source;
  const contents = new Map<string, string>();
  const packages = new Set(await directories());
  for (const path of paths) {
    const inside = path.replace(/^(?:\.\.?\/)+/, ""); // from a folder of the package, whichever
    const found = (await Promise.all([...packages].map((directory) => readIfThere(join(directory, inside)))))
      .filter((content) => content !== undefined);
    const [content] = found;
    if (content === undefined || found.length > 1) {
      throw new BundleError(`Cannot bundle ${name}: it reads ${path}, and ${found.length} packages have ${inside}`);
    }
    contents.set(path, Buffer.from(content).toString("base64"));
  }
  return source.replaceAll(FILE_READ, (_all, path: string) => `Uint8Array.fromBase64("${contents.get(path)}")`);
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

function bundleName(module: string): string {
  return `${basename(module, ".ts")}.js`;
}
