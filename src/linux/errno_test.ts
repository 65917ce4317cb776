import assert from "node:assert/strict";
import { Errno, errnoName, readErrno, succeed, SystemError, tryCall } from "./errno.ts";
import { openLibc } from "./libc.ts";
import { linuxTest } from "./testing.ts";

Deno.test("errnoName() knows the usual ones and numbers the rest", () => {
  assert.equal(errnoName(98), "EADDRINUSE");
  assert.equal(errnoName(111), "ECONNREFUSED");
  assert.equal(errnoName(4000), "errno 4000");
  for (const [name, number] of Object.entries(Errno)) assert.equal(errnoName(number), name);
});

Deno.test("SystemError says what could not be done, why, and what to do", () => {
  const error = new SystemError(98, { syscall: "bind", action: "bind 127.0.0.1:8125" });
  assert.equal(
    error.message,
    "Cannot bind 127.0.0.1:8125: EADDRINUSE (address already in use): " +
      "stop the program that listens there, or choose another address",
  );
  assert.equal(error.code, "linux.EADDRINUSE");
  assert.equal(error.errno, "EADDRINUSE");
  assert.equal(error.errnoNumber, 98);
  assert.equal(error.syscall, "bind");
  assert.equal(error.name, "SystemError");
});

Deno.test("SystemError prefers the remedy it is given and does without one", () => {
  const given = new SystemError(98, { syscall: "bind", action: "bind x", remedy: "ask Ann" });
  assert.equal(given.message, "Cannot bind x: EADDRINUSE (address already in use): ask Ann");
  const none = new SystemError(90, { syscall: "send", action: "send" });
  assert.equal(none.message, "Cannot send: EMSGSIZE (message too long)");
  const unknown = new SystemError(4000, { syscall: "send", action: "send" });
  assert.equal(unknown.message, "Cannot send: errno 4000 (see errno(3))");
});

linuxTest("readErrno() reads what the last call left", () => {
  const libc = openLibc();
  assert.equal(libc.close(-1), -1);
  assert.equal(readErrno(libc), 9);
});

linuxTest("tryCall() gives the right errno each time, with the collector at work in between", () => {
  const libc = openLibc();
  let garbage: unknown[] = [];
  const wrong = new Map<number, number>();
  for (let i = 0; i < 500_000; i++) {
    garbage.push({ i, bytes: i % 500 === 0 ? new Uint8Array(100_000) : null });
    if (garbage.length > 5_000) garbage = [];
    const outcome = tryCall(libc, () => libc.close(-1));
    if (outcome !== -9) wrong.set(outcome, (wrong.get(outcome) ?? 0) + 1);
  }
  assert.deepEqual([...wrong], []);
});

linuxTest("tryCall() does not believe an errno seen once", () => {
  const libc = openLibc();
  let calls = 0;
  const outcome = tryCall(libc, () => {
    calls++;
    // First a failure with ENOTSOCK or the like on a directory descriptor, then with EBADF for good.
    return calls === 1 ? libc.socket(9999, 1, 0) : libc.close(-1);
  });
  assert.equal(outcome, -9);
  assert.equal(calls, 3);
});

linuxTest("succeed() returns the result, or throws what was attempted", () => {
  const libc = openLibc();
  assert.equal(succeed(libc, { syscall: "f", action: "f" }, () => 7), 7);
  assert.throws(
    () => succeed(libc, { syscall: "close", action: "close it" }, () => libc.close(-1)),
    (error) => error instanceof SystemError && error.errno === "EBADF" && error.syscall === "close",
  );
});
