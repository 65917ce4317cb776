import assert from "node:assert/strict";
import { type Reference, referencesOf } from "./references.ts";

const found: [source: string, want: [Reference["kind"], string][]][] = [
  [`import { a } from "./a.ts";`, [["import", "./a.ts"]]],
  [`import type { A } from './a.ts';`, [["import", "./a.ts"]]],
  [`import a, { type B, c as d } from "./a.ts"`, [["import", "./a.ts"]]],
  [`import * as a from "./a.ts";`, [["import", "./a.ts"]]],
  [`import { from } from "./a.ts";`, [["import", "./a.ts"]]],
  [`import from from "./a.ts";`, [["import", "./a.ts"]]],
  [`import "./a.ts";`, [["import", "./a.ts"]]],
  [`import {\n  a,\n  b,\n} from "./a.ts";`, [["import", "./a.ts"]]],
  [`import table from "./a.json" with { type: "json" };`, [["import", "./a.json"]]],
  [`export { a } from "./a.ts";`, [["import", "./a.ts"]]],
  [`export * from "./a.ts";`, [["import", "./a.ts"]]],
  [`export * as a from "./a.ts";`, [["import", "./a.ts"]]],
  [`export type { A } from "./a.ts";`, [["import", "./a.ts"]]],
  [`export { a as "b c" } from "./a.ts";`, [["import", "./a.ts"]]],
  [`export { a }\nimport { b } from "./b.ts";`, [["import", "./b.ts"]]],
  [`const a = await import("./a.ts");`, [["import", "./a.ts"]]],
  [`let a: import("./a.ts").A;`, [["import", "./a.ts"]]],
  ["const s = `${(await import('./a.ts')).text} ${`${import.meta.resolve(\"./b.ts\")}`}`;", [
    ["import", "./a.ts"],
    ["url", "./b.ts"],
  ]],
  [`new Worker(new URL("./a_worker.ts", import.meta.url), { type: "module" });`, [["url", "./a_worker.ts"]]],
  [`const r = /"/; import { a } from "./a.ts"; const q = /['\`/]/g;`, [["import", "./a.ts"]]],
  [`const half = a / 2; import { a } from "./a.ts"; const third = b / 3;`, [["import", "./a.ts"]]],
  [`x = c["it's"]; import { a } from "./a.ts";`, [["import", "./a.ts"]]],
];
const nothing = [
  `// import { a } from "./a.ts";`,
  `/* import "./a.ts"; */`,
  `/**\n * import { a } from "./a.ts";\n */`,
  `const s = 'import { a } from "./a.ts"';`,
  "const s = `import { a } from './a.ts'; ${1}; import('./b.ts')`;",
  `const s = "\\"; import './a.ts'; \\"";`,
  `const r = /import "x" from/;`,
  `export const a = "./a.ts";`,
  `export const from = "./a.ts";`,
  `export function from() { return "./a.ts"; }`,
  `export default "./a.ts";`,
  `export { a };\nconst from = "./a.ts";`,
  `const o = { import: "./a.ts", from: "./b.ts" };`,
  `loader.import("./a.ts");`,
  `await import(name);`,
  `new URL("./page.html", import.meta.url);`,
  `new URL("./a.ts", base);`,
  `new URL(name, import.meta.url);`,
  `import.meta.main`,
  `import`,
  `export {`,
  "`${`",
  `"`,
  `/*`,
];

for (const [source, want] of found) {
  Deno.test(`referencesOf() finds what ${JSON.stringify(source)} refers to`, () => {
    assert.deepEqual(referencesOf(source).map(({ kind, specifier }) => [kind, specifier]), want);
  });
}
for (const source of nothing) {
  Deno.test(`referencesOf() finds nothing in ${JSON.stringify(source)}`, () => {
    assert.deepEqual(referencesOf(source), []);
  });
}

Deno.test("referencesOf() tells the line, below comments, templates and strings of several lines", () => {
  const source = [
    "/*",
    " */",
    "const s = `",
    "${1}",
    "`;",
    "import {",
    "  a,",
    "}",
    'from "./a.ts";',
    "const t = 'a\\",
    "b';",
    'await import("./b.ts");',
  ].join("\n");
  assert.deepEqual(referencesOf(source).map(({ line }) => line), [9, 12]);
});

Deno.test("referencesOf() comes to an end on a file cut anywhere", () => {
  const source =
    "import { a } from './a.ts'; // x\nconst s = `a ${b + `c ${/d[/]/g}`} e`; /* f */ new URL('./w.ts', import.meta.url);";
  for (let end = 0; end <= source.length; end++) assert.ok(referencesOf(source.slice(0, end)).length <= 2);
});
