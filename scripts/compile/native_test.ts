import assert from "node:assert/strict";
import { join } from "node:path";
import { compileArguments, CompileError, explainFailure, writeNative } from "./native.ts";
import { findProgram, V8_FLAGS } from "./program.ts";
import { projectIn } from "./testing.ts";
import { asTarget } from "./target.ts";

const TARGET = asTarget(Deno.build.target) ?? "x86_64-unknown-linux-gnu";

Deno.test("compileArguments() includes the workers, the flags and the environment", () => {
  const program = {
    root: "/p",
    entry: "src/main.ts",
    workers: ["src/a_worker.ts", "src/b_worker.ts"],
    unstable: ["net"],
  };
  assert.deepEqual(compileArguments(program, "aarch64-unknown-linux-gnu", "/tmp/build.env", "/out/limier"), [
    ...[
      "compile",
      "--allow-all",
      "--no-prompt",
      V8_FLAGS,
      "--unstable-net",
      "--node-modules-dir=none",
      "--exclude-unused-npm",
    ],
    ...["--include", "src/a_worker.ts", "--include", "src/b_worker.ts", "--env-file=/tmp/build.env"],
    ...["--target", "aarch64-unknown-linux-gnu", "--output", "/out/limier", "src/main.ts"],
  ]);
});

Deno.test("writeNative() takes the runtime stub it is given, and embeds the environment", async () => {
  await using project = await projectIn({ "src/main.ts": "console.log(1);\n", "src/a_worker.ts": "export {};\n" });
  const program = await findProgram(project.root);
  const output = join(project.root, "limier");
  // Deno itself stands in for the stub: enough to see what is written, not to run it.
  const compiler = { deno: Deno.execPath(), denort: Deno.execPath() };
  await writeNative(output, program, TARGET, "LIMIER_BUILD_DATE=2026-01-02T03:04:05Z\n", compiler);
  const written = new TextDecoder("latin1").decode(await Deno.readFile(output));
  assert.ok(written.includes("2026-01-02T03:04:05Z"));
  assert.ok(written.includes("a_worker.ts"));
});

Deno.test("writeNative() names --portable where there is no stub, and writes nothing", async () => {
  await using project = await projectIn({ "src/main.ts": "console.log(1);\n" });
  const program = await findProgram(project.root);
  const compiler = { deno: Deno.execPath(), denort: join(project.root, "denort") };
  await assert.rejects(writeNative(join(project.root, "dist/limier"), program, TARGET, "A=b\n", compiler), (error) => {
    return error instanceof CompileError && /--portable/.test(error.message) && /DENORT_BIN/.test(error.message);
  });
  assert.deepEqual([...Deno.readDirSync(join(project.root, "dist"))], []);
});

Deno.test("explainFailure() leaves the stack out and says what Deno said", () => {
  const said = explainFailure("error: Module not found\n\nStack backtrace:\n   0: <unknown>\n");
  assert.equal(said, "Cannot compile: deno compile failed\nerror: Module not found");
});

Deno.test("explainFailure() names the remedies for a stub that can't be fetched", () => {
  const said = explainFailure("error sending request for url (https://dl.deno.land/release/v2.9.6/denort-x86_64.zip)");
  assert.match(said, /--portable/);
  assert.match(said, /DENORT_BIN/);
});
