import type { ModuleGraph } from "../compile/module_graph.ts";

/** A package of somebody else's that the program loads. */
export interface RuntimePackage {
  name: string;
  version: string;
  /** Where its files are: a directory of the npm cache, or the address of a JSR package, with a slash at its end. */
  origin: { kind: "npm"; directory: string } | { kind: "jsr"; address: string };
}

const JSR = /^(https:\/\/jsr\.io\/(@[^/]+\/[^/]+)\/([^/]+)\/)/;

/**
 * The packages that are loaded from a module on: what only tests, types or scripts use is not among them, what packages need
 * themselves is.
 *
 * @param roots specifiers
 * @returns by name and version
 * @throws {RangeError} if the graph lacks a module or package that is loaded
 */
export function runtimePackages(graph: ModuleGraph, roots: readonly string[]): RuntimePackage[] {
  const modules = new Map(graph.modules.map((module) => [module.specifier, module]));
  const found = new Map<string, RuntimePackage>();
  const seen = new Set<string>();

  function addNpm(key: string): void {
    if (seen.has(key)) return;
    seen.add(key);
    const facts = graph.packages.get(key);
    if (facts === undefined) throw new RangeError(`Cannot list the packages: ${key} is loaded and not in the graph`);
    const { name, version, directory, needs } = facts;
    found.set(`${name}@${version}`, { name, version, origin: { kind: "npm", directory } });
    needs.forEach(addNpm);
  }

  const queue = [...roots];
  for (let specifier = queue.pop(); specifier !== undefined; specifier = queue.pop()) {
    if (seen.has(specifier) || specifier.startsWith("node:")) continue;
    seen.add(specifier);
    const [, address, name, version] = JSR.exec(specifier) ?? [];
    if (address !== undefined && name !== undefined && version !== undefined) {
      found.set(`${name}@${version}`, { name, version, origin: { kind: "jsr", address } });
    }
    const module = modules.get(specifier);
    if (module === undefined) {
      throw new RangeError(`Cannot list the packages: ${specifier} is loaded and not in the graph`);
    }
    if (module.npmPackage !== undefined) addNpm(module.npmPackage);
    for (const load of module.loads) {
      if (load.specifier === undefined) {
        throw new RangeError(`Cannot list the packages: ${load.written} in ${specifier} leads nowhere`);
      }
      queue.push(load.specifier);
    }
  }
  return [...found.values()].sort((a, b) => `${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1);
}

/** How the names of a package's builds go on: `-linux-x64-gnu`. */
const PLATFORM = /^-(?:android|darwin|freebsd|linux|win32)-/;

/**
 * The packages without those that are builds of another one for one platform, `a-linux-x64-gnu` of `a`: they carry no
 * licence but that of the package they are parts of, and most of them are for other platforms and not there at all.
 */
export function withoutPlatformParts(packages: readonly RuntimePackage[]): RuntimePackage[] {
  const isPart = (one: RuntimePackage) =>
    packages.some(({ name, version }) =>
      version === one.version && one.name.startsWith(name) && PLATFORM.test(one.name.slice(name.length))
    );
  return packages.filter((one) => !isPart(one));
}
