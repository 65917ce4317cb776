/** What one module loads, by `deno info`. */
export interface ModuleFacts {
  /** `file:`, `https:`, `node:` or `npm:`. */
  specifier: string;
  /** What it imports at run time, types left out. */
  loads: readonly Loaded[];
  /** `name@version` of the npm package that it stands for; its files are not listed. */
  npmPackage: string | undefined;
}

/** One import of a module. */
export interface Loaded {
  /** As written. */
  written: string;
  /** Where it leads, by way of redirects; undefined if nowhere. */
  specifier: string | undefined;
}

/** An npm package in the cache. */
export interface PackageFacts {
  name: string;
  version: string;
  /** Keys of the packages it needs. */
  needs: readonly string[];
  /** Its directory in the cache. */
  directory: string;
}

/** The modules that a program loads, and the npm packages there are. */
export interface ModuleGraph {
  modules: readonly ModuleFacts[];
  /** By `name@version`; also of packages that no module leads to. */
  packages: ReadonlyMap<string, PackageFacts>;
}

/**
 * Asks `deno info` what the modules from `entry` on load.
 *
 * @param flags such as `--no-config`
 * @throws {Error} if Deno fails
 */
export async function moduleGraph(
  deno: string,
  directory: string,
  entry: string,
  flags: readonly string[] = [],
): Promise<ModuleGraph> {
  const { success, stdout, stderr } = await new Deno.Command(deno, {
    args: ["info", "--json", ...flags, entry],
    cwd: directory,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot list the modules of ${entry}: ${decoder.decode(stderr).trim()}`);
  return readModuleGraph(JSON.parse(decoder.decode(stdout)));
}

/** Reads the JSON of `deno info --json`, version 1; fields it lacks are taken as empty. */
export function readModuleGraph(info: unknown): ModuleGraph {
  const redirects = field(info, "redirects");
  function targetOf(specifier: string | undefined, hops = 0): string | undefined {
    const next = specifier === undefined ? undefined : text(field(redirects, specifier));
    // A redirect is followed as far as a browser would: a circle has no end.
    return next === undefined || hops > 20 ? specifier : targetOf(next, hops + 1);
  }
  const modules = list(field(info, "modules")).map((module): ModuleFacts => ({
    specifier: text(field(module, "specifier")) ?? "",
    loads: list(field(module, "dependencies")).filter((one) => field(one, "code") !== undefined).map((one) => ({
      written: text(field(one, "specifier")) ?? "",
      specifier: targetOf(text(field(field(one, "code"), "specifier"))),
    })),
    npmPackage: text(field(module, "npmPackage")),
  }));
  const packages = Object.entries(field(info, "npmPackages") ?? {}).map(([key, one]): [string, PackageFacts] => [key, {
    name: text(field(one, "name")) ?? key,
    version: text(field(one, "version")) ?? "",
    needs: list(field(one, "dependencies")).map(String),
    directory: text(field(one, "localPath")) ?? "",
  }]);
  return { modules, packages: new Map(packages) };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
