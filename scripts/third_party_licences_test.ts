import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { projectIn } from "./compile/testing.ts";
import { formatLicences, packagesOf } from "./third_party_licences.ts";

Deno.test("formatLicences() lists the titles and puts each text under its own", () => {
  const text = formatLicences([{ title: "a 1.0.0", text: "A\n" }, { title: "b 2.0.0", text: "B\nB\n\n" }]);
  const line = "-".repeat(80);
  assert.equal(
    text,
    "Limier carries the works listed here, each under its own licence, which follows.\n\n  a 1.0.0\n  b 2.0.0\n" +
      `\n${line}\na 1.0.0\n${line}\n\nA\n\n${line}\nb 2.0.0\n${line}\n\nB\nB\n`,
  );
});

Deno.test("packagesOf() finds nothing in a program that stands alone", async () => {
  await using project = await projectIn({ "src/main.ts": `import "node:fs";`, "src/x_worker.ts": "export {};" });
  assert.deepEqual(await packagesOf(project.root), []);
});

Deno.test("third_party_licences.ts names what Limier loads, and not what its tests do", async () => {
  await using project = await projectIn({});
  const output = join(project.root, "THIRD_PARTY_LICENCES");
  const script = fileURLToPath(new URL("./third_party_licences.ts", import.meta.url));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", script, output] }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const text = await Deno.readTextFile(output);
  assert.match(text, /^ {2}deno \d+\.\d+\.\d+$/m);
  assert.match(text, /^ {2}yaml 2\.9\.1$/m);
  assert.doesNotMatch(text, /^ {2}(tdigest|hot-shots|@types\/\S+) /m);
});
