import { Errno, succeed, SystemError, tryCall } from "./errno.ts";
import { type Libc, openLibc } from "./libc.ts";
import { addressOf, cString } from "./memory.ts";
import { INSTRUCTION_BYTES } from "./bpf_program.ts";
import {
  SO_ATTACH_REUSEPORT_CBPF,
  SO_ATTACH_REUSEPORT_EBPF,
  SO_DETACH_REUSEPORT_BPF,
  SOL_SOCKET,
} from "./socket_options.ts";

/** The number of bpf(2), asm/unistd.h: one for x86-64, one for the generic table, which arm64 has. */
const SYS_BPF = Deno.build.arch === "aarch64" ? 280n : 321n;

// Commands and types of include/uapi/linux/bpf.h.
const BPF_MAP_CREATE = 0;
const BPF_MAP_LOOKUP_ELEM = 1;
const BPF_MAP_UPDATE_ELEM = 2;
const BPF_PROG_LOAD = 5;
const BPF_MAP_TYPE_PERCPU_ARRAY = 6;
const BPF_MAP_TYPE_REUSEPORT_SOCKARRAY = 20;
const BPF_PROG_TYPE_SK_REUSEPORT = 21;

const MAP_CREATE_BYTES = 44;
const MAP_ELEMENT_BYTES = 32;
const PROG_LOAD_BYTES = 72;
/** What the verifier may say of a program that it refuses, and how many lines of it are shown: the last. */
const LOG_BYTES = 65_536;
const LOG_LINES = 4;

const EPERM_REMEDY = "give the process CAP_BPF (CAP_SYS_ADMIN before Linux 5.8); if it has it, before Linux 5.11, " +
  "the limit of locked memory is too low (ulimit -l, LimitMEMLOCK=)";

/** What the kernel is to do, with the arrays whose addresses are in the attribute. */
interface Request {
  readonly command: number;
  readonly attribute: Uint8Array<ArrayBuffer>;
  readonly arrays: readonly Uint8Array[];
}

/** Referenced from here, arrays outlive the calls that know only their addresses. */
const inUse: (readonly Uint8Array[])[] = [];

function holding(arrays: readonly Uint8Array[], call: () => number): number {
  inUse.push(arrays);
  try {
    return call();
  } finally {
    inUse.pop();
  }
}

/** @returns what the kernel returned; the errno, negated, when it failed */
function tryBpf(libc: Libc, { command, attribute, arrays }: Request): number {
  return holding(
    arrays,
    () => tryCall(libc, () => libc.bpf(SYS_BPF, command, attribute, BigInt(attribute.length))),
  );
}

function bpf(libc: Libc, action: string, request: Request): number {
  const result = tryBpf(libc, request);
  if (result >= 0) return result;
  const attempt = { syscall: "bpf", action };
  throw new SystemError(-result, -result === Errno.EPERM ? { ...attempt, remedy: EPERM_REMEDY } : attempt);
}

function createMap(libc: Libc, type: number, entries: number, name: string): number {
  const attribute = new Uint8Array(MAP_CREATE_BYTES);
  const words = new Uint32Array(attribute.buffer);
  words.set([type, 4, 8, entries]); // map_type, key_size, value_size, max_entries
  attribute.set(cString(name), 28);
  return bpf(libc, `make the eBPF map ${name}`, { command: BPF_MAP_CREATE, attribute, arrays: [] });
}

/** Makes a map of `entries` sockets. @returns its descriptor @throws {SystemError} EPERM without CAP_BPF */
export function createSocketMap(entries: number): number {
  return createMap(openLibc(), BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, entries, "limier_sockets");
}

/** Makes a map of one counter for each CPU. @returns its descriptor @throws {SystemError} EPERM without CAP_BPF */
export function createCounterMap(): number {
  return createMap(openLibc(), BPF_MAP_TYPE_PERCPU_ARRAY, 1, "limier_counter");
}

/**
 * Puts the socket `fd` at `index` of a socket map.
 *
 * @throws {SystemError} EINVAL: it is not bound with SO_REUSEPORT; EBUSY: another map has it
 */
export function putSocket(mapFd: number, index: number, fd: number): void {
  const libc = openLibc();
  const value = new Uint8Array(BigUint64Array.of(BigInt(fd)).buffer);
  bpf(libc, `put descriptor ${fd} into an eBPF map`, elementRequest(libc, BPF_MAP_UPDATE_ELEM, mapFd, index, value));
}

/** The sum of a counter map over all CPUs. @throws {SystemError} */
export function readCounter(mapFd: number, possibleCpus: number): bigint {
  const libc = openLibc();
  const values = new BigUint64Array(possibleCpus);
  const bytes = new Uint8Array(values.buffer);
  bpf(libc, "read an eBPF counter", elementRequest(libc, BPF_MAP_LOOKUP_ELEM, mapFd, 0, bytes));
  return values.reduce((sum, value) => sum + value, 0n);
}

