/** The modules under `src`, a floor a line: imports go down. */
export const FLOORS: readonly (readonly string[])[] = [
  ["main"],
  ["cli"],
  ["agent"],
  ["http", "console"],
  ["statsd", "tcpinfo", "flow", "lag"],
  ["output"],
  ["metric", "sketch", "kafka", "grpc", "linux", "telemetry", "config", "clock"],
  ["bytes", "testing"],
];

/** Stand side by side and know nothing of each other; on other floors neighbours may import each other. */
const SOURCES: readonly string[] = ["statsd", "tcpinfo", "flow", "lag"];

/** Its face, the library, is `mod.ts` at the root: what an app embeds; no module under `src` knows it. */
const LIBRARY = "mod.ts";

/** The module under `src` that a file belongs to; null if it stands elsewhere. */
export function moduleOf(path: string): string | null {
  const [top, folder = "", ...rest] = path.split("/");
  if (top !== "src") return null;
  return rest.length > 0 ? folder : folder.replace(/\.ts$/, "");
}

/** Whether it is a test or a bench: nothing imports it, so that it closes no circle. */
export function isTest(path: string): boolean {
  return /_(test|bench)\.tsx?$/.test(path);
}

/**
 * Why one file must not import another, and what to do instead; null if it may.
 *
 * @param from a path from the project's root, as `to`
 */
export function whyNot(from: string, to: string): string | null {
  const target = moduleOf(to);
  const source = moduleOf(from);
  if (source !== null) return target === null ? leavesSource(to) : betweenModules(source, target, from, to);
  if (from === LIBRARY) return target === null ? leavesSource(to) : fromLibrary(target, from, to);
  if (from.startsWith("conformance/embed/")) {
    if (to === LIBRARY || to.startsWith("conformance/embed/")) return null;
    return "an app that embeds sees mod.ts alone; export from there what it needs";
  }
  return target === null ? null : throughFace(target, from, to);
}

/** Whether it runs where a user runs it. */
function isProduct(path: string): boolean {
  return (moduleOf(path) !== null || path === LIBRARY) && !isTest(path) && !/testing[^/]*\.ts$/.test(path);
}

function leavesSource(to: string): string | null {
  if (to === LIBRARY) return "mod.ts is for those who embed; import the module it comes from";
  return /^(scripts|conformance)\//.test(to)
    ? "src stands without its scripts and suites; move what it needs into src"
    : null;
}

function betweenModules(source: string, target: string, from: string, to: string): string | null {
  if (source === target) return null;
  const above = floorOf(source);
  const below = floorOf(target);
  if (above < 0) return stranger(source);
  if (below < 0) return stranger(target);
  if (below < above) return `${target} stands above ${source}; take what is needed as an argument, or move it down`;
  if (SOURCES.includes(source) && SOURCES.includes(target)) {
    return `${source} and ${target} stand side by side; move what they share to a lower floor`;
  }
  return throughFace(target, from, to);
}

function fromLibrary(target: string, from: string, to: string): string | null {
  const floor = floorOf(target);
  if (floor < 0) return stranger(target);
  return floor < floorOf("agent")
    ? `${target} is the program's, not the library's; move what is needed down`
    : throughFace(target, from, to);
}

function throughFace(target: string, from: string, to: string): string | null {
  const face = `src/${target}/mod.ts`;
  if (to === face) return null;
  // A second face: what a module has for the tests of others.
  if (to === `src/${target}/testing.ts` && !isProduct(from)) return null;
  if (to === "src/main.ts") return "src/main.ts is the process, and has no face; start it, or import what it calls";
  return `go through its face, ${face}`;
}

function stranger(module: string): string {
  return `${module} has no floor; put it on one in scripts/layers/house.ts`;
}

function floorOf(module: string): number {
  return FLOORS.findIndex((floor) => floor.includes(module));
}
