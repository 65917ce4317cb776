import { posix } from "node:path";
import { circlesOf, type Graph } from "./circles.ts";
import { isTest, moduleOf, whyNot } from "./house.ts";
import { referencesOf } from "./references.ts";

/** One import that the house does not allow. */
export interface Problem {
  path: string;
  /** 1-based. */
  line: number;
  /** What is wrong and what to do. */
  message: string;
}

interface Edge {
  from: string;
  to: string;
  line: number;
  loads: boolean;
}

/** Of the package's own name: `@limier/limier/statsd` is src/statsd/mod.ts. */
const OWN_NAME = /^@limier\/limier(?:\/([a-z]+))?$/;

/**
 * Checks the imports of a tree of TypeScript files: floors and faces as house.ts has them, and no circles between files or
 * between modules.
 *
 * @param files source texts by their paths from the project's root
 * @returns the problems, by path and line
 */
export function checkLayers(files: ReadonlyMap<string, string>): Problem[] {
  const edges = [...files].flatMap(([path, source]) => edgesOf(path, source));
  const problems = edges.flatMap(({ from, to, line }): Problem[] => {
    const why = whyNot(from, to);
    return why === null ? [] : [{ path: from, line, message: `Cannot import ${to} here: ${why}` }];
  });
  const loads = edges.filter((edge) => edge.loads);
  problems.push(...circleProblems(loads, (path) => path, "files"));
  // Within a module only its files can go round; a test may look sideways, as nothing leads back to it.
  const between = loads.filter(({ from, to }) => !isTest(from) && moduleOf(from) !== moduleOf(to));
  problems.push(...circleProblems(between, moduleOf, "modules"));
  return problems.sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line);
}

function edgesOf(path: string, source: string): Edge[] {
  return referencesOf(source).flatMap(({ kind, specifier, line }): Edge[] => {
    const to = targetOf(path, specifier);
    // In a process or worker of its own a test may start whatever it likes, and a script the program.
    if (kind === "url" && (isTest(path) || (to === "src/main.ts" && moduleOf(path) === null))) return [];
    return to === null ? [] : [{ from: path, to, line, loads: kind === "import" }];
  });
}

/** The file that is meant; null if it is none of the project's. */
function targetOf(from: string, specifier: string): string | null {
  if (/^\.\.?\//.test(specifier)) return posix.normalize(posix.join(posix.dirname(from), specifier));
  const own = OWN_NAME.exec(specifier);
  if (own === null) return null;
  return own[1] === undefined ? "mod.ts" : `src/${own[1]}/mod.ts`;
}

function circleProblems(edges: readonly Edge[], nodeOf: (path: string) => string | null, what: string): Problem[] {
  const graph = new Map<string, Set<string>>();
  const firstEdge = new Map<string, Edge>();
  for (const edge of edges) {
    const from = nodeOf(edge.from);
    const to = nodeOf(edge.to);
    if (from === null || to === null) continue;
    graph.set(from, (graph.get(from) ?? new Set()).add(to));
    const key = `${from} ${to}`;
    if (!firstEdge.has(key)) firstEdge.set(key, edge);
  }
  return circlesOf(graph satisfies Graph).flatMap((circle): Problem[] => {
    const steps = circle.map((from, i) => firstEdge.get(`${from} ${circle[(i + 1) % circle.length]}`));
    const [first] = steps;
    if (first === undefined) return [];
    const path = steps.map((step) => step && `${step.from}:${step.line}`).join(" -> ");
    const message =
      `Cannot import in a circle of ${what}: ${path} -> ${first.from}; move what they share to a place of its own`;
    return [{ path: first.from, line: first.line, message }];
  });
}
