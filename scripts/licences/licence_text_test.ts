import assert from "node:assert/strict";
import { projectIn } from "../compile/testing.ts";
import { LicenceError, licenceText } from "./licence_text.ts";

const ADDRESS = "https://jsr.io/@std/yaml/1.1.0/";

function noFetch(): Promise<string | null> {
  return Promise.reject(new Error("an npm package is read from the cache"));
}

const texts: [what: string, files: Record<string, string>, want: string][] = [
  ["LICENSE", { "LICENSE": "MIT\n\n", "README.md": "no", "license_test.js": "no" }, "MIT"],
  ["license.md", { "license.md": "one\r\ntwo\r\n" }, "one\ntwo"],
  ["a notice too", { "NOTICE": "notice", "LICENCE-MIT.txt": "MIT", "src/LICENSE": "no" }, "MIT\n\nnotice"],
  ["COPYING", { "COPYING": "GPL" }, "GPL"],
  [
    "a readme's section",
    { "README.md": "# a\n\n## License\n\nCopyright me\n\nPermission is hereby granted.\n\n## Thanks\n\nall\n" },
    "Copyright me\n\nPermission is hereby granted.",
  ],
];
for (const [what, files, want] of texts) {
  Deno.test(`licenceText() reads ${what} of an npm package`, async () => {
    await using project = await projectIn(files);
    const origin = { kind: "npm", directory: project.root } as const;
    assert.equal(await licenceText({ name: "a", version: "1.0.0", origin }, noFetch), want);
  });
}

Deno.test("licenceText() refuses an npm package without one, or that is not there", async () => {
  await using project = await projectIn({ "README.md": "# License\n\nMIT, see elsewhere" });
  for (const directory of [project.root, `${project.root}/gone`]) {
    await assert.rejects(
      licenceText({ name: "a", version: "1.0.0", origin: { kind: "npm", directory } }, noFetch),
      (error) => error instanceof LicenceError && /licence of a@1\.0\.0/.test(error.message),
    );
  }
});

Deno.test("licenceText() fetches the first that a JSR package has", async () => {
  const asked: string[] = [];
  const text = await licenceText(
    { name: "@std/yaml", version: "1.1.0", origin: { kind: "jsr", address: ADDRESS } },
    (address) => Promise.resolve(asked.push(address) === 2 ? "MIT\n" : null),
  );
  assert.equal(text, "MIT");
  assert.deepEqual(asked, [`${ADDRESS}LICENSE`, `${ADDRESS}LICENSE.md`]);
});

Deno.test("licenceText() refuses a JSR package without one", async () => {
  const origin = { kind: "jsr", address: ADDRESS } as const;
  const nothing = () => Promise.resolve(null);
  await assert.rejects(licenceText({ name: "@std/yaml", version: "1.1.0", origin }, nothing), LicenceError);
});
