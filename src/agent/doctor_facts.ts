/** Reads what `doctor.ts` judges. */
import { dirname } from "node:path";
import { openReuseportGroup, openUdpSocket, readHostFacts, whyNoFfi } from "../linux/mod.ts";
import type { BufferFact, DoctorFacts } from "./doctor.ts";
import { probePort } from "./port_probe.ts";
import { openFileLimits, softnetDrops, udpCounters } from "./proc_net.ts";

/** What is looked at. */
export interface DoctorOptions {
  /** @default {"/var/lib/limier"} */
  readonly stateDirectory?: string;
  /** @default {8125} */
  readonly statsdPort?: number;
  /** @default {8127} */
  readonly httpPort?: number;
}

/** Receive buffers that Limier's listeners ask for: statsd's, and flow's. */
const ASKED_BYTES = [2 * 1024 * 1024, 4 * 1024 * 1024];

/** Looks at this host. What it opens or makes, it closes and removes again. */
export async function readDoctorFacts(options: DoctorOptions = {}): Promise<DoctorFacts> {
  const ffiRefusal = whyNoFfi() ?? null;
  const snmp = readOrNull("/proc/net/snmp");
  const softnet = readOrNull("/proc/net/softnet_stat");
  const limits = readOrNull("/proc/self/limits");
  return {
    os: Deno.build.os,
    host: readHostFacts(),
    ffiRefusal,
    receiveBuffers: ffiRefusal === null ? ASKED_BYTES.map(askForBuffer) : [],
    reuseport: ffiRefusal === null ? tryGroup() : null,
    udp: snmp === null ? null : udpCounters(snmp, readOrNull("/proc/net/snmp6") ?? ""),
    backlogDrops: softnet === null ? null : softnetDrops(softnet),
    clockSynchronized: ffiRefusal === null ? isClockSynchronized() : null,
    openFiles: limits === null ? null : openFileLimits(limits),
    ports: [await probePort("udp", options.statsdPort ?? 8125), await probePort("tcp", options.httpPort ?? 8127)],
    stateDirectory: probeDirectory(options.stateDirectory ?? "/var/lib/limier"),
  };
}

function askForBuffer(askedBytes: number): BufferFact {
  using socket = openUdpSocket({ address: { hostname: "127.0.0.1", port: 0 }, receiveBufferBytes: askedBytes });
  return { askedBytes, grantedBytes: socket.receiveBufferBytes };
}

/** Opens what `takeover` and a flow inlet would. */
function tryGroup(): DoctorFacts["reuseport"] {
  using group = openReuseportGroup({ address: { hostname: "127.0.0.1", port: 0 }, sockets: 2, handsOver: true });
  const { balancing, notes } = group;
  return { balancing, notes };
}

// struct timex and its STA_UNSYNC, uapi/linux/timex.h
const TIMEX_BYTES = 208;
const STATUS_OFFSET = 40;
const STA_UNSYNC = 0x40;

/** Null where the kernel does not tell, as in some containers. */
function isClockSynchronized(): boolean | null {
  const libc = Deno.dlopen("libc.so.6", { adjtimex: { parameters: ["buffer"], result: "i32" } });
  const timex = new Uint8Array(TIMEX_BYTES); // modes 0: only read
  const state = libc.symbols.adjtimex(timex);
  libc.close();
  return state < 0 ? null : (new DataView(timex.buffer).getInt32(STATUS_OFFSET, true) & STA_UNSYNC) === 0;
}

/** Tries, as rights alone do not tell of read-only file systems. */
function probeDirectory(path: string): DoctorFacts["stateDirectory"] {
  const exists = isThere(path);
  try {
    if (exists) Deno.removeSync(Deno.makeTempFileSync({ dir: path, prefix: ".limier-doctor-" }));
    else Deno.removeSync(Deno.makeTempDirSync({ dir: nearestParent(path), prefix: ".limier-doctor-" }));
    return { path, exists, refusal: null };
  } catch (error) {
    return { path, exists, refusal: error instanceof Error ? error.message : String(error) };
  }
}

function nearestParent(path: string): string {
  const parent = dirname(path);
  return parent === path || isThere(parent) ? parent : nearestParent(parent);
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound); // what can't be seen is tried, and its refusal shown
  }
}

function readOrNull(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null; // null is a fact: this system does not tell
  }
}
