import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { findingLines } from "./doctor.ts";

Deno.test("findingLines() writes a line a finding, with what mends it", () => {
  assert.deepEqual(
    findingLines([
      { name: "kernel", level: "ok", message: "6.1" },
      { name: "udp drops", level: "warn", message: "3\nlost", mend: "sudo sysctl" },
    ]),
    ["ok    kernel     6.1", "warn  udp drops  3 lost -> sudo sysctl"],
  );
  assert.deepEqual(findingLines([]), []);
});

async function limierDoctor(...args: string[]) {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", main, "doctor", ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("limier doctor looks at this host", async () => {
  const { code, out, err } = await limierDoctor();
  assert.equal(err, "");
  const lines = out.trimEnd().split("\n");
  for (const line of lines) assert.match(line, /^(ok {2}|warn|fail) {2}\S/);
  assert.equal(code, lines.some((line) => line.startsWith("fail")) ? 1 : 0);
  assert.ok(lines.some((line) => line.includes("port 8125")));
});

Deno.test("limier doctor --json prints one object", async () => {
  const { code, out } = await limierDoctor("--json");
  const { healthy, findings } = JSON.parse(out);
  assert.equal(code, healthy ? 0 : 1);
  assert.ok(findings.length > 3);
});

for (const argument of ["now", "--fix"]) {
  Deno.test(`limier doctor refuses ${argument}`, async () => {
    const { code, out, err } = await limierDoctor(argument);
    assert.deepEqual({ code, out }, { code: 2, out: "" });
    assert.match(err, /^Cannot use /);
  });
}
