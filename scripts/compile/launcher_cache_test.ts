import assert from "node:assert/strict";
import { join } from "node:path";
import { makePortable, run, where } from "./launcher_testing.ts";
import { testUnless } from "../../src/testing/mod.ts";

Deno.test("launcherHead() unpacks once, for its owner only", async () => {
  await using portable = await makePortable();
  const dir = await where(portable);
  assert.ok(dir.startsWith(join(portable.root, "xdg", portable.program) + "/"));
  const modes = ["", "deno", "main.js"].map((name) => (Deno.statSync(join(dir, name)).mode ?? 0) & 0o7777);
  assert.deepEqual(modes, [0o700, 0o500, 0o400]);
  const before = await Deno.stat(join(dir, "deno"));
  for (const env of [{}, { TZ: "Asia/Kathmandu" }, { LC_ALL: "de_DE.UTF-8" }]) {
    assert.equal(await where(portable, { env }), dir);
    assert.equal((await Deno.stat(join(dir, "deno"))).ino, before.ino);
  }
  assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), ["deno", "main.js", "seal"]);
});

Deno.test("launcherHead() starts many at once on an empty cache", async () => {
  await using portable = await makePortable();
  const starts = await Promise.all(Array.from({ length: 12 }, () => run(portable, ["program"])));
  for (const start of starts) assert.deepEqual(start, { code: 0, stdout: "the program's text\n", stderr: "" });
  const dir = await where(portable);
  assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), ["deno", "main.js", "seal"]);
  const { ino } = await Deno.stat(join(dir, "deno"));
  await where(portable);
  assert.equal((await Deno.stat(join(dir, "deno"))).ino, ino);
});

const tampered: [what: string, tamper: (dir: string) => Promise<void>][] = [
  ["a file of other text, of the same length and time", async (dir) => {
    const path = join(dir, "main.js");
    const { mtime } = await Deno.stat(path);
    await Deno.chmod(path, 0o600);
    await Deno.writeTextFile(path, "another one's text\n");
    await Deno.chmod(path, 0o400);
    await Deno.utime(path, mtime ?? 0, mtime ?? 0);
  }],
  ["another executable", async (dir) => {
    await Deno.remove(join(dir, "deno"));
    await Deno.writeTextFile(join(dir, "deno"), "#!/bin/sh\necho tampered with\n", { mode: 0o500 });
  }],
  ["a file that others can write to", (dir) => Deno.chmod(join(dir, "main.js"), 0o666)],
  ["a file cut short", async (dir) => {
    await Deno.chmod(join(dir, "main.js"), 0o600);
    await Deno.truncate(join(dir, "main.js"), 3);
  }],
  ["a missing file", (dir) => Deno.remove(join(dir, "main.js"))],
  ["a link in place of a file", async (dir) => {
    await Deno.remove(join(dir, "main.js"));
    await Deno.symlink("/etc/hostname", join(dir, "main.js"));
  }],
  ["an empty seal", (dir) => Deno.writeTextFile(join(dir, "seal"), "")],
  ["no seal", (dir) => Deno.remove(join(dir, "seal"))],
];
for (const [what, tamper] of tampered) {
  Deno.test(`launcherHead() unpacks again over ${what}`, async () => {
    await using portable = await makePortable();
    const dir = await where(portable);
    await tamper(dir);
    assert.deepEqual(await run(portable, ["program"]), { code: 0, stdout: "the program's text\n", stderr: "" });
    assert.equal(await where(portable), dir);
  });
}

