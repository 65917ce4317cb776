import assert from "node:assert/strict";
import { type CompileOptions, OptionError, readOptions } from "./options.ts";

const X64 = "x86_64-unknown-linux-gnu";
const ARM = "aarch64-unknown-linux-gnu";

const accepted: [argv: string[], want: Partial<CompileOptions>][] = [
  [[], { portable: false, target: X64, output: "dist/limier", runtime: null }],
  [["--portable"], { portable: true, target: X64, runtime: null }],
  [["--target", ARM], { portable: false, target: ARM }],
  [[`--target=${X64}`, "--portable"], { portable: true, target: X64 }],
  [["--portable", "--target", ARM, "--runtime", "/opt/deno"], { target: ARM, runtime: "/opt/deno" }],
  [["--output", "/tmp/a b/limier"], { output: "/tmp/a b/limier" }],
];
const refused: [argv: string[], why: RegExp][] = [
  [["--protable"], /no such flag/],
  [["src/main.ts"], /no such flag/],
  [["--target", "x86_64-apple-darwin"], /Cannot compile for x86_64-apple-darwin/],
  [["--target", ""], /--target: it needs a value/],
  [["--output", ""], /--output: it needs a value/],
  [["--runtime", "/opt/deno"], /it belongs to --portable/],
  [["--portable", "--target", ARM], /@deno\/linux-arm64-glibc/],
];

for (const [argv, want] of accepted) {
  Deno.test(`readOptions() reads [${argv.join(" ")}]`, () => {
    const got = readOptions(argv, X64);
    assert.deepEqual(got, { ...got, ...want });
  });
}
for (const [argv, why] of refused) {
  Deno.test(`readOptions() refuses [${argv.join(" ")}]`, () => {
    assert.throws(() => readOptions(argv, X64), (error) => error instanceof OptionError && why.test(error.message));
  });
}

Deno.test("readOptions() refuses a system of its own that it can't compile for", () => {
  assert.throws(() => readOptions([], "x86_64-apple-darwin"), /Cannot compile for x86_64-apple-darwin/);
});
