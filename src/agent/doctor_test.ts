import assert from "node:assert/strict";
import type { HostFacts } from "../linux/mod.ts";
import { diagnose, type DoctorFacts, type Finding, type Level, type PortFact } from "./doctor.ts";

const MIB = 1024 * 1024;

const HOST: HostFacts = {
  kernelRelease: "6.1.0-18-amd64",
  glibc: "2.36",
  clocksource: "tsc",
  clocksourcesAvailable: ["tsc", "hpet"],
  receiveBufferMaxBytes: 4 * MIB,
  receiveBufferDefaultBytes: 212_992,
  netdevMaxBacklog: 1000,
  maxListenBacklog: 4096,
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_BPF", "CAP_NET_BIND_SERVICE"],
  unprivilegedBpfDisabled: 2,
  bpfJitEnable: 1,
  ipv6BindOnly: 0,
  unread: [],
};
const FREE = { refusal: null, owner: null, ownerIsLimier: false, answer: null };
const WELL: DoctorFacts = {
  os: "linux",
  host: HOST,
  ffiRefusal: null,
  receiveBuffers: [{ askedBytes: 2 * MIB, grantedBytes: 2 * MIB }, { askedBytes: 4 * MIB, grantedBytes: 4 * MIB }],
  reuseport: { balancing: "ebpf", notes: [] },
  udp: { received: 1000, bufferDrops: 0 },
  backlogDrops: 0,
  clockSynchronized: true,
  openFiles: { soft: 65_536, hard: 65_536 },
  ports: [{ transport: "udp", port: 8125, ...FREE }, { transport: "tcp", port: 8127, ...FREE }],
  stateDirectory: { path: "/var/lib/limier", exists: true, refusal: null },
};
const REFUSED: DoctorFacts["reuseport"] = {
  balancing: "cbpf",
  notes: ["Cannot make it: EPERM: why; and so on; classic BPF balances instead"],
};
const host = (changes: Partial<HostFacts>): Partial<DoctorFacts> => ({ host: { ...HOST, ...changes } });
const udpPort = (changes: Partial<PortFact>): Partial<DoctorFacts> => ({
  ports: [{ transport: "udp", port: 8125, ...FREE, refusal: "in use", ...changes }],
});
const httpPort = (changes: Partial<PortFact>): Partial<DoctorFacts> => ({
  ports: [{ transport: "tcp", port: 8127, ...FREE, refusal: "in use", ...changes }],
});

Deno.test("diagnose() finds nothing where all is well", () => {
  const findings = diagnose(WELL);
  assert.deepEqual(findings.filter(({ level, mend }) => level !== "ok" || mend !== undefined), []);
  assert.deepEqual(findings.map(({ name }) => name), [
    "kernel",
    "glibc",
    "ffi",
    "receive buffer",
    "receive buffer",
    "udp drops",
    "backlog",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_BPF",
    "CAP_NET_BIND_SERVICE",
    "ebpf",
    "clock source",
    "clock",
    "open files",
    "udp port 8125",
    "tcp port 8127",
    "state",
  ]);
});

