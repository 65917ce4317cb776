import assert from "node:assert/strict";
import { type ModuleGraph, readModuleGraph } from "../compile/module_graph.ts";
import { type RuntimePackage, runtimePackages, withoutPlatformParts } from "./runtime_packages.ts";

const JSR_YAML = "https://jsr.io/@std/yaml/1.1.0/";

/** Modules and what they load; `npm:` leads to a package. */
function graph(modules: Record<string, string[]>, packages: Record<string, string[]> = {}): ModuleGraph {
  const ofPackages = Object.values(modules).flat().filter((to) => to.startsWith("npm:")).map((to) => ({
    specifier: `npm:/${to.slice(4)}`,
    npmPackage: to.slice(4),
  }));
  return readModuleGraph({
    modules: [
      ...Object.entries(modules).map(([specifier, loads]) => ({
        specifier,
        dependencies: loads.map((to) => ({ specifier: to, code: { specifier: to } })),
      })),
      ...ofPackages,
    ],
    redirects: Object.fromEntries(ofPackages.map(({ specifier, npmPackage }) => [`npm:${npmPackage}`, specifier])),
    npmPackages: Object.fromEntries(
      Object.entries(packages).map(([key, dependencies]) => {
        const at = key.lastIndexOf("@");
        return [key, { name: key.slice(0, at), version: key.slice(at + 1), dependencies, localPath: `/cache/${key}` }];
      }),
    ),
  });
}

const cases: [what: string, graph: ModuleGraph, want: string[]][] = [
  ["nothing where nothing is loaded", graph({ "file:///main.ts": ["node:fs"] }), []],
  [
    "a package and what it needs, once",
    graph({ "file:///main.ts": ["npm:b@1.0.0", "file:///x.ts"], "file:///x.ts": ["npm:b@1.0.0", "file:///main.ts"] }, {
      "b@1.0.0": ["a@2.0.0"],
      "a@2.0.0": ["b@1.0.0"],
    }),
    ["a 2.0.0 /cache/a@2.0.0", "b 1.0.0 /cache/b@1.0.0"],
  ],
  [
    "no package that nothing loads",
    graph({ "file:///main.ts": [], "file:///x_test.ts": ["npm:b@1.0.0"] }, { "b@1.0.0": [] }),
    [],
  ],
  [
    "two versions of a package",
    graph({ "file:///main.ts": ["npm:@s/a@1.0.0", "npm:@s/a@2.0.0"] }, { "@s/a@1.0.0": [], "@s/a@2.0.0": [] }),
    ["@s/a 1.0.0 /cache/@s/a@1.0.0", "@s/a 2.0.0 /cache/@s/a@2.0.0"],
  ],
  [
    "a package of JSR, and what it loads",
    graph({
      "file:///main.ts": [`${JSR_YAML}mod.ts`],
      [`${JSR_YAML}mod.ts`]: [`${JSR_YAML}parse.ts`, "npm:a@2.0.0"],
      [`${JSR_YAML}parse.ts`]: [],
    }, { "a@2.0.0": [] }),
    [`@std/yaml 1.1.0 ${JSR_YAML}`, "a 2.0.0 /cache/a@2.0.0"],
  ],
];
for (const [what, modules, want] of cases) {
  Deno.test(`runtimePackages() finds ${what}`, () => {
    const got = runtimePackages(modules, ["file:///main.ts"]).map(({ name, version, origin }) =>
      `${name} ${version} ${origin.kind === "npm" ? origin.directory : origin.address}`
    );
    assert.deepEqual(got, want);
  });
}

const incomplete: [what: string, graph: ModuleGraph][] = [
  ["the root", graph({})],
  ["a module", graph({ "file:///main.ts": ["file:///gone.ts"] })],
  ["a package", graph({ "file:///main.ts": ["npm:a@1.0.0"] })],
  ["a package that another needs", graph({ "file:///main.ts": ["npm:a@1.0.0"] }, { "a@1.0.0": ["b@1.0.0"] })],
  [
    "where an import leads",
    readModuleGraph({ modules: [{ specifier: "file:///main.ts", dependencies: [{ specifier: "x", code: {} }] }] }),
  ],
];
for (const [what, modules] of incomplete) {
  Deno.test(`runtimePackages() refuses a graph that lacks ${what}`, () => {
    assert.throws(() => runtimePackages(modules, ["file:///main.ts"]), RangeError);
  });
}

Deno.test("withoutPlatformParts() leaves out the builds of a package that is there, and nothing else", () => {
  const names = [
    "@x/a@1",
    "@x/a-linux-x64-gnu@1",
    "@x/a-win32-x64-msvc@1",
    "@x/a-tools@1",
    "@x/a-linux-x64@2",
    "b-linux-x64@1",
  ];
  const packages = names.map((text): RuntimePackage => {
    const [name = "", version = ""] = text.split(/(?<=.)@/);
    return { name, version, origin: { kind: "npm", directory: "/" } };
  });
  const left = withoutPlatformParts(packages).map(({ name, version }) => `${name}@${version}`);
  assert.deepEqual(left, ["@x/a@1", "@x/a-tools@1", "@x/a-linux-x64@2", "b-linux-x64@1"]);
});
