import assert from "node:assert/strict";
import { circlesOf } from "./circles.ts";

const cases: [what: string, edges: string, circles: string[]][] = [
  ["nothing in no graph", "", []],
  ["nothing in a chain", "a>b b>c a>c", []],
  ["nothing where two ways meet", "a>b a>c b>d c>d", []],
  ["a pair", "a>b b>a", ["a b"]],
  ["one that leads to itself", "a>a a>b", ["a"]],
  ["the shortest of a knot, once", "a>b b>c c>a a>d d>a", ["a d"]],
  ["a circle below a chain", "a>b b>c c>d d>b", ["b c d"]],
  ["two that are apart", "a>b b>a x>y y>z z>x", ["a b", "x y z"]],
  ["two of which one leads to the other", "a>b b>a b>x x>y y>x", ["a b", "x y"]],
];
for (const [what, edges, circles] of cases) {
  Deno.test(`circlesOf() finds ${what}`, () => {
    const graph = new Map<string, Set<string>>();
    for (const edge of edges.split(" ").filter(Boolean)) {
      const [from = "", to = ""] = edge.split(">");
      graph.set(from, (graph.get(from) ?? new Set()).add(to));
    }
    assert.deepEqual(circlesOf(graph).map((circle) => circle.join(" ")), circles);
  });
}
