import assert from "node:assert/strict";
import { checkLayers } from "./check.ts";

/** A tree of files that import others and nothing else: `a.ts < b.ts c.ts`, a line a file. */
function tree(text: string): Map<string, string> {
  return new Map(
    text.trim().split("\n").map((line): [string, string] => {
      const [path = "", targets = ""] = line.trim().split(" < ");
      const up = "../".repeat(path.split("/").length - 1) || "./";
      return [path, targets.split(" ").filter(Boolean).map((to) => `import "${up}${to}";\n`).join("")];
    }),
  );
}

const accepted: [what: string, files: string][] = [
  ["a module's own files", "src/statsd/mod.ts < src/statsd/heart.ts src/statsd/wire/line.ts"],
  ["main and below", "src/main.ts < src/cli/mod.ts src/agent/mod.ts src/bytes/mod.ts"],
  ["a floor or more down", "src/statsd/heart.ts < src/output/mod.ts src/metric/mod.ts src/bytes/mod.ts"],
  ["the sources below http", "src/http/app.ts < src/statsd/mod.ts"],
  ["a neighbour", "src/config/section.ts < src/clock/mod.ts\nsrc/linux/x.ts < src/telemetry/mod.ts"],
  ["what a module has for tests, from a test", "src/lag/x_test.ts < src/kafka/testing.ts"],
  ["what a module has for tests, from what tests are made of", "src/lag/testing_x.ts < src/kafka/testing.ts"],
  ["what a module has for tests, from suites", "conformance/x_test.ts < src/kafka/testing.ts"],
  ["the console beside http", "src/console/page.ts < src/http/mod.ts"],
  ["faces, from a test", "src/statsd/heart_test.ts < src/statsd/heart.ts src/clock/mod.ts"],
  [
    "faces, from scripts and suites",
    "scripts/record.ts < src/linux/mod.ts mod.ts\nconformance/main.ts < src/agent/mod.ts",
  ],
  ["each other's files, from scripts", "scripts/a.ts < scripts/load/b.ts conformance/json.ts"],
  ["the library's modules", "mod.ts < src/agent/mod.ts src/statsd/mod.ts"],
  ["the library, from the app that embeds it", "conformance/embed/main.ts < mod.ts conformance/embed/feed.ts"],
  [
    "neighbours in a circle that only a test closes",
    "src/clock/x_test.ts < src/config/mod.ts\nsrc/config/mod.ts < src/clock/mod.ts",
  ],
];
const refused: [what: string, files: string, want: RegExp][] = [
  ["a floor up", "src/output/x.ts < src/statsd/mod.ts", /^src\/output\/x\.ts:1: .*statsd stands above output/],
  ["a floor up in a test", "src/bytes/x_test.ts < src/linux/mod.ts", /linux stands above bytes/],
  ["main", "src/cli/run.ts < src/main.ts", /main stands above cli/],
  ["the agent from http", "src/http/app.ts < src/agent/mod.ts", /agent stands above http/],
  ["another source", "src/flow/x.ts < src/lag/mod.ts", /flow and lag stand side by side/],
  ["another source's inside", "src/tcpinfo/x.ts < src/statsd/heart.ts", /side by side/],
  ["behind a face", "src/statsd/x.ts < src/clock/fake_clock.ts", /go through its face, src\/clock\/mod\.ts/],
  ["behind a face in a test", "src/statsd/x_test.ts < src/clock/fake_clock.ts", /src\/clock\/mod\.ts/],
  ["what a module has for tests, elsewhere", "src/lag/x.ts < src/kafka/testing.ts", /src\/kafka\/mod\.ts/],
  ["what a module above has for tests", "src/kafka/x_test.ts < src/lag/testing.ts", /lag stands above kafka/],
  ["behind a face in scripts", "scripts/x.ts < src/linux/socket.ts", /src\/linux\/mod\.ts/],
  ["behind a face in suites", "conformance/x.ts < src/agent/feed.ts", /src\/agent\/mod\.ts/],
  ["behind a face in the library", "mod.ts < src/agent/agent.ts", /src\/agent\/mod\.ts/],
  ["the process from suites", "conformance/x.ts < src/main.ts", /has no face/],
  ["the command line in the library", "mod.ts < src/cli/mod.ts", /cli is the program's/],
  ["scripts from src", "src/statsd/x_test.ts < scripts/load/pace.ts", /without its scripts/],
  ["suites from the library", "mod.ts < conformance/json.ts", /without its scripts/],
  ["the library from src", "src/agent/x.ts < mod.ts", /for those who embed/],
  ["a module from the app that embeds", "conformance/embed/main.ts < src/clock/mod.ts", /sees mod\.ts alone/],
  ["the suite from the app that embeds", "conformance/embed/main.ts < conformance/json.ts", /sees mod\.ts alone/],
  ["a module that is on no floor", "src/utils/x.ts < src/clock/mod.ts", /utils has no floor/],
  ["to a module that is on no floor", "src/statsd/x.ts < src/utils/mod.ts", /utils has no floor/],
  [
    "a file, in a circle",
    "src/bytes/a.ts < src/bytes/b.ts\nsrc/bytes/b.ts < src/bytes/a.ts",
    /circle of files: src\/bytes\/a\.ts:1 -> src\/bytes\/b\.ts:1 -> src\/bytes\/a\.ts/,
  ],
  ["a file, itself", "src/bytes/a.ts < src/bytes/a.ts", /circle of files/],
  [
    "neighbours in a circle",
    "src/clock/x.ts < src/config/mod.ts\nsrc/config/y.ts < src/clock/mod.ts",
    /circle of modules: src\/clock\/x\.ts:1 -> src\/config\/y\.ts:1 -> src\/clock\/x\.ts/,
  ],
];

function said(files: ReadonlyMap<string, string>): string[] {
  return checkLayers(files).map(({ path, line, message }) => `${path}:${line}: ${message}`);
}

for (const [what, files] of accepted) {
  Deno.test(`checkLayers() accepts ${what}`, () => assert.deepEqual(said(tree(files)), []));
}
for (const [what, files, want] of refused) {
  Deno.test(`checkLayers() refuses ${what}`, () => {
    const [first = "", ...rest] = said(tree(files));
    assert.match(first, want);
    assert.deepEqual(rest, []);
  });
}

Deno.test("checkLayers() sees workers, dynamic imports and the package's own name", () => {
  const files = new Map([
    ["src/statsd/a.ts", `\n\nnew Worker(new URL("../flow/x_worker.ts", import.meta.url));`],
    ["src/statsd/b.ts", `await import("../agent/mod.ts");`],
    ["src/statsd/c.ts", `import { x } from "@limier/limier/lag";\nimport { parse } from "@std/yaml";`],
    ["src/statsd/d.ts", `import { x } from "@limier/limier";`],
  ]);
  assert.deepEqual(said(files).map((line) => line.replace(/: Cannot import (\S+) .*/, " $1")), [
    "src/statsd/a.ts:3 src/flow/x_worker.ts",
    "src/statsd/b.ts:1 src/agent/mod.ts",
    "src/statsd/c.ts:1 src/lag/mod.ts",
    "src/statsd/d.ts:1 mod.ts",
  ]);
});

Deno.test("checkLayers() takes a worker that imports who starts it for no circle", () => {
  const files = new Map([
    ["src/statsd/a.ts", `new Worker(new URL("./x_worker.ts", import.meta.url));`],
    ["src/statsd/x_worker.ts", `import { a } from "./a.ts";`],
  ]);
  assert.deepEqual(said(files), []);
});

Deno.test("checkLayers() lets tests and scripts start the program, and src not", () => {
  const start = `start(new URL("../main.ts", import.meta.url));`;
  assert.deepEqual(said(new Map([["src/cli/run_test.ts", start]])), []);
  assert.deepEqual(said(new Map([["scripts/bench.ts", start.replace("../", "../src/")]])), []);
  assert.equal(said(new Map([["src/cli/run.ts", start]])).length, 1);
});

Deno.test("checkLayers() names each import once, by path and line", () => {
  const files = tree("src/output/b.ts < src/lag/mod.ts src/flow/mod.ts\nsrc/output/a.ts < src/clock/real.ts");
  assert.deepEqual(said(files).map((line) => line.split(": ")[0]), [
    "src/output/a.ts:1",
    "src/output/b.ts:1",
    "src/output/b.ts:2",
  ]);
});
