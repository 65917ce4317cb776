import { capabilityNames } from "./capability_names.ts";
import { LinuxUnavailable, openLibc } from "./libc.ts";

/** What a host lets this process do, as far as it can be read. What cannot be is null, with the reason in `unread`. */
export interface HostFacts {
  /** `6.1.0-18-amd64`, /proc/sys/kernel/osrelease. */
  kernelRelease: string | null;
  /** Version of glibc, `2.36`; null where there is none. */
  glibc: string | null;
  /** The time source in use: `tsc` is read without a system call, `xen`, `hpet`, `acpi_pm` are slow. */
  clocksource: string | null;
  clocksourcesAvailable: string[] | null;
  /** `net.core.rmem_max`: the most that SO_RCVBUF grants without CAP_NET_ADMIN, in bytes. */
  receiveBufferMaxBytes: number | null;
  /** `net.core.rmem_default`, in bytes. */
  receiveBufferDefaultBytes: number | null;
  /** `net.core.netdev_max_backlog`: packets that may wait for a processor. */
  netdevMaxBacklog: number | null;
  /** `net.core.somaxconn`: connections that may wait to be accepted. */
  maxListenBacklog: number | null;
  /** Effective capabilities by name, `CAP_NET_ADMIN`; bits without a name as `CAP_41`. */
  capabilities: string[] | null;
  /** `kernel.unprivileged_bpf_disabled`: 0 anyone may load programs of a few types, 1 and 2 only CAP_BPF or CAP_SYS_ADMIN any. */
  unprivilegedBpfDisabled: number | null;
  /** `net.core.bpf_jit_enable`: 0 means that eBPF programs are interpreted. */
  bpfJitEnable: number | null;
  /** `net.ipv6.bindv6only`; null also where there is no IPv6. */
  ipv6BindOnly: number | null;
  /** Which paths could not be read, and why. */
  unread: { path: string; reason: string }[];
}

/** Where {@linkcode readHostFacts} reads. */
export interface HostFactsSource {
  /** Put before `/proc/…` and `/sys/…`. @default {""} */
  root?: string;
  /** Asks glibc for its version, null if it cannot be asked. */
  glibcVersion?: () => string | null;
}

/** Reads the facts. Never throws: Deno permits `/proc` and `/sys` only under `--allow-all`. */
export function readHostFacts(source: HostFactsSource = {}): HostFacts {
  const { root = "", glibcVersion: askGlibc = glibcVersion } = source;
  const unread: HostFacts["unread"] = [];

  function text(path: string): string | null {
    try {
      return Deno.readTextFileSync(root + path).trim();
    } catch (error) {
      unread.push({ path, reason: error instanceof Error ? error.message : String(error) });
      return null;
    }
  }
  function number(path: string): number | null {
    const value = text(path);
    if (value === null) return null;
    if (/^-?\d+$/.test(value)) return Number(value);
    unread.push({ path, reason: `it is no number: ${value.slice(0, 40)}` });
    return null;
  }

  const clocks = "/sys/devices/system/clocksource/clocksource0";
  const status = text("/proc/self/status");
  return {
    kernelRelease: text("/proc/sys/kernel/osrelease"),
    glibc: askGlibc(),
    clocksource: text(`${clocks}/current_clocksource`),
    clocksourcesAvailable: text(`${clocks}/available_clocksource`)?.split(/\s+/) ?? null,
    receiveBufferMaxBytes: number("/proc/sys/net/core/rmem_max"),
    receiveBufferDefaultBytes: number("/proc/sys/net/core/rmem_default"),
    netdevMaxBacklog: number("/proc/sys/net/core/netdev_max_backlog"),
    maxListenBacklog: number("/proc/sys/net/core/somaxconn"),
    capabilities: status === null ? null : effectiveCapabilities(status),
    unprivilegedBpfDisabled: number("/proc/sys/kernel/unprivileged_bpf_disabled"),
    bpfJitEnable: number("/proc/sys/net/core/bpf_jit_enable"),
    ipv6BindOnly: number("/proc/sys/net/ipv6/bindv6only"),
    unread,
  };
}

/** The names behind `CapEff` in the text of /proc/PID/status; null if there is no such line. */
export function effectiveCapabilities(status: string): string[] | null {
  const digits = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1];
  if (digits === undefined) return null;
  return capabilityNames(BigInt(`0x${digits}`));
}

/** The version of the glibc in use, such as `2.36`; null where libc cannot be called or does not tell. */
export function glibcVersion(): string | null {
  try {
    const libc = openLibc();
    const version = libc.gnu_get_libc_version?.() ?? null;
    if (version === null) return null;
    const bytes = new Uint8Array(4); // "2.36" and its NUL: as much as every version has, so nothing beyond it is read
    libc.copyFrom(bytes, version, 4n);
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (error instanceof LinuxUnavailable) return null; // that there is none is the answer
    throw error;
  }
}
