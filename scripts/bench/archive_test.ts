import assert from "node:assert/strict";
import { benchArchive } from "./archive.ts";
import { canEnterNamespace } from "./tcp_namespace.ts";
import { testUnless } from "../../src/testing/mod.ts";

testUnless(
  await canEnterNamespace() ? undefined : "there may be no network namespace here",
  "benchArchive() finds every connection announced and archived, and prints a row a phase",
  async () => {
    const printed: string[] = [];
    const code = await benchArchive({ sockets: 400, seconds: 2, residentMb: 1000 }, (line) => printed.push(line));
    assert.equal(code, 0, printed.join("\n"));
    assert.match(printed.at(-3)!, /^ +400 +idle +\d+ +\d+ +\d+\.\d +\d+ +\d+ +\d+ +\d+\.\d\d /);
    assert.match(printed.at(-2)!, /^ +400 +busy +\d+ +\d+ +\d+\.\d +\d+ +\d+ +\d+ +\d+\.\d\d /);
    assert.match(printed.at(-1)!, /^archived: 400 connections in 400 files, \d+ records, /);
  },
);
