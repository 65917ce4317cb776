import assert from "node:assert/strict";
import { join } from "node:path";
import { moduleGraph, readModuleGraph } from "./module_graph.ts";

Deno.test("readModuleGraph() keeps what is loaded at run time and leaves types out", () => {
  const { modules, packages } = readModuleGraph({
    version: 1,
    modules: [{
      specifier: "file:///src/document.ts",
      dependencies: [
        { specifier: "yaml", code: { specifier: "npm:yaml@2.9.1" } },
        { specifier: "./types.ts", type: { specifier: "file:///src/types.ts" } },
        { specifier: "lost", code: { error: "not a dependency" } },
      ],
    }, { specifier: "npm:/yaml@2.9.1", kind: "npm", npmPackage: "yaml@2.9.1" }],
    redirects: { "npm:yaml@2.9.1": "npm:/yaml@2.9.1" },
    npmPackages: { "yaml@2.9.1": { name: "yaml", version: "2.9.1", dependencies: ["a@1.0.0"], localPath: "/c/yaml" } },
  });
  assert.deepEqual(modules, [
    {
      specifier: "file:///src/document.ts",
      loads: [
        { written: "yaml", specifier: "npm:/yaml@2.9.1" },
        { written: "lost", specifier: undefined },
      ],
      npmPackage: undefined,
    },
    { specifier: "npm:/yaml@2.9.1", loads: [], npmPackage: "yaml@2.9.1" },
  ]);
  assert.deepEqual([...packages], [
    ["yaml@2.9.1", { name: "yaml", version: "2.9.1", needs: ["a@1.0.0"], directory: "/c/yaml" }],
  ]);
});

for (const info of [null, 3, "x", [], {}, { modules: 3, npmPackages: null }, { modules: [null, 3] }]) {
  Deno.test(`readModuleGraph() finds nothing in ${JSON.stringify(info)}`, () => {
    const { modules, packages } = readModuleGraph(info);
    assert.equal(modules.flatMap(({ loads }) => loads).length + packages.size, 0);
  });
}

Deno.test("moduleGraph() reads what deno info says", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      join(directory, "a.js"),
      `import "node:fs";\nawait import("./b.js");\nconst s = "import 'no'";\n`,
    );
    const { modules } = await moduleGraph(Deno.execPath(), directory, "a.js", ["--no-config", "--no-lock"]);
    assert.deepEqual(modules[0]?.loads.map(({ written }) => written), ["node:fs", "./b.js"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("readModuleGraph() comes to an end on redirects that go round", () => {
  const { modules } = readModuleGraph({
    modules: [{ specifier: "a", dependencies: [{ specifier: "b", code: { specifier: "b" } }] }],
    redirects: { b: "c", c: "b" },
  });
  assert.match(modules[0]?.loads[0]?.specifier ?? "", /^[bc]$/);
});
