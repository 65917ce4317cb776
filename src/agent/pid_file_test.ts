import assert from "node:assert/strict";
import { join } from "node:path";
import { holdPidFile, PidFileError } from "./pid_file.ts";

Deno.test("holdPidFile() writes our number, and removes it", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "a.pid");
  for (const before of ["", "nonsense", "4194305", String(Deno.pid)]) {
    if (before !== "") await Deno.writeTextFile(path, before);
    using _held = holdPidFile(path);
    assert.equal(await Deno.readTextFile(path), String(Deno.pid));
  }
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("holdPidFile() refuses when another process lives, and leaves its file alone", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "a.pid");
  await Deno.writeTextFile(path, String(Deno.ppid));
  assert.throws(
    () => holdPidFile(path),
    (error) => error instanceof PidFileError && error.isTaken && /is running/.test(error.message),
  );
  assert.equal(await Deno.readTextFile(path), String(Deno.ppid));
  const held = holdPidFile(join(folder, "b.pid"));
  await Deno.writeTextFile(join(folder, "b.pid"), "1");
  held[Symbol.dispose]();
  assert.equal(await Deno.readTextFile(join(folder, "b.pid")), "1");
  assert.throws(() => holdPidFile(join(folder, "no", "such.pid")), PidFileError);
  await Deno.remove(folder, { recursive: true });
});
