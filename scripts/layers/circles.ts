/** What leads where: names, and the names they lead to. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * The circles of a graph: of each group whose members all lead to each other, one shortest circle through its first name in
 * the alphabet. So each is found, and named once.
 *
 * @returns names in order, the first not repeated at the end; sorted by their first names
 */
export function circlesOf(graph: Graph): string[][] {
  const done = new Set<string>();
  const circles: string[][] = [];
  for (const name of [...graph.keys()].sort()) {
    if (done.has(name)) continue;
    const circle = shortestCircle(graph, name);
    if (circle === null) continue;
    circles.push(circle);
    // Those that this one leads to, and that lead back to it, are in the same knot.
    const ahead = reachable(graph, name);
    for (const other of ahead) if (reachable(graph, other).has(name)) done.add(other);
  }
  return circles;
}

function shortestCircle(graph: Graph, start: string): string[] | null {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const next of [...graph.get(at) ?? []].sort()) {
      if (next === start) return pathTo(at, start, cameFrom);
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, at);
      queue.push(next);
    }
  }
  return null;
}

function pathTo(end: string, start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const path = [end];
  for (let at = end; at !== start;) {
    at = cameFrom.get(at) ?? start;
    path.unshift(at);
  }
  return path;
}

function reachable(graph: Graph, start: string): Set<string> {
  const seen = new Set<string>();
  const queue = [start];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const next of graph.get(at) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      queue.push(next);
    }
  }
  return seen;
}
