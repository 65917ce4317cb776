import assert from "node:assert/strict";
import { BundleError, bundleProgram, inlineFiles, pointToBundles } from "./bundle.ts";
import { projectIn } from "./testing.ts";
import { findProgram } from "./program.ts";

const NAMES = ["main.js", "reader_worker.js"];

const pointed: [what: string, source: string, want: string][] = [
  [
    "a worker",
    `new Worker(new URL("./reader_worker.ts", import.meta.url), { type: "module" })`,
    `new Worker(new URL("./reader_worker.js", import.meta.url), { type: "module" })`,
  ],
  [
    "a worker of another folder",
    `new URL('../statsd/reader_worker.ts',import.meta.url)`,
    `new URL("./reader_worker.js", import.meta.url)`,
  ],
  ["no URL of a module", `new URL("./page.html", import.meta.url)`, `new URL("./page.html", import.meta.url)`],
  ["no other URL", `new URL("./reader_worker.ts", base)`, `new URL("./reader_worker.ts", base)`],
];
for (const [what, source, want] of pointed) {
  Deno.test(`pointToBundles() points ${what}`, () => assert.equal(pointToBundles(source, "main.js", NAMES), want));
}

Deno.test("pointToBundles() refuses a module that is in no bundle", () => {
  const source = `new Worker(new URL("./poller.ts", import.meta.url))`;
  assert.throws(() => pointToBundles(source, "main.js", NAMES), (error) => {
    return error instanceof BundleError && /it starts \.\/poller\.ts/.test(error.message);
  });
});

Deno.test("inlineFiles() puts in what packages read from beside their modules", async () => {
  await using project = await projectIn({
    "a/dist/x.wasm": "abc",
    "b/other.wasm": "b",
    "a/y.wasm": "y",
    "b/y.wasm": "y",
  });
  const directories = () => Promise.resolve(["a", "b", "gone", "a/y.wasm"].map((name) => `${project.root}/${name}`));
  const read = (path: string, from = "readFileSync2") => `w = ${from}(new URL("${path}", import.meta.url));`;
  assert.equal(await inlineFiles(read("../dist/x.wasm"), "main.js", directories), 'w = Uint8Array.fromBase64("YWJj");');
  const other = read("./page.html", "fetch");
  assert.equal(await inlineFiles(other, "main.js", () => Promise.reject(new Error("not needed"))), other);
  for (const path of ["./gone.wasm", "./y.wasm"]) {
    await assert.rejects(inlineFiles(read(path), "main.js", directories), (error) => {
      return error instanceof BundleError && error.message.includes(`main.js: it reads ${path}`);
    });
  }
});

Deno.test("bundleProgram() makes a module of the entry and of each worker", async () => {
  await using project = await projectIn({
    "src/main.ts": `import { thing } from "./inner/thing.ts";\nimport "node:fs";\nconsole.log(thing);\n`,
    "src/inner/thing.ts":
      `export const thing: string = "a thing";\nexport const url = () => new URL("./far_worker.ts", import.meta.url);\n`,
    "src/inner/far_worker.ts": `import { thing } from "./thing.ts";\nself.postMessage(thing);\n`,
  });
  const bundles = await bundleProgram(await findProgram(project.root), Deno.execPath());
  assert.deepEqual(bundles.map(({ name }) => name), ["main.js", "far_worker.js"]);
  for (const { source } of bundles) assert.match(source, /a thing/);
});

const unbundled: [what: string, files: Record<string, string>, why: RegExp][] = [
  ["a missing import", { "src/main.ts": `import "./gone.ts";\n` }, /Cannot bundle src\/main\.ts: .*gone\.ts/s],
  [
    "an import decided at run time that names a file",
    { "src/main.ts": `console.log(await import("https://127.0.0.1:1/x.ts"));\n` },
    /Cannot bundle src\/main\.ts/,
  ],
  ["workers of one name", {
    "src/main.ts": "export {};\n",
    "src/a/x_worker.ts": "export {};\n",
    "src/b/x_worker.ts": "export {};\n",
  }, /x_worker\.js twice/],
];
for (const [what, files, why] of unbundled) {
  Deno.test(`bundleProgram() refuses ${what}`, async () => {
    await using project = await projectIn(files);
    const program = await findProgram(project.root);
    await assert.rejects(bundleProgram(program, Deno.execPath()), (error) => {
      return error instanceof BundleError && why.test(error.message);
    });
  });
}
