/** What a host lets Limier do: from facts to findings. Pure; `doctor_facts.ts` reads the facts. */
import { formatSize } from "../config/mod.ts";
import type { Balancing, HostFacts } from "../linux/mod.ts";

/** How a finding stands: `warn` costs data or speed, `fail` keeps Limier from running as it should. */
export type Level = "ok" | "warn" | "fail";

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly level: Level;
  /** What is so, and what it means. */
  readonly message: string;
  /** A command that mends it. */
  readonly mend?: string;
}

/** A receive buffer that was asked for on a socket of its own. */
export interface BufferFact {
  readonly askedBytes: number;
  readonly grantedBytes: number;
}

/** A port of the default configuration. */
export interface PortFact {
  readonly transport: "udp" | "tcp";
  readonly port: number;
  /** Why it can't be bound; null when it can. */
  readonly refusal: string | null;
  /** Who has it: `limier (pid 7)`; null where that can't be seen. */
  readonly owner: string | null;
  readonly ownerIsLimier: boolean;
  /** What it says for itself over HTTP, on one line. */
  readonly answer: string | null;
}

/** What {@link diagnose} judges. Null is what could not be read. */
export interface DoctorFacts {
  /** `linux`, `darwin`. */
  readonly os: string;
  readonly host: HostFacts;
  /** Why libc can't be called; null when it can. */
  readonly ffiRefusal: string | null;
  /** Smallest first. */
  readonly receiveBuffers: readonly BufferFact[];
  /** What chose the socket in a group that was opened to be handed over, and what the kernel refused it; null without FFI. */
  readonly reuseport: { readonly balancing: Balancing; readonly notes: readonly string[] } | null;
  /** Of this network namespace, since it was made. */
  readonly udp: { readonly received: number; readonly bufferDrops: number } | null;
  /** Packets dropped because `netdev_max_backlog` was reached, since boot. */
  readonly backlogDrops: number | null;
  readonly clockSynchronized: boolean | null;
  /** Of this process; `Infinity` without a limit. */
  readonly openFiles: { readonly soft: number; readonly hard: number } | null;
  readonly ports: readonly PortFact[];
  readonly stateDirectory: {
    readonly path: string;
    readonly exists: boolean;
    /** Why nothing can be written there, or it can't be made; null when it can. */
    readonly refusal: string | null;
  };
}

const MIN_KERNEL = [5, 1] as const;
const MIN_GLIBC = [2, 28] as const;
/** What `net.core.netdev_max_backlog` is unless it was lowered. */
const USUAL_BACKLOG = 1000;
/** Below this, streams and archives run out of files on a busy host. */
const ENOUGH_FILES = 4096;
/** Clocks that are read without a system call. */
const FAST_CLOCKS = ["tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page"];

/** Judges the facts, in the order in which a person would look. */
export function diagnose(facts: DoctorFacts): Finding[] {
  const ports = facts.ports.map(portFinding);
  if (facts.os !== "linux") {
    const message = `${facts.os}: one thread receives over UDP; what needs Linux's kernel interfaces is missing`;
    return [{ name: "system", level: "warn", message }, ...ports, stateFinding(facts)];
  }
  return [
    kernelFinding(facts),
    glibcFinding(facts),
    ffiFinding(facts),
    ...facts.receiveBuffers.map((buffer) => bufferFinding(buffer, facts)),
    dropsFinding(facts),
    backlogFinding(facts),
    ...capabilityFindings(facts),
    ebpfFinding(facts),
    clockSourceFinding(facts),
    clockFinding(facts),
    openFilesFinding(facts),
    ...ports,
    stateFinding(facts),
  ];
}

function kernelFinding({ host }: DoctorFacts): Finding {
  const name = "kernel";
  const release = host.kernelRelease;
  if (release === null) return unread(name, host, "/proc/sys/kernel/osrelease");
  if (isAtLeast(release, MIN_KERNEL)) return { name, level: "ok", message: release };
  return {
    name,
    level: "fail",
    message: `${release}, Limier needs ${MIN_KERNEL.join(".")} or newer: update the system`,
  };
}

function glibcFinding({ host: { glibc } }: DoctorFacts): Finding {
  const name = "glibc";
  const wanted = `Limier needs glibc ${MIN_GLIBC.join(".")} or newer`;
  if (glibc === null) return { name, level: "fail", message: `there is none that tells its version, ${wanted}` };
  if (isAtLeast(glibc, MIN_GLIBC)) return { name, level: "ok", message: glibc };
  return { name, level: "fail", message: `${glibc}, ${wanted}: update the system` };
}

function ffiFinding({ ffiRefusal }: DoctorFacts): Finding {
  if (ffiRefusal === null) return { name: "ffi", level: "ok", message: "libc can be called" };
  return { name: "ffi", level: "fail", message: ffiRefusal };
}

