/** Whether a port is free, or who has it. */
import type { PortFact } from "./doctor.ts";
import { isLimierCommand, socketInodes } from "./proc_net.ts";

/** How long a listener may take to say what it is. */
const ANSWER_TIMEOUT_MS = 1000;

/** Tries to bind a port of 127.0.0.1, and lets go of it again. */
export async function probePort(transport: "udp" | "tcp", port: number): Promise<PortFact> {
  const refusal = bindRefusal(transport, port);
  if (refusal === null) return { transport, port, refusal, owner: null, ownerIsLimier: false, answer: null };
  const pid = await ownerOf(transport, port);
  const cmdline = pid === undefined ? "" : await readOr(`/proc/${pid}/cmdline`, "");
  const name = pid === undefined ? "" : (await readOr(`/proc/${pid}/comm`, "a process")).trim();
  return {
    transport,
    port,
    refusal,
    owner: pid === undefined ? null : `${name} (pid ${pid})`,
    ownerIsLimier: isLimierCommand(cmdline),
    answer: transport === "tcp" ? await httpAnswer(port) : null,
  };
}

function bindRefusal(transport: "udp" | "tcp", port: number): string | null {
  try {
    const hostname = "127.0.0.1";
    const socket = transport === "udp"
      ? Deno.listenDatagram({ transport, hostname, port })
      : Deno.listen({ hostname, port });
    socket.close();
    return null;
  } catch (error) {
    return error instanceof Deno.errors.AddrInUse ? "in use" : messageOf(error);
  }
}

/** The process that has the port, where this user may see it. */
async function ownerOf(transport: "udp" | "tcp", port: number): Promise<string | undefined> {
  const links = new Set<string>();
  for (const table of [transport, `${transport}6`]) {
    const text = await readOr(`/proc/net/${table}`, "");
    for (const inode of socketInodes(text, transport, port)) links.add(`socket:[${inode}]`);
  }
  if (links.size === 0) return undefined;
  for (const pid of namesIn("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    for (const fd of namesIn(`/proc/${pid}/fd`)) {
      if (links.has(targetOf(`/proc/${pid}/fd/${fd}`))) return pid;
    }
  }
  return undefined;
}

/** The start of what `/version` says; null from what does not speak HTTP. */
async function httpAnswer(port: number): Promise<string | null> {
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const response = await fetch(`http://127.0.0.1:${port}/version`, { signal, redirect: "manual" });
    const text = (await response.text()).trim().split("\n")[0] ?? "";
    return response.ok ? text.slice(0, 60) : `HTTP ${response.status}`;
  } catch {
    return null; // that nothing sensible came is the answer
  }
}

function namesIn(directory: string): string[] {
  try {
    return Array.from(Deno.readDirSync(directory), ({ name }) => name);
  } catch {
    return []; // another user's process, or one that has just ended
  }
}

function targetOf(link: string): string {
  try {
    return Deno.readLinkSync(link);
  } catch {
    return ""; // closed since the directory was read
  }
}

async function readOr(path: string, otherwise: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return otherwise; // the process has ended, or there is no IPv6
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
