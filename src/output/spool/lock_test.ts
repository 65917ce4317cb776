import assert from "node:assert/strict";
import { LockHeld } from "../../linux/mod.ts";
import { lockByName, lockSpool } from "./lock.ts";

for (const [name, take] of [["lockSpool", lockSpool], ["lockByName", lockByName]] as const) {
  Deno.test(`${name}() holds until it is released`, () => {
    const path = `${Deno.makeTempDirSync()}/lock`;
    const lock = take(path);
    assert.throws(() => take(path), (error) => error instanceof LockHeld && error.code === "linux.lock_held");
    lock.release();
    take(path).release();
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
  });
}

for (const left of ["", "no number", "0", "2147483646"]) {
  Deno.test(`lockByName() takes over a lock that says ${JSON.stringify(left)}`, () => {
    const path = `${Deno.makeTempDirSync()}/lock`;
    Deno.writeTextFileSync(path, left);
    lockByName(path).release();
  });
}

Deno.test("lockByName() says why a lock can't be made", () => {
  assert.throws(() => lockByName(`${Deno.makeTempDirSync()}/none/lock`), Deno.errors.NotFound);
});