function bufferFinding({ askedBytes, grantedBytes }: BufferFact, { host }: DoctorFacts): Finding {
  const name = "receive buffer";
  const max = host.receiveBufferMaxBytes;
  if (grantedBytes >= askedBytes) {
    const forced = max !== null && max < askedBytes
      ? `, past net.core.rmem_max (${max}), as this process has CAP_NET_ADMIN`
      : "";
    return { name, level: "ok", message: `${formatSize(askedBytes)} asked for and granted${forced}` };
  }
  return {
    name,
    level: "warn",
    message: `${formatSize(askedBytes)} asked for, ${grantedBytes} bytes granted, because net.core.rmem_max is ` +
      `${max ?? "not known"}: bursts will be dropped`,
    mend: raiseBuffers(askedBytes),
  };
}

function dropsFinding({ udp, host, receiveBuffers }: DoctorFacts): Finding {
  const name = "udp drops";
  if (udp === null) return { name, level: "warn", message: "not known: /proc/net/snmp can't be read" };
  const { received, bufferDrops } = udp;
  if (bufferDrops === 0) return { name, level: "ok", message: `kernel drops: 0 of ${received} datagrams` };
  const message = `kernel drops since boot, of all sockets: ${bufferDrops}, beside ${received} datagrams received`;
  const wantedBytes = Math.max(0, ...receiveBuffers.map(({ askedBytes }) => askedBytes));
  const max = host.receiveBufferMaxBytes;
  if (max !== null && max < wantedBytes) {
    return {
      name,
      level: "warn",
      message: `${message}, because rmem_max is ${max}`,
      mend: raiseBuffers(wantedBytes),
    };
  }
  return {
    name,
    level: "warn",
    message:
      `${message}; buffers may be large enough: if the number grows, raise statsd.num_readers, or the buffers too`,
    mend: raiseBuffers(2 * Math.max(max ?? 0, wantedBytes)),
  };
}

function raiseBuffers(bytes: number): string {
  return `sudo sysctl -w net.core.rmem_max=${bytes}`;
}

function backlogFinding({ host, backlogDrops }: DoctorFacts): Finding {
  const name = "backlog";
  const backlog = host.netdevMaxBacklog;
  if (backlog === null) return unread(name, host, "/proc/sys/net/core/netdev_max_backlog");
  const dropped = backlogDrops === null ? "" : `, ${backlogDrops} packets dropped there since boot`;
  const message = `net.core.netdev_max_backlog is ${backlog}${dropped}`;
  if (backlog >= USUAL_BACKLOG && !backlogDrops) return { name, level: "ok", message };
  const mend = `sudo sysctl -w net.core.netdev_max_backlog=${Math.max(USUAL_BACKLOG, 2 * backlog)}`;
  return { name, level: "warn", message, mend };
}

/** What each capability gives Limier. */
const CAPABILITIES: readonly (readonly [name: string, gives: string])[] = [
  ["CAP_NET_ADMIN", "receive buffers past net.core.rmem_max; marks, MD5 and TLS state of TCP sockets"],
  ["CAP_NET_RAW", "raw and transparent sockets, which nothing asks for so far"],
  ["CAP_BPF", "UDP sockets balanced, and handed to a new process, by eBPF"],
  ["CAP_NET_BIND_SERVICE", "listening below port 1024"],
];

/** A capability that is missing is a warning only where something suffers by it. */
function capabilityFindings(facts: DoctorFacts): Finding[] {
  const { host } = facts;
  const { capabilities } = host;
  if (capabilities === null) return [unread("capabilities", host, "/proc/self/status")];
  return CAPABILITIES.map(([name, gives]): Finding => {
    if (capabilities.includes(name)) return { name, level: "ok", message: `held: ${gives}` };
    const message = `not held: ${gives}`;
    // Of CAP_BPF, the finding of eBPF tells.
    if (name !== "CAP_NET_ADMIN" || !isShort(facts)) return { name, level: "ok", message };
    return { name, level: "warn", message, mend: grant(facts) };
  });
}

function isShort({ receiveBuffers }: DoctorFacts): boolean {
  return receiveBuffers.some(({ askedBytes, grantedBytes }) => grantedBytes < askedBytes);
}

/** Whether a program of this type can't be loaded for want of a capability. `unprivileged_bpf_disabled` allows others. */
function lacksBpf({ host: { capabilities }, reuseport }: DoctorFacts): boolean {
  const holds = ["CAP_BPF", "CAP_SYS_ADMIN"].some((one) => capabilities?.includes(one));
  return !holds && reuseport !== null && reuseport.balancing !== "ebpf";
}

