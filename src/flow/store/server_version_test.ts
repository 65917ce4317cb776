import assert from "node:assert/strict";
import { readVersion, versionFault } from "./server_version.ts";

const versions: [text: string, version: number[] | undefined][] = [
  ["26.5.1.1\n", [26, 5, 1, 1]],
  ["18.16.1", [18, 16, 1]],
  ["24.3.5.46-lts", [24, 3, 5, 46]],
  ["25", undefined],
  ["<html>", undefined],
  ["", undefined],
];
for (const [text, version] of versions) {
  Deno.test(`readVersion() of ${JSON.stringify(text)}`, () => assert.deepEqual(readVersion(text), version));
}

const faults: [version: string, faulty: boolean][] = [
  ["18.16.1", true],
  ["22.3.20.29", true],
  ["22.4.1.1", false],
  ["22.12.6.22", false],
  ["23.1.1.1", true],
  ["23.2.7.31", true],
  ["23.2.7.32", false],
  ["23.3.3.51", true],
  ["23.3.3.52", false],
  ["23.4.3.47", true],
  ["23.5.1.3174", false],
  ["24.3.4.146", true],
  ["24.4.2.141", false],
  ["24.5.1.1762", true],
  ["24.6.1.1", false],
  ["26.5.1.1", false],
];
for (const [version, faulty] of faults) {
  Deno.test(`versionFault() of ${version}`, () =>
    assert.equal(versionFault(readVersion(version)!) !== undefined, faulty));
}
