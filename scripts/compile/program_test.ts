import assert from "node:assert/strict";
import { join } from "node:path";
import { buildEnvironment, findProgram, replaceFile, runtimeFlags, V8_FLAGS } from "./program.ts";
import { projectIn } from "./testing.ts";

Deno.test("findProgram() finds the workers and the unstable features", async () => {
  await using project = await projectIn({
    "deno.json": `{ "unstable": ["net", "worker-options"] }`,
    "src/main.ts": "",
    "src/a_worker.ts": "",
    "src/deep/er/b_worker.ts": "",
    "src/deep/b_worker_test.ts": "",
    "src/deep/worker.ts": "",
    "scripts/c_worker.ts": "",
  });
  assert.deepEqual(await findProgram(project.root), {
    root: project.root,
    entry: "src/main.ts",
    workers: ["src/a_worker.ts", "src/deep/er/b_worker.ts"],
    unstable: ["net", "worker-options"],
  });
});

Deno.test("findProgram() refuses a directory without a program", async () => {
  await using project = await projectIn({});
  await assert.rejects(findProgram(project.root), Deno.errors.NotFound);
});

Deno.test("runtimeFlags() allows all, asks nothing and switches the unstable features on", () => {
  assert.deepEqual(runtimeFlags({ unstable: ["net"] }), ["--allow-all", "--no-prompt", V8_FLAGS, "--unstable-net"]);
  assert.deepEqual(runtimeFlags({ unstable: [] }), ["--allow-all", "--no-prompt", V8_FLAGS]);
});

const dates: [what: string, nowMs: number, epoch: string | undefined, want: string][] = [
  ["now", 1_767_323_045_678, undefined, "2026-01-02T03:04:05Z"],
  ["SOURCE_DATE_EPOCH", 1_767_323_045_678, "1700000000", "2023-11-14T22:13:20Z"],
  ["SOURCE_DATE_EPOCH 0", 1_767_323_045_678, "0", "1970-01-01T00:00:00Z"],
  ["now if SOURCE_DATE_EPOCH is no number", 1_767_323_045_678, "yesterday", "2026-01-02T03:04:05Z"],
  ["now if SOURCE_DATE_EPOCH is empty", 1_767_323_045_678, "", "2026-01-02T03:04:05Z"],
];
for (const [what, nowMs, epoch, want] of dates) {
  Deno.test(`buildEnvironment() tells ${what}`, () => {
    assert.equal(buildEnvironment(nowMs, epoch), `LIMIER_BUILD_DATE=${want}\n`);
  });
}

Deno.test("replaceFile() replaces a file that is there, and leaves it alone if writing fails", async () => {
  await using project = await projectIn({ "dist/limier": "old" });
  const path = join(project.root, "dist", "limier");
  await assert.rejects(
    replaceFile(path, async (draft) => {
      await Deno.writeTextFile(draft, "half");
      throw new Error("no space");
    }),
    /no space/,
  );
  assert.equal(await Deno.readTextFile(path), "old");
  await replaceFile(path, (draft) => Deno.writeTextFile(draft, "new"));
  assert.equal(await Deno.readTextFile(path), "new");
  assert.deepEqual([...Deno.readDirSync(join(project.root, "dist"))].map(({ name }) => name), ["limier"]);
});

Deno.test("replaceFile() makes the directory", async () => {
  await using project = await projectIn({});
  await replaceFile(join(project.root, "a/b/c"), (draft) => Deno.writeTextFile(draft, "x"));
  assert.equal(await Deno.readTextFile(join(project.root, "a/b/c")), "x");
});
