/**
 * Writes names, versions and licences of what an executable carries beside Limier: `deno run -A
 * scripts/third_party_licences.ts [FILE]`, dist/THIRD_PARTY_LICENCES if absent.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { moduleGraph } from "./compile/module_graph.ts";
import { findProgram, replaceFile } from "./compile/program.ts";
import { type FetchText, LicenceError, licenceText, textsIn } from "./licences/licence_text.ts";
import { type RuntimePackage, runtimePackages, withoutPlatformParts } from "./licences/runtime_packages.ts";

/** One package and its licence. */
interface Entry {
  title: string;
  text: string;
}

/** The packages that the program under `root` loads, its workers included; those that npm or JSR gave. */
export async function packagesOf(root: string): Promise<RuntimePackage[]> {
  const { entry, workers } = await findProgram(root);
  const found = new Map<string, RuntimePackage>();
  for (const module of [entry, ...workers]) {
    const graph = await moduleGraph(Deno.execPath(), root, module);
    for (const one of runtimePackages(graph, [pathToFileURL(join(root, module)).href])) {
      found.set(`${one.name}@${one.version}`, one);
    }
  }
  return [...found.values()].sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** The file's text: the entries in their order, each under its title. */
export function formatLicences(entries: readonly Entry[]): string {
  const line = "-".repeat(80);
  const list = entries.map(({ title }) => `  ${title}`).join("\n");
  const head = `Limier carries the works listed here, each under its own licence, which follows.\n\n${list}\n`;
  return head + entries.map(({ title, text }) => `\n${line}\n${title}\n${line}\n\n${text.trim()}\n`).join("");
}

/** Deno itself. Its npm package has the licence beside the executable; other installations don't. */
async function denoEntry(): Promise<Entry> {
  const [text] = await textsIn(dirname(await Deno.realPath(Deno.execPath())));
  const version = Deno.version.deno;
  const source = `https://github.com/denoland/deno/tree/v${version}`;
  const parts = `Deno is built from further works, V8 among them; they and their licences are named in ${source}`;
  return {
    title: `deno ${version}`,
    text: `${text?.trim() ?? `MIT licence, ${source}/LICENSE.md`}\n\n${parts}`,
  };
}

const fetchText: FetchText = async (address) => {
  const response = await fetch(address);
  if (response.ok) return await response.text();
  await response.body?.cancel();
  if (response.status === 404) return null;
  throw new LicenceError(`Cannot fetch ${address}: the answer was ${response.status}`);
};

async function main([output = "dist/THIRD_PARTY_LICENCES"]: readonly string[]): Promise<number> {
  const root = fileURLToPath(new URL("..", import.meta.url));
  try {
    const packages = withoutPlatformParts(await packagesOf(root));
    const entries = await Promise.all(packages.map(async (one): Promise<Entry> => ({
      title: `${one.name} ${one.version}`,
      text: await licenceText(one, fetchText),
    })));
    const text = formatLicences([await denoEntry(), ...entries]);
    await replaceFile(resolve(output), (draft) => Deno.writeTextFile(draft, text));
    console.log(`${output}: ${entries.length + 1} licences`);
    return 0;
  } catch (error) {
    if (!(error instanceof LicenceError)) throw error;
    console.error(error.message);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