/** How many CPUs this kernel counts with, those not there included: the size of a per-CPU value. */
export function possibleCpus(list = Deno.readTextFileSync("/sys/devices/system/cpu/possible")): number {
  const last = /(\d+)\s*$/.exec(list)?.[1]; // `0-3`, or `0`
  if (last === undefined) throw new RangeError(`Cannot read the list of CPUs: ${JSON.stringify(list)}`);
  return Number(last) + 1;
}

function elementRequest(
  libc: Libc,
  command: number,
  mapFd: number,
  index: number,
  value: Uint8Array<ArrayBuffer>,
): Request {
  const key = new Uint8Array(Uint32Array.of(index).buffer);
  const attribute = new Uint8Array(MAP_ELEMENT_BYTES);
  const view = new DataView(attribute.buffer);
  view.setUint32(0, mapFd, true);
  view.setBigUint64(8, addressOf(libc, key), true);
  view.setBigUint64(16, addressOf(libc, value), true);
  return { command, attribute, arrays: [key, value] };
}

/**
 * Loads a program that chooses sockets.
 *
 * @returns its descriptor
 * @throws {SystemError} EPERM without CAP_BPF; with the last lines of the verifier's log when it refuses the program
 */
export function loadReuseportProgram(instructions: Uint8Array<ArrayBuffer>): number {
  const libc = openLibc();
  const action = "load an eBPF program";
  try {
    return bpf(libc, action, loadRequest(libc, instructions, undefined));
  } catch (error) {
    if (!(error instanceof SystemError) || error.errnoNumber === Errno.EPERM) throw error;
    const log = new Uint8Array(LOG_BYTES);
    const fd = tryBpf(libc, loadRequest(libc, instructions, log));
    if (fd >= 0) return fd;
    const text = new TextDecoder().decode(log.subarray(0, Math.max(0, log.indexOf(0))));
    const lines = text.trim().split("\n").slice(-LOG_LINES).join("; ");
    if (lines === "") throw error;
    throw new SystemError(error.errnoNumber, { syscall: "bpf", action, remedy: `the verifier says: ${lines}` });
  }
}

function loadRequest(
  libc: Libc,
  instructions: Uint8Array<ArrayBuffer>,
  log: Uint8Array<ArrayBuffer> | undefined,
): Request {
  const licence = cString("Apache-2.0"); // the helpers that are called ask for none in particular
  const attribute = new Uint8Array(PROG_LOAD_BYTES);
  const view = new DataView(attribute.buffer);
  view.setUint32(0, BPF_PROG_TYPE_SK_REUSEPORT, true);
  view.setUint32(4, instructions.length / INSTRUCTION_BYTES, true);
  view.setBigUint64(8, addressOf(libc, instructions), true);
  view.setBigUint64(16, addressOf(libc, licence), true);
  if (log !== undefined) {
    view.setUint32(24, 1, true); // log_level
    view.setUint32(28, log.length, true);
    view.setBigUint64(32, addressOf(libc, log), true);
  }
  attribute.set(cString("limier_balance"), 48);
  const arrays = log === undefined ? [instructions, licence] : [instructions, licence, log];
  return { command: BPF_PROG_LOAD, attribute, arrays };
}

/** Lets an eBPF program choose for the whole group of `fd`, in place of the one before. @throws {SystemError} */
export function attachProgram(fd: number, programFd: number): void {
  const libc = openLibc();
  const value = Int32Array.of(programFd);
  succeed(
    libc,
    { syscall: "setsockopt", action: `attach an eBPF program to the group of descriptor ${fd}` },
    () => libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, value, 4),
  );
}

/** As {@linkcode attachProgram}, for classic BPF, which needs no capability. @throws {SystemError} */
export function attachClassic(fd: number, instructions: Uint8Array<ArrayBuffer>): void {
  const libc = openLibc();
  const program = new Uint8Array(16); // struct sock_fprog: 0 len u16, 8 filter u64
  const view = new DataView(program.buffer);
  view.setUint16(0, instructions.length / INSTRUCTION_BYTES, true);
  view.setBigUint64(8, addressOf(libc, instructions), true);
  const attempt = { syscall: "setsockopt", action: `attach a classic BPF program to the group of descriptor ${fd}` };
  holding(
    [instructions],
    () => succeed(libc, attempt, () => libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program, 16)),
  );
}

/** Leaves the choice to the kernel's hash again; that there was no program is no error. @throws {SystemError} */
export function detachProgram(fd: number): void {
  const libc = openLibc();
  const nothing = Int32Array.of(0);
  const result = tryCall(libc, () => libc.setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, nothing, 4));
  if (result >= 0 || -result === Errno.ENOENT) return;
  throw new SystemError(-result, {
    syscall: "setsockopt",
    action: `detach the program from the group of descriptor ${fd}`,
  });
}
