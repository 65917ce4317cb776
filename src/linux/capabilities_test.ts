import assert from "node:assert/strict";
import { effectiveCapabilities } from "./host_facts.ts";
import { CAPABILITY_NAMES, capabilityNames } from "./capability_names.ts";
import { heldCapabilities } from "./capabilities.ts";
import { linuxTest } from "./testing.ts";
import { testUnless } from "../testing/mod.ts";

const isLinux = Deno.build.os === "linux";
const held = isLinux ? effectiveCapabilities(Deno.readTextFileSync("/proc/self/status")) ?? [] : [];
const NEEDED = ["CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_SETPCAP"];

linuxTest("heldCapabilities() says what /proc says", () => {
  assert.deepEqual(heldCapabilities(), held);
});

const bits: [bits: bigint, names: string[]][] = [
  [0n, []],
  [1n, ["CAP_CHOWN"]],
  [1n << 39n | 1n << 12n, ["CAP_NET_ADMIN", "CAP_BPF"]],
  [1n << 41n, ["CAP_41"]],
];
for (const [value, names] of bits) {
  Deno.test(`capabilityNames() names ${value}`, () => assert.deepEqual(capabilityNames(value), names));
}

Deno.test("every capability has a name of its own", () => {
  assert.deepEqual([CAPABILITY_NAMES.length, new Set(CAPABILITY_NAMES).size], [41, 41]);
});

testUnless(
  NEEDED.every((name) => held.includes(name)) ? undefined : `it needs ${NEEDED.join(", ")}`,
  "keepCapabilities() keeps no more than it is told, in the workers too, and nothing brings the rest back",
  async () => {
    const face = JSON.stringify(new URL("./mod.ts", import.meta.url).href);
    const source = `import { heldCapabilities, keepCapabilities } from ${face};
      const say = (what) => console.log(JSON.stringify(what));
      say(keepCapabilities(["CAP_NET_ADMIN", "CAP_BPF", "CAP_CHOWN"]).includes("CAP_NET_ADMIN"));
      const work = "import { heldCapabilities } from " + ${
      JSON.stringify(face)
    } + "; postMessage(heldCapabilities()); close();";
      const worker = new Worker("data:application/javascript," + encodeURIComponent(work), { type: "module" });
      say(await new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data)));
      say(keepCapabilities(["CAP_NET_ADMIN", "CAP_SYS_PTRACE"]));
      const { stdout } = await new Deno.Command("cat", { args: ["/proc/self/status"] }).output();
      say(new TextDecoder().decode(stdout).match(/CapEff:\\t([0-9a-f]+)/)[1]);`;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", source],
      env: { NO_COLOR: "1" },
    }).output();
    const said = new TextDecoder().decode(stdout).trim().split("\n").filter((line) => line !== "");
    const expected = ["CAP_CHOWN", "CAP_NET_ADMIN", "CAP_BPF"].filter((name) => held.includes(name));
    assert.deepEqual(
      said.map((line) => JSON.parse(line)).slice(0, 3),
      [true, expected, ["CAP_NET_ADMIN"]],
      new TextDecoder().decode(stderr),
    );
    const started = capabilityNames(BigInt(`0x${JSON.parse(said[3]!)}`));
    assert.ok(!started.includes("CAP_SYS_PTRACE"), `${started}`);
  },
);
