import assert from "node:assert/strict";
import { join } from "node:path";
import { openLogFile } from "./log_file.ts";

Deno.test("openLogFile() sets a long file aside, and keeps as many as it is told", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "a.log");
  await Deno.writeTextFile(path, "before\n");
  let nowMs = Date.now();
  const log = openLogFile({ path, maxBytes: 20, maxBackups: 2, maxAgeMs: 0 }, () => nowMs += 1_000);
  for (let i = 0; i < 10; i++) log.write(`line ${i} ...\n`);
  log[Symbol.dispose]();
  assert.equal(await Deno.readTextFile(path), "line 9 ...\n");
  const backups = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).filter((name) =>
    name !== "a.log"
  );
  assert.equal(backups.length, 2);
  const texts = await Promise.all(backups.sort().map((name) => Deno.readTextFile(join(folder, name))));
  assert.deepEqual(texts, ["line 7 ...\n", "line 8 ...\n"]);
  await Deno.remove(folder, { recursive: true });
});