function ebpfFinding(facts: DoctorFacts): Finding {
  const name = "ebpf";
  const { host: { bpfJitEnable }, reuseport, ffiRefusal } = facts;
  if (reuseport === null) return { name, level: "warn", message: `not known: ${ffiRefusal}` };
  const { balancing, notes } = reuseport;
  if (balancing !== "ebpf") {
    const instead = balancing === "cbpf"
      ? "UDP sockets are balanced and handed over by classic BPF"
      : "the kernel's hash spreads senders over UDP sockets, and handing them over may lose datagrams";
    const why = notes[0] === undefined ? "" : ` (${notes[0].replace(/; [^;]*$/, "")})`;
    const message = `no program can be loaded${why}: ${instead}`;
    return { name, level: "warn", message, ...(lacksBpf(facts) ? { mend: grant(facts) } : {}) };
  }
  const message = "a program was loaded and chose among UDP sockets";
  if (bpfJitEnable !== 0) return { name, level: "ok", message };
  const mend = "sudo sysctl -w net.core.bpf_jit_enable=1";
  return { name, level: "warn", message: `${message}, but is interpreted: net.core.bpf_jit_enable is 0`, mend };
}

/** One command for all of them, as each replaces what the one before has set. */
function grant(facts: DoctorFacts): string {
  const { capabilities } = facts.host;
  const wanted = [...isShort(facts) ? ["CAP_NET_ADMIN"] : [], ...lacksBpf(facts) ? ["CAP_BPF"] : []];
  const names = CAPABILITIES.map(([name]) => name).filter((name) =>
    wanted.includes(name) || capabilities?.includes(name)
  );
  return `sudo setcap ${names.join(",").toLowerCase()}+ep "$(command -v limier)"`;
}

function clockSourceFinding({ host }: DoctorFacts): Finding {
  const name = "clock source";
  const { clocksource, clocksourcesAvailable } = host;
  const path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
  if (clocksource === null) return unread(name, host, path);
  if (FAST_CLOCKS.includes(clocksource)) {
    return { name, level: "ok", message: `${clocksource}, read without a system call` };
  }
  const message = `${clocksource}: each look at the time is a system call`;
  const faster = FAST_CLOCKS.find((one) => clocksourcesAvailable?.includes(one));
  if (faster === undefined) return { name, level: "warn", message };
  return { name, level: "warn", message, mend: `echo ${faster} | sudo tee ${path}` };
}

function clockFinding({ clockSynchronized }: DoctorFacts): Finding {
  const name = "clock";
  if (clockSynchronized === null) return { name, level: "ok", message: "whether it is synchronised can't be read" };
  if (clockSynchronized) return { name, level: "ok", message: "synchronised" };
  return {
    name,
    level: "warn",
    message: "not synchronised, as far as this kernel knows: flushes bear this host's time",
    mend: "sudo timedatectl set-ntp true",
  };
}

function openFilesFinding({ openFiles }: DoctorFacts): Finding {
  const name = "open files";
  if (openFiles === null) return { name, level: "warn", message: "not known: /proc/self/limits can't be read" };
  const { soft, hard } = openFiles;
  if (soft >= ENOUGH_FILES) return { name, level: "ok", message: `up to ${soft === Infinity ? "any number" : soft}` };
  const message = `up to ${soft}, of which every stream and every open archive takes one`;
  // A process may raise its own limit up to the hard one.
  const mend = hard >= ENOUGH_FILES ? `ulimit -n ${Math.min(hard, 65_536)}` : "sudo prlimit --pid $$ --nofile=65536";
  return { name, level: "warn", message, mend };
}

function portFinding({ transport, port, refusal, owner, ownerIsLimier, answer }: PortFact): Finding {
  const name = `${transport} port ${port}`;
  if (refusal === null) return { name, level: "ok", message: "free" };
  const says = answer === null ? "" : `, which answers ${JSON.stringify(answer)}`;
  const message = owner === null ? `${refusal}${says}` : `${owner} has it${says}`;
  if (ownerIsLimier) return { name, level: "ok", message };
  const key = transport === "udp" ? "statsd.udp_address" : "http.address";
  return {
    name,
    level: "warn",
    message: `${message}: stop what has it, or write another ${key}`,
    mend: `sudo ss -${transport === "udp" ? "u" : "t"}lnp 'sport = :${port}'`,
  };
}

function stateFinding({ stateDirectory: { path, exists, refusal } }: DoctorFacts): Finding {
  const name = "state";
  if (refusal === null) return { name, level: "ok", message: `${path} ${exists ? "is writable" : "can be made"}` };
  return {
    name,
    level: "warn",
    message: `${path} ${exists ? "is not writable" : "can't be made"} (${refusal}): no spool and no archives there`,
    mend: `sudo install -d -o "$(id -un)" ${path}`,
  };
}

function unread(name: string, host: HostFacts, path: string): Finding {
  const reason = host.unread.find((one) => one.path === path)?.reason ?? `${path} says nothing of it`;
  return { name, level: "warn", message: `not known: ${reason}` };
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [, ours, ourMinor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(ours) > major || (Number(ours) === major && Number(ourMinor) >= minor);
}