/** Facts that differ, and the one finding that tells of it. */
const cases: [changes: Partial<DoctorFacts>, name: string, level: Level, message: RegExp, mend?: string][] = [
  [host({ kernelRelease: "5.1.0" }), "kernel", "ok", /^5\.1\.0$/],
  [host({ kernelRelease: "5.0.21" }), "kernel", "fail", /5\.0\.21, Limier needs 5\.1 or newer/],
  [host({ kernelRelease: "4.19.0" }), "kernel", "fail", /needs 5\.1/],
  [host({ kernelRelease: "10.0" }), "kernel", "ok", /^10\.0$/],
  [host({ kernelRelease: "odd" }), "kernel", "fail", /odd/],
  [
    host({ kernelRelease: null, unread: [{ path: "/proc/sys/kernel/osrelease", reason: "no /proc" }] }),
    "kernel",
    "warn",
    /not known: no \/proc/,
  ],
  [host({ glibc: "2.28" }), "glibc", "ok", /2\.28/],
  [host({ glibc: "2.27" }), "glibc", "fail", /2\.27, Limier needs glibc 2\.28/],
  [host({ glibc: null }), "glibc", "fail", /there is none/],
  [{ ffiRefusal: "Cannot call libc: run with --allow-ffi" }, "ffi", "fail", /--allow-ffi/],

  [
    { ...host({ receiveBufferMaxBytes: 212_992 }), receiveBuffers: [{ askedBytes: 2 * MIB, grantedBytes: 212_992 }] },
    "receive buffer",
    "warn",
    /2MiB asked for, 212992 bytes granted, because net\.core\.rmem_max is 212992/,
    "sudo sysctl -w net.core.rmem_max=2097152",
  ],
  [
    { ...host({ receiveBufferMaxBytes: 212_992 }), receiveBuffers: [{ askedBytes: 2 * MIB, grantedBytes: 2 * MIB }] },
    "receive buffer",
    "ok",
    /granted, past net\.core\.rmem_max \(212992\), as this process has CAP_NET_ADMIN/,
  ],

  [
    { ...host({ receiveBufferMaxBytes: 212_992 }), udp: { received: 7, bufferDrops: 3 } },
    "udp drops",
    "warn",
    /kernel drops .*: 3, .*, because rmem_max is 212992$/,
    "sudo sysctl -w net.core.rmem_max=4194304",
  ],
  [
    { udp: { received: 7, bufferDrops: 3 } },
    "udp drops",
    "warn",
    /3, .*raise statsd\.num_readers/,
    "sudo sysctl -w net.core.rmem_max=8388608",
  ],
  [{ udp: null }, "udp drops", "warn", /not known/],

  [{ backlogDrops: null }, "backlog", "ok", /is 1000$/],
  [
    { backlogDrops: 2 },
    "backlog",
    "warn",
    /2 packets dropped/,
    "sudo sysctl -w net.core.netdev_max_backlog=2000",
  ],
  [host({ netdevMaxBacklog: 300 }), "backlog", "warn", /300/, "sudo sysctl -w net.core.netdev_max_backlog=1000"],
  [host({ netdevMaxBacklog: null }), "backlog", "warn", /says nothing of it/],

  [host({ capabilities: [] }), "CAP_NET_ADMIN", "ok", /^not held/],
  [
    { ...host({ capabilities: [] }), receiveBuffers: [{ askedBytes: 2, grantedBytes: 1 }] },
    "CAP_NET_ADMIN",
    "warn",
    /^not held: receive buffers/,
    'sudo setcap cap_net_admin+ep "$(command -v limier)"',
  ],
  [host({ capabilities: null }), "capabilities", "warn", /not known/],

  [
    { reuseport: REFUSED },
    "ebpf",
    "warn",
    /^no program can be loaded \(Cannot make it: EPERM: why; and so on\): .*classic/,
  ],
  [
    { ...host({ capabilities: [] }), reuseport: REFUSED },
    "ebpf",
    "warn",
    /handed over by classic BPF$/,
    'sudo setcap cap_bpf+ep "$(command -v limier)"',
  ],
  [
    { ...host({ capabilities: ["CAP_NET_BIND_SERVICE"] }), reuseport: REFUSED },
    "ebpf",
    "warn",
    /handed over by classic BPF$/,
    'sudo setcap cap_bpf,cap_net_bind_service+ep "$(command -v limier)"',
  ],
  [
    {
      ...host({ capabilities: [] }),
      reuseport: REFUSED,
      receiveBuffers: [{ askedBytes: 2, grantedBytes: 1 }],
    },
    "ebpf",
    "warn",
    /classic/,
    'sudo setcap cap_net_admin,cap_bpf+ep "$(command -v limier)"',
  ],
  // It says who may load programs of other types.
  [{ ...host({ unprivilegedBpfDisabled: 0 }), reuseport: REFUSED }, "ebpf", "warn", /^no program can be loaded/],
  [{ reuseport: { balancing: "hash", notes: [] } }, "ebpf", "warn", /^no program can be loaded: .*may lose datagrams$/],
  [{ reuseport: null, ffiRefusal: "no libc" }, "ebpf", "warn", /^not known: no libc$/],
  [host({ capabilities: ["CAP_SYS_ADMIN"] }), "ebpf", "ok", /^a program was loaded/],
  [host({ bpfJitEnable: 0 }), "ebpf", "warn", /interpreted/, "sudo sysctl -w net.core.bpf_jit_enable=1"],

  [
    host({ clocksource: "hpet" }),
    "clock source",
    "warn",
    /^hpet: each look/,
    "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource",
  ],
  [host({ clocksource: "xen", clocksourcesAvailable: ["xen"] }), "clock source", "warn", /^xen/],
  [host({ clocksource: "arch_sys_counter" }), "clock source", "ok", /without a system call/],
  [{ clockSynchronized: false }, "clock", "warn", /not synchronised/, "sudo timedatectl set-ntp true"],
  [{ clockSynchronized: null }, "clock", "ok", /can't be read/],

  [{ openFiles: { soft: Infinity, hard: Infinity } }, "open files", "ok", /any number/],
  [{ openFiles: { soft: 1024, hard: 524_288 } }, "open files", "warn", /up to 1024/, "ulimit -n 65536"],
  [{ openFiles: { soft: 1024, hard: 8192 } }, "open files", "warn", /up to 1024/, "ulimit -n 8192"],
  [
    { openFiles: { soft: 1024, hard: 1024 } },
    "open files",
    "warn",
    /up to 1024/,
    "sudo prlimit --pid $$ --nofile=65536",
  ],
  [{ openFiles: null }, "open files", "warn", /not known/],

  [udpPort({}), "udp port 8125", "warn", /in use: .* statsd\.udp_address/, "sudo ss -ulnp 'sport = :8125'"],
  [
    udpPort({ owner: "veneur (pid 7)" }),
    "udp port 8125",
    "warn",
    /veneur \(pid 7\) has it/,
    "sudo ss -ulnp 'sport = :8125'",
  ],
  [udpPort({ owner: "limier (pid 7)", ownerIsLimier: true }), "udp port 8125", "ok", /limier \(pid 7\) has it$/],
  [
    httpPort({ owner: "nginx (pid 7)", answer: "HTTP 404" }),
    "tcp port 8127",
    "warn",
    /nginx \(pid 7\) has it, which answers "HTTP 404": .* http\.address/,
    "sudo ss -tlnp 'sport = :8127'",
  ],
  [httpPort({ owner: "limier (pid 7)", ownerIsLimier: true, answer: "1.2.3" }), "tcp port 8127", "ok", /"1\.2\.3"/],

  [
    { stateDirectory: { path: "/var/lib/limier", exists: false, refusal: null } },
    "state",
    "ok",
    /\/var\/lib\/limier can be made/,
  ],
  [
    { stateDirectory: { path: "/var/lib/limier", exists: true, refusal: "read-only file system" } },
    "state",
    "warn",
    /is not writable \(read-only file system\)/,
    'sudo install -d -o "$(id -un)" /var/lib/limier',
  ],
  [
    { stateDirectory: { path: "/x", exists: false, refusal: "denied" } },
    "state",
    "warn",
    /can't be made \(denied\)/,
    'sudo install -d -o "$(id -un)" /x',
  ],
];
for (const [changes, name, level, message, mend] of cases) {
  Deno.test(`diagnose() finds ${level} for ${name}: ${message.source}`, () => {
    const [finding] = diagnose({ ...WELL, ...changes }).filter((one) => one.name === name);
    assert.ok(finding);
    assert.equal(finding.level, level, finding.message);
    assert.match(finding.message, message);
    assert.equal(finding.mend, mend);
  });
}

Deno.test("diagnose() asks nothing of Linux elsewhere", () => {
  const findings = diagnose({ ...WELL, os: "darwin", ffiRefusal: "this is darwin", receiveBuffers: [] });
  assert.deepEqual(findings.map(({ name, level }: Finding) => `${name} ${level}`), [
    "system warn",
    "udp port 8125 ok",
    "tcp port 8127 ok",
    "state ok",
  ]);
});
