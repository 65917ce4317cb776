import assert from "node:assert/strict";
import { readTree } from "./check_layers.ts";
import { type Project, projectIn } from "./compile/testing.ts";

const SCRIPT = new URL("./check_layers.ts", import.meta.url).pathname;

async function check({ root }: Project): Promise<{ code: number; said: string }> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", SCRIPT, root] }).output();
  return { code, said: new TextDecoder().decode(stderr) };
}

Deno.test("readTree() reads TypeScript of the trees that are there", async () => {
  await using project = await projectIn({
    "src/clock/mod.ts": "export {};",
    "src/clock/page.html": "<p>",
    "scripts/deep/er/x.ts": "",
    "dist/y.ts": "",
    "mod.ts": "1",
  });
  const files = await readTree(project.root);
  assert.deepEqual([...files].sort(), [["mod.ts", "1"], ["scripts/deep/er/x.ts", ""], [
    "src/clock/mod.ts",
    "export {};",
  ]]);
});

Deno.test("check_layers.ts exits 0 and says nothing of a tree that is right", async () => {
  await using project = await projectIn({ "src/clock/mod.ts": `export * from "./real.ts";`, "src/clock/real.ts": "" });
  assert.deepEqual(await check(project), { code: 0, said: "" });
});

Deno.test("check_layers.ts names each wrong import and exits 1", async () => {
  await using project = await projectIn({ "src/clock/mod.ts": `\nimport "../agent/mod.ts";` });
  assert.deepEqual(await check(project), {
    code: 1,
    said: "src/clock/mod.ts:2: Cannot import src/agent/mod.ts here: agent stands above clock; " +
      "take what is needed as an argument, or move it down\n1 wrong in 1 files\n",
  });
});
