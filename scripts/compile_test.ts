import assert from "node:assert/strict";
import { join } from "node:path";
import { compile } from "./compile.ts";
import { type CompileOptions, OptionError } from "./compile/options.ts";
import { asTarget } from "./compile/target.ts";
import { type Project, projectIn } from "./compile/testing.ts";

const TARGET = asTarget(Deno.build.target) ?? "x86_64-unknown-linux-gnu";
const ENVIRONMENT = "LIMIER_BUILD_DATE=2026-01-02T03:04:05Z\n";

const PROGRAM = {
  "deno.json": `{ "unstable": ["net", "worker-options"], "imports": { "inner/": "./src/inner/" } }`,
  "src/main.ts": `import { startWorker } from "inner/start.ts";
if (import.meta.main) {
  const [code = "0"] = Deno.args;
  const facts = { args: Deno.args, date: Deno.env.get("LIMIER_BUILD_DATE"), pid: Deno.pid };
  const worker = startWorker();
  worker.onmessage = ({ data }) => {
    console.log(JSON.stringify({ ...facts, worker: data }));
    Deno.exit(Number(code));
  };
}
`,
  "src/inner/start.ts": `export const startWorker = () =>
  new Worker(new URL("./echo_worker.ts", import.meta.url), { type: "module" });
`,
  "src/inner/echo_worker.ts": `import { word } from "./word.ts";
self.postMessage([word satisfies string, typeof Deno.listenDatagram]);
`,
  "src/inner/word.ts": `export const word: string = "from the worker";\n`,
  // A file that starts as this Deno does, and is small.
  "deno-of-tests": `#!/bin/sh\nexec "${Deno.execPath()}" "$@"\n`,
};

async function portableOf(project: Project): Promise<CompileOptions> {
  const runtime = join(project.root, "deno-of-tests");
  await Deno.chmod(runtime, 0o755);
  return { portable: true, target: TARGET, output: join(project.root, "dist/limier"), runtime };
}

Deno.test("compile() --portable writes a program that needs nothing of its source, workers included", async () => {
  await using project = await projectIn(PROGRAM);
  const options = await portableOf(project);
  const sizeBytes = await compile(options, project.root, ENVIRONMENT);
  assert.equal(sizeBytes, (await Deno.stat(options.output)).size);
  assert.equal((await Deno.stat(options.output)).mode! & 0o777, 0o755);
  await Deno.remove(join(project.root, "src"), { recursive: true });
  await Deno.remove(join(project.root, "deno.json"));
  for (const _start of ["cold", "warm"]) {
    const child = new Deno.Command(options.output, {
      args: ["3", "two words", "--allow-nothing"],
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin", XDG_CACHE_HOME: project.root },
      cwd: "/",
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { code, stdout, stderr } = await child.output();
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.equal(code, 3);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), {
      args: ["3", "two words", "--allow-nothing"],
      date: "2026-01-02T03:04:05Z",
      pid: child.pid,
      worker: ["from the worker", "function"],
    });
  }
});

Deno.test("compile() --portable writes the same bytes twice", async () => {
  await using project = await projectIn(PROGRAM);
  const options = await portableOf(project);
  await compile(options, project.root, ENVIRONMENT);
  const first = await Deno.readFile(options.output);
  await compile(options, project.root, ENVIRONMENT);
  assert.deepEqual(await Deno.readFile(options.output), first);
});

Deno.test("compile() --portable refuses a runtime of another machine", async () => {
  await using project = await projectIn(PROGRAM);
  const options = await portableOf(project);
  const target = TARGET === "x86_64-unknown-linux-gnu" ? "aarch64-unknown-linux-gnu" : "x86_64-unknown-linux-gnu";
  await assert.rejects(
    compile({ ...options, runtime: Deno.execPath(), target }, project.root, ENVIRONMENT),
    (error) => {
      return error instanceof OptionError && error.message.includes(`for ${target}: it is built for ${TARGET}`);
    },
  );
});

const exits: [args: string[], code: number, said: RegExp][] = [
  [["--help"], 0, /^deno task compile/],
  [["--target", "riscv64"], 2, /^Cannot compile for riscv64/],
  [["--nonsense"], 2, /^Cannot use --nonsense/],
];
for (const [args, code, said] of exits) {
  Deno.test(`compile.ts ${args.join(" ")} exits ${code}`, async () => {
    const script = new URL("./compile.ts", import.meta.url).pathname;
    const got = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", script, ...args], stdin: "null" })
      .output();
    assert.equal(got.code, code);
    assert.match(new TextDecoder().decode(code === 0 ? got.stdout : got.stderr), said);
  });
}