const unsafe: [what: string, spoil: (cache: string, dir: string) => Promise<void>, ignore?: boolean][] = [
  ["a directory that all can write to", (_cache, dir) => Deno.chmod(dir, 0o777)],
  ["a directory that its group can write to", (_cache, dir) => Deno.chmod(dir, 0o770)],
  ["a directory that all can read", (_cache, dir) => Deno.chmod(dir, 0o755)],
  ["a directory in one that all can write to", (cache) => Deno.chmod(cache, 0o777)],
  ["a directory in one that its group can write to", (cache) => Deno.chmod(cache, 0o2775)],
  ["a directory of another user", (_cache, dir) => Deno.chown(dir, 65_534, null), Deno.uid() !== 0],
  ["a directory in one of another user", (cache) => Deno.chown(cache, 65_534, null), Deno.uid() !== 0],
  ["a file in place of the directory", async (_cache, dir) => {
    await Deno.remove(dir, { recursive: true });
    await Deno.writeTextFile(dir, "");
  }],
  ["a link in place of the directory", async (cache, dir) => {
    await Deno.rename(dir, join(cache, "elsewhere"));
    await Deno.symlink(join(cache, "elsewhere"), dir);
  }],
  ["a file in place of the cache", async (cache) => {
    await Deno.remove(cache, { recursive: true });
    await Deno.writeTextFile(cache, "");
  }],
];
for (const [what, spoil, ignore = false] of unsafe) {
  Deno.test({
    name: `launcherHead() turns away from ${what}`,
    ignore,
    async fn() {
      await using portable = await makePortable();
      const dir = await where(portable);
      await spoil(join(portable.root, "xdg", portable.program), dir);
      const next = await where(portable);
      assert.notEqual(next, dir);
      assert.ok(!next.startsWith(join(portable.root, "xdg")), next);
      assert.equal(await where(portable), next);
    },
  });
}

Deno.test("launcherHead() accepts a sticky directory that all can write to above", async () => {
  await using portable = await makePortable();
  await Deno.chmod(join(portable.root, "xdg"), 0o1777);
  assert.ok((await where(portable)).startsWith(join(portable.root, "xdg")));
});

Deno.test("launcherHead() takes no relative XDG_CACHE_HOME", async () => {
  await using portable = await makePortable();
  const cwd = join(portable.root, "home");
  assert.ok((await where(portable, { cwd, env: { XDG_CACHE_HOME: "cache" } })).startsWith("/"));
  assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name).filter((name) => name === "cache"), []);
});

Deno.test("launcherHead() refuses a damaged payload and leaves nothing behind", async () => {
  for (const cut of [1, 60, 200]) {
    await using portable = await makePortable();
    const { size } = await Deno.stat(portable.path);
    await Deno.truncate(portable.path, size - cut);
    const { code, stdout, stderr } = await run(portable, ["where"]);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /Cannot start limier-test-\w+: no directory to unpack it into/);
    for await (const { name } of Deno.readDir(join(portable.root, "xdg", portable.program))) {
      assert.deepEqual([...Deno.readDirSync(join(portable.root, "xdg", portable.program, name))], []);
    }
  }
});

testUnless(
  Deno.uid() === 0 ? undefined : "it needs root",
  "launcherHead() makes nothing in a cache of another user",
  async () => {
    await using portable = await makePortable();
    const cache = join(portable.root, "xdg");
    await Deno.chown(cache, 65_534, null);
    assert.ok(!(await where(portable)).startsWith(cache));
    assert.deepEqual([...Deno.readDirSync(cache)].map(({ name }) => name), ["x"]);
  },
);

Deno.test("launcherHead() makes the directories above its own", async () => {
  await using portable = await makePortable();
  const cache = join(portable.root, "deep/er");
  assert.ok((await where(portable, { env: { XDG_CACHE_HOME: cache } })).startsWith(`${cache}/`));
});

Deno.test("launcherHead() follows links to a directory that is safe, and none to another", async () => {
  await using portable = await makePortable();
  const [link, target] = [join(portable.root, "link"), join(portable.root, "tmp")];
  await Deno.symlink(target, link);
  const start = { env: { XDG_CACHE_HOME: link } };
  assert.ok((await where(portable, start)).startsWith(`${target}/`));
  await Deno.chmod(target, 0o777);
  assert.ok(!(await where(portable, start)).startsWith(target));
});
