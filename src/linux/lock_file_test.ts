import assert from "node:assert/strict";
import { SystemError } from "./errno.ts";
import { lockFile, LockHeld } from "./lock_file.ts";
import { linuxTest } from "./testing.ts";

linuxTest("lockFile() holds until released, and leaves no file behind", () => {
  const path = `${Deno.makeTempDirSync()}/x.lock`;
  const lock = lockFile(path);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  assert.throws(() => lockFile(path), (error) => {
    assert.ok(error instanceof LockHeld && error instanceof SystemError);
    assert.equal(error.code, "linux.lock_held");
    assert.match(error.message, /^Cannot lock .*x\.lock: EAGAIN .*: another instance holds the lock/);
    return true;
  });
  lock.release();
  assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
  lock.release();
  using again = lockFile(path);
  assert.equal(again.path, path);
});

linuxTest("lockFile() takes a lock file that a killed process left", () => {
  const path = `${Deno.makeTempDirSync()}/x.lock`;
  Deno.writeTextFileSync(path, "");
  using lock = lockFile(path);
  assert.equal(lock.path, path);
});

linuxTest("lockFile() refuses while another process holds it, and gets it when that process is killed", async () => {
  const path = `${Deno.makeTempDirSync()}/x.lock`;
  const source = `import { lockFile } from ${JSON.stringify(new URL("./lock_file.ts", import.meta.url).href)};
    const held = lockFile(${JSON.stringify(path)}); console.log("held"); setInterval(() => held, 1000);`;
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", source], stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  try {
    assert.throws(() => lockFile(path), LockHeld);
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
  }
  using lock = lockFile(path);
  assert.equal(lock.path, path);
});

linuxTest("lockFile() says why a path cannot be opened", () => {
  const directory = Deno.makeTempDirSync();
  assert.throws(() => lockFile(`${directory}/none/x.lock`), {
    message: `Cannot open the lock ${directory}/none/x.lock: ENOENT (no such file or directory): ` +
      "create its directory first",
  });
  assert.throws(() => lockFile(directory), { errno: "EISDIR" });
  assert.throws(() => lockFile("a\0b"), RangeError);
  Deno.symlinkSync("/nowhere", `${directory}/link.lock`);
  assert.throws(() => lockFile(`${directory}/link.lock`), { errno: "ELOOP" });
});
