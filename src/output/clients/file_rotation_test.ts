import assert from "node:assert/strict";
import { rotateWhenFull } from "./file_rotation.ts";

/** Runs `use` in a directory of these files, and returns those that are there afterwards. */
async function withFiles(files: Record<string, string>, use: (path: string) => Promise<void>) {
  const directory = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${directory}/${name}`, text);
    await use(`${directory}/out`);
    const left: Record<string, string> = {};
    for (const { name } of Deno.readDirSync(directory)) left[name] = await Deno.readTextFile(`${directory}/${name}`);
    return left;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const cases: [why: string, before: Record<string, string>, more: number, after: Record<string, string>][] = [
  ["a file that is not there yet", {}, 100, {}],
  ["an empty file", { out: "" }, 100, { out: "" }],
  ["a file with room", { out: "12345" }, 5, { out: "12345" }],
  ["a full file", { out: "12345" }, 6, { "out.1": "12345" }],
  ["a file that is past its limit", { out: "12345678901" }, 0, { "out.1": "12345678901" }],
  ["older files", { out: "new", "out.1": "old" }, 8, { "out.1": "new", "out.2": "old" }],
  [
    "as many as are kept",
    { out: "new", "out.1": "a", "out.2": "b", "out.3": "c" },
    8,
    { "out.1": "new", "out.2": "a", "out.3": "b" },
  ],
  ["a gap", { out: "new", "out.2": "b" }, 8, { "out.1": "new", "out.3": "b" }],
  ["other files", { out: "new", "out.4": "x", "out.gz": "y" }, 8, { "out.1": "new", "out.4": "x", "out.gz": "y" }],
];
for (const [why, before, more, after] of cases) {
  Deno.test(`rotateWhenFull() with ${why}`, async () => {
    const rotated = "out" in before && !("out" in after);
    const left = await withFiles(before, async (path) => {
      assert.equal(await rotateWhenFull(path, more, { max_bytes: 10, keep: 3 }), rotated);
    });
    assert.deepEqual(left, after);
  });
}

Deno.test("rotateWhenFull() keeps a single old file", async () => {
  const left = await withFiles({ out: "new", "out.1": "old" }, async (path) => {
    await rotateWhenFull(path, 8, { max_bytes: 10, keep: 1 });
  });
  assert.deepEqual(left, { "out.1": "new" });
});

Deno.test("rotateWhenFull() leaves what is no regular file", { ignore: Deno.build.os === "windows" }, async () => {
  assert.equal(await rotateWhenFull("/dev/null", 100, { max_bytes: 10, keep: 1 }), false);
});

Deno.test("rotateWhenFull() says what it can't do", async () => {
  await withFiles({ out: "new" }, async (path) => {
    await Deno.mkdir(`${path}.1`);
    await Deno.writeTextFile(`${path}.1/x`, "");
    await assert.rejects(rotateWhenFull(path, 8, { max_bytes: 10, keep: 1 }), Error);
    await Deno.remove(`${path}.1`, { recursive: true });
  });
});
