import { tryCall } from "./errno.ts";
import { CAPABILITY_NAMES, type CapabilityName, capabilityNames } from "./capability_names.ts";
import { type Libc, openLibc } from "./libc.ts";

/** `_LINUX_CAPABILITY_VERSION_3`, uapi/linux/capability.h: two words a set. */
const VERSION_3 = 0x2008_0522;

// uapi/linux/prctl.h
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;

/** The words of `permitted` in what `readSets()` reads. */
const PERMITTED = [1, 4] as const;

/**
 * Keeps of this thread's capabilities at most those named, for good, and hands none on to programs that it might start. A
 * thread begins with the capabilities of the one that starts it: called before workers are started, it counts for them too.
 * Threads that the runtime has started before keep theirs.
 *
 * @returns the names of those that are left
 * @throws {LinuxUnavailable}
 */
export function keepCapabilities(keep: readonly CapabilityName[]): string[] {
  const libc = openLibc();
  const words = readSets(libc);
  // While CAP_SETPCAP is still held; without it, execve() is bounded by no_new_privs alone.
  for (const [bit, name] of CAPABILITY_NAMES.entries()) {
    if (!keep.includes(name)) tryCall(libc, () => libc.prctl(PR_CAPBSET_DROP, BigInt(bit), 0n, 0n, 0n));
  }
  tryCall(libc, () => libc.prctl(PR_CAP_AMBIENT, BigInt(PR_CAP_AMBIENT_CLEAR_ALL), 0n, 0n, 0n));
  tryCall(libc, () => libc.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n));
  const mask = bitsOf(keep);
  for (const [half, at] of PERMITTED.entries()) {
    const kept = words[at]! & Number(mask >> BigInt(32 * half) & 0xffff_ffffn);
    words[at] = kept;
    words[at - 1]! &= kept; // effective, which may be a part of it
    words[at + 1] = 0;
  }
  const header = headerOf();
  tryCall(libc, () => libc.capset(header, words)); // fewer are never refused
  return heldCapabilities();
}

/** The names of this thread's effective capabilities. @throws {LinuxUnavailable} */
export function heldCapabilities(): string[] {
  const words = readSets(openLibc());
  return capabilityNames(BigInt(words[0]!) | BigInt(words[3]!) << 32n);
}

/** `struct __user_cap_data_struct[2]`: low and high halves of effective, permitted, inheritable. */
function readSets(libc: Libc): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(6);
  const header = headerOf();
  tryCall(libc, () => libc.capget(header, words));
  return words;
}

function headerOf(): Uint32Array<ArrayBuffer> {
  return Uint32Array.of(VERSION_3, 0); // 0: this thread
}

function bitsOf(names: readonly CapabilityName[]): bigint {
  return names.reduce((bits, name) => bits | 1n << BigInt(CAPABILITY_NAMES.indexOf(name)), 0n);
}
