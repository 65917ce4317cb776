import assert from "node:assert/strict";
import { effectiveCapabilities, glibcVersion, readHostFacts } from "./host_facts.ts";
import { linuxTest } from "./testing.ts";

function fakeRoot(files: Record<string, string>): string {
  const root = Deno.makeTempDirSync();
  for (const [path, text] of Object.entries(files)) {
    Deno.mkdirSync(root + path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(root + path, text);
  }
  return root;
}

const files = {
  "/proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
  "/sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
  "/sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet acpi_pm \n",
  "/proc/sys/net/core/rmem_max": "212992\n",
  "/proc/sys/net/core/rmem_default": "212991\n",
  "/proc/sys/net/core/netdev_max_backlog": "1000\n",
  "/proc/sys/net/core/somaxconn": "4096\n",
  "/proc/self/status":
    "Name:\tlimier\nCapPrm:\t0000000000003000\nCapEff:\t0000000000001400\nCapBnd:\tffffffffffffffff\n",
  "/proc/sys/kernel/unprivileged_bpf_disabled": "2\n",
  "/proc/sys/net/core/bpf_jit_enable": "1\n",
  "/proc/sys/net/ipv6/bindv6only": "0\n",
};

Deno.test("readHostFacts() reads them all", () => {
  assert.deepEqual(readHostFacts({ root: fakeRoot(files), glibcVersion: () => "2.36" }), {
    kernelRelease: "6.1.0-18-amd64",
    glibc: "2.36",
    clocksource: "tsc",
    clocksourcesAvailable: ["tsc", "hpet", "acpi_pm"],
    receiveBufferMaxBytes: 212992,
    receiveBufferDefaultBytes: 212991,
    netdevMaxBacklog: 1000,
    maxListenBacklog: 4096,
    capabilities: ["CAP_NET_BIND_SERVICE", "CAP_NET_ADMIN"],
    unprivilegedBpfDisabled: 2,
    bpfJitEnable: 1,
    ipv6BindOnly: 0,
    unread: [],
  });
});

Deno.test("readHostFacts() leaves null what cannot be read, and says why", () => {
  const facts = readHostFacts({
    root: fakeRoot({ "/proc/sys/net/core/rmem_max": "lots\n", "/proc/self/status": "Name:\tx\n" }),
    glibcVersion: () => null,
  });
  assert.equal(facts.receiveBufferMaxBytes, null);
  assert.equal(facts.capabilities, null);
  assert.equal(facts.kernelRelease, null);
  assert.equal(facts.clocksourcesAvailable, null);
  assert.ok(facts.unread.some(({ path, reason }) => path.endsWith("/rmem_max") && reason === "it is no number: lots"));
  assert.ok(facts.unread.some(({ path }) => path === "/proc/sys/kernel/osrelease"));
});

const capabilitySets: [status: string, names: string[] | null][] = [
  ["CapEff:\t0000000000000000\n", []],
  ["CapEff:\t0000000000000001", ["CAP_CHOWN"]],
  ["a\nCapEff:\t000001c000000000\nb", ["CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"]],
  ["CapEff:\t8000020000000000\n", ["CAP_41", "CAP_63"]],
  ["CapPrm:\t0000000000000001\n", null],
  ["CapEff:\tzz\n", null],
  ["", null],
];

for (const [status, names] of capabilitySets) {
  Deno.test(`effectiveCapabilities() reads ${JSON.stringify(status)}`, () => {
    assert.deepEqual(effectiveCapabilities(status), names);
  });
}

linuxTest("readHostFacts() reads this host", () => {
  const facts = readHostFacts();
  assert.match(facts.kernelRelease ?? "", /^\d+\.\d+/);
  assert.match(glibcVersion() ?? "", /^2\.\d+$/);
  assert.ok((facts.receiveBufferMaxBytes ?? 0) > 0);
});
