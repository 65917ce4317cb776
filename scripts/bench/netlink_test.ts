import assert from "node:assert/strict";
import { buildFloor } from "../floor/build.ts";
import { benchNetlink } from "./netlink.ts";
import { testUnless } from "../../src/testing/mod.ts";

/** It takes a network namespace: root, unshare(1), nsenter(1), ss(8), and a C compiler. */
async function canRun(): Promise<boolean> {
  if (Deno.build.os !== "linux" || await buildFloor("netlink_floor") === null) return false;
  try {
    const probe = new Deno.Command("unshare", { args: ["-n", "nsenter", "--version"], stdout: "null", stderr: "null" });
    const ss = new Deno.Command("ss", { args: ["-V"], stdout: "null", stderr: "null" });
    return (await probe.output()).success && (await ss.output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

testUnless(
  await canRun() ? undefined : "it needs root, nsenter, ss and a C compiler",
  "benchNetlink() decodes as many sockets as the C floor sees, and prints a row a size",
  async () => {
    const printed: string[] = [];
    const code = await benchNetlink({ sockets: [2000, 3000], rounds: 1, cycles: 2 }, (line) => printed.push(line));
    assert.equal(code, 0, printed.join("\n"));
    assert.match(printed.at(-2)!, /^ +2000 +\d+ k +\d+ k +\d+ k +\d+\.\d\d /);
    assert.match(printed.at(-1)!, /^ +3000 +\d+ k +\d+ k +\d+ k +\d+\.\d\d /);
  },
);
