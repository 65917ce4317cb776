import assert from "node:assert/strict";
import { defaultUuidPrefix, type PrefixSource, uuidPrefix, UuidPrefixError } from "./uuid_prefix.ts";

const source: PrefixSource = {
  podName: undefined,
  hostname: () => "web1",
  uptime: () => "1000.25 900.00\n",
  nowMs: 1_700_001_000_500,
};
const fail = () => {
  throw new Error("not here");
};
const rows: [what: string, source: PrefixSource, prefix: string][] = [
  ["host and boot time", source, "web1_1700000000_unsafe"],
  ["$POD_NAME instead of the host", { ...source, podName: "pod-7" }, "pod-7_1700000000_unsafe"],
  ["the host for an empty $POD_NAME", { ...source, podName: "" }, "web1_1700000000_unsafe"],
  ["a host without a name", { ...source, hostname: fail }, "BADHOSTNAME"],
  ["a name that is no file's", { ...source, hostname: () => "a/b" }, "BADHOSTNAME"],
  ["a boot time that can't be read", { ...source, uptime: fail }, "web1_BADBOOTTIME"],
  ["an uptime that is no number", { ...source, uptime: () => "soon" }, "web1_BADBOOTTIME"],
  ["an uptime that is empty", { ...source, uptime: () => "" }, "web1_BADBOOTTIME"],
];
for (const [what, source, prefix] of rows) {
  Deno.test(`defaultUuidPrefix() of ${what}`, () => assert.equal(defaultUuidPrefix(source), prefix));
}

Deno.test("uuidPrefix() reads a file without the white space at its end, and refuses what can't be in a name", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "host_1700000000 \n\n");
    assert.equal(uuidPrefix({ uuidPrefix: "", uuidPrefixFile: path }), "host_1700000000");
    await Deno.writeTextFile(path, "a/b");
    assert.throws(() => uuidPrefix({ uuidPrefix: "", uuidPrefixFile: path }), UuidPrefixError);
  } finally {
    await Deno.remove(path);
  }
  assert.throws(() => uuidPrefix({ uuidPrefix: "", uuidPrefixFile: path }), UuidPrefixError);
  assert.equal(uuidPrefix({ uuidPrefix: "here", uuidPrefixFile: "" }), "here");
});
