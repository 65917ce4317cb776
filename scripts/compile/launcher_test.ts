import assert from "node:assert/strict";
import { join } from "node:path";
import { type Launch, launcherHead } from "./launcher.ts";
import { command, makePortable, run, where } from "./launcher_testing.ts";
import { isFile, testUnless } from "../../src/testing/mod.ts";

Deno.test("launcherHead() passes arguments on as they are", async () => {
  await using portable = await makePortable();
  const args = ["two words", "", "*", "'\"`$HOME`", "-x", "--", "a\nb\\n", "ü"];
  const { stdout, code } = await run(portable, ["args", ...args]);
  assert.equal(stdout, args.map((one) => `[${one}]`).join(""));
  assert.equal(code, 0);
});

for (const code of [0, 1, 3, 255]) {
  Deno.test(`launcherHead() ends with the program's exit code ${code}`, async () => {
    await using portable = await makePortable();
    assert.equal((await run(portable, ["exit", `${code}`])).code, code);
  });
}

Deno.test("launcherHead() leaves standard input, output and error to the program, cold and warm", async () => {
  await using portable = await makePortable();
  for (const _start of ["cold", "warm"]) {
    const got = await run(portable, ["cat"], { stdin: "one\ntwo\0three" });
    assert.deepEqual(got, { code: 0, stdout: "one\ntwo\0three", stderr: "to standard error\n" });
  }
});

Deno.test("launcherHead() keeps the process id", async () => {
  await using portable = await makePortable();
  for (const _start of ["cold", "warm"]) {
    const child = command(portable, ["pid"]).spawn();
    await child.stdin.close();
    const { stdout } = await child.output();
    assert.equal(Number(new TextDecoder().decode(stdout)), child.pid);
  }
});

Deno.test("launcherHead() keeps inherited descriptors", async () => {
  await using portable = await makePortable();
  await Deno.writeTextFile(join(portable.root, "inherited"), "from descriptor 3");
  const by = ["/bin/sh", "-c", `exec 3<"$HOME/../inherited"; exec "$0" "$@"`];
  for (const _start of ["cold", "warm"]) {
    assert.equal((await run(portable, ["fd3"], { by })).stdout, "from descriptor 3");
  }
});

Deno.test("launcherHead() lets signals reach the program", async () => {
  await using portable = await makePortable();
  const child = command(portable, ["wait"]).spawn();
  await child.stdin.close();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await reader.read()).value, "ready\n");
  child.kill("SIGTERM");
  assert.equal((await reader.read()).value, "caught\n");
  await reader.cancel();
  await child.stderr.cancel();
  assert.equal((await child.status).code, 7);
});

Deno.test("launcherHead() changes neither the mask nor the directory, and two variables", async () => {
  await using portable = await makePortable();
  const by = ["/bin/sh", "-c", `umask 027; exec "$0" "$@"`];
  const env = {
    dir: "mine",
    why: "mine",
    name: "mine",
    GZIP: "-1",
    CDPATH: "/usr",
    LC_ALL: "C.UTF-8",
    DENO_DIR: "/mine",
  };
  const cwd = join(portable.root, "home");
  assert.equal((await run(portable, ["umask"], { by, env, cwd })).stdout, `0027\n${cwd}\n`);
  const inside = (await run(portable, ["env"], { env })).stdout.split("\n").filter((line) =>
    !/^(_|PWD|SHLVL|OLDPWD)=/.test(line)
  );
  const dir = await where(portable);
  const home = join(portable.root, "home");
  assert.deepEqual(
    inside.filter(Boolean).sort(),
    [
      ...["dir=mine", "why=mine", "name=mine", "GZIP=-1", "CDPATH=/usr", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"],
      ...[`HOME=${home}`, `TMPDIR=${join(portable.root, "tmp")}`, `XDG_CACHE_HOME=${join(portable.root, "xdg")}`],
      ...[`DENO_DIR=${dir}/deno_dir`, "DENO_NO_UPDATE_CHECK=1"],
    ].sort(),
  );
});

Deno.test("launcherHead() says nothing where SIGPIPE is ignored", async () => {
  await using portable = await makePortable(1_000_000);
  const by = ["/bin/sh", "-c", `trap "" PIPE; exec "$0" "$@"`];
  assert.deepEqual(await run(portable, ["exit", "0"], { by }), { code: 0, stdout: "", stderr: "" });
});

Deno.test("launcherHead() starts without an environment", async () => {
  await using portable = await makePortable();
  const by = ["/usr/bin/env", "-i", `TMPDIR=${join(portable.root, "tmp")}`];
  assert.equal((await run(portable, ["args", "a"], { by })).stdout, "[a]");
});

for (const shell of [["/bin/dash"], ["/bin/bash"], ["/bin/bash", "--posix"], ["/bin/busybox", "sh"]]) {
  testUnless(
    isFile(shell[0] ?? "") ? undefined : "it is not installed",
    `launcherHead() is read by ${shell.join(" ")}`,
    async () => {
      await using portable = await makePortable();
      for (const _start of ["cold", "warm"]) {
        assert.equal((await run(portable, ["args", "a b"], { by: shell })).stdout, "[a b]");
      }
    },
  );
}

const FILE = { name: "deno", sha256: "00ff", packedBytes: 10 };
const LAUNCH: Launch = { program: "limier", files: [FILE], id: "ab12", args: ["run"] };

const unquoted: [what: string, launch: Partial<Launch>][] = [
  ["a name with a space", { files: [{ ...FILE, name: "main js" }] }],
  ["a name with a slash", { files: [{ ...FILE, name: "../deno" }] }],
  ["a name with a quote", { files: [{ ...FILE, name: "a'b" }] }],
  ["an empty name", { files: [{ ...FILE, name: "" }] }],
  ["a sum with a newline", { files: [{ ...FILE, sha256: "00\nff" }] }],
  ["a program with a $", { program: "$HOME" }],
  ["an id with a backquote", { id: "`id`" }],
  ["an argument with a quote", { args: [`a"b`] }],
  ["an argument with a command", { args: ["$(id)"] }],
];
for (const [what, part] of unquoted) {
  Deno.test(`launcherHead() refuses ${what}`, () =>
    assert.throws(() => launcherHead({ ...LAUNCH, ...part }), RangeError));
}

Deno.test("launcherHead() says where its payload begins, whatever its own length", () => {
  for (let extra = 1; extra < 40; extra++) {
    const head = launcherHead({ ...LAUNCH, args: ["x".repeat(extra * 173)], files: [FILE, { ...FILE, name: "b" }] });
    assert.match(head, new RegExp(`^  part deno ${head.length + 1} 10 `, "m"));
    assert.match(head, new RegExp(`^  part b ${head.length + 11} 10 `, "m"));
  }
});
