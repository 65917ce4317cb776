/** What the process may do, and what it gives up before it opens anything. */
import { type CapabilityName, heldCapabilities, keepCapabilities, LinuxUnavailable } from "../linux/mod.ts";

/** What is left. */
export interface Privileges {
  /** Linux capabilities in effect; null where this is not Linux, or can't be asked. */
  readonly capabilities: readonly string[] | null;
  /** Permissions of the runtime by name: `granted`, `prompt` or `denied`. */
  readonly permissions: Readonly<Record<string, string>>;
}

/**
 * What a part may need, at the start or when a reload opens sockets and files anew: buffers past rmem_max, the state of
 * other users' connections, ports below 1024, eBPF; and what lets root read and write files that belong to others.
 */
const NEEDED: readonly CapabilityName[] = [
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_NET_BIND_SERVICE",
  "CAP_BPF",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_CHOWN",
  "CAP_FOWNER",
];

const PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"] as const;

/**
 * Gives up, for good, what no part of an agent needs: capabilities beyond those above, and the permission to run programs.
 * To be called before threads are started, which then have no more either.
 */
export function dropPrivileges(): Privileges {
  Deno.permissions.revokeSync({ name: "run" });
  return { capabilities: dropCapabilities(), permissions: permissionsLeft() };
}

function dropCapabilities(): readonly string[] | null {
  try {
    // Before Linux 5.8, and in containers made for that, eBPF asks for this one instead.
    const forBpf: CapabilityName[] = heldCapabilities().includes("CAP_BPF") ? [] : ["CAP_SYS_ADMIN"];
    return keepCapabilities([...NEEDED, ...forBpf]);
  } catch (error) {
    if (error instanceof LinuxUnavailable) return null;
    throw error;
  }
}

function permissionsLeft(): Record<string, string> {
  return Object.fromEntries(PERMISSIONS.map((name) => [name, Deno.permissions.querySync({ name }).state]));
}
