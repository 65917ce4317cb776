import assert from "node:assert/strict";
import { type LibcHost, LinuxUnavailable, loadLibc, openLibc, type UnavailableReason } from "./libc.ts";
import { linuxTest } from "./testing.ts";

function host(os: string, arch: string, failure?: Error): LibcHost {
  return {
    os,
    arch,
    dlopen() {
      throw failure ?? new Error("dlopen was not expected");
    },
  };
}

const refusals: [what: string, host: LibcHost, reason: UnavailableReason, message: RegExp][] = [
  ["macOS", host("darwin", "aarch64"), "not_linux", /^Cannot call libc: this is darwin/],
  ["another architecture", host("linux", "riscv64"), "wrong_architecture", /not riscv64/],
  ["no permission", host("linux", "x86_64", new Deno.errors.NotCapable("no")), "not_permitted", /--allow-ffi/],
  ["no glibc", host("linux", "aarch64", new Error("cannot open shared object file")), "no_libc", /cannot open shared/],
];

for (const [what, on, reason, message] of refusals) {
  Deno.test(`loadLibc() says why not: ${what}`, () => {
    assert.throws(() => loadLibc(on), (error) => {
      assert.ok(error instanceof LinuxUnavailable);
      assert.equal(error.reason, reason);
      assert.equal(error.code, "linux.unavailable");
      assert.match(error.message, message);
      return true;
    });
  });
}

linuxTest("openLibc() opens once", () => {
  const libc = openLibc();
  assert.equal(openLibc(), libc);
  assert.equal(libc.close(-1), -1);
});

Deno.test("the face imports without any permission, and only a call is refused", async () => {
  const face = new URL("./mod.ts", import.meta.url).href;
  const program = `import { openLibc, LinuxUnavailable } from ${JSON.stringify(face)};
    try { openLibc(); console.log("opened"); }
    catch (error) { console.log(error instanceof LinuxUnavailable ? error.reason : String(error)); }`;
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, program);
    const bare = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", script],
    }).output();
    const said = new TextDecoder().decode(bare.stdout).trim();
    assert.equal(said, Deno.build.os === "linux" ? "not_permitted" : "not_linux");
  } finally {
    await Deno.remove(script);
  }
});
