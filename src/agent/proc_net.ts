/** What the files of `/proc/net` and `/proc/PID` say; see proc(5). */

/** Datagrams of UDP and UDP over IPv6, from `/proc/net/snmp` and `/proc/net/snmp6` ("" where there is no IPv6). */
export function udpCounters(snmp: string, snmp6: string): { received: number; bufferDrops: number } | null {
  const [names, values] = snmp.split("\n").filter((line) => line.startsWith("Udp: ")).map((line) => line.split(/\s+/));
  if (names === undefined || values === undefined) return null;
  const v4 = (name: string) => Number(values[names.indexOf(name)] ?? 0);
  const v6 = (name: string) => Number(new RegExp(`^Udp6${name}\\s+(\\d+)$`, "m").exec(snmp6)?.[1] ?? 0);
  return {
    received: v4("InDatagrams") + v6("InDatagrams"),
    bufferDrops: v4("RcvbufErrors") + v6("RcvbufErrors"),
  };
}

/** Packets dropped for want of backlog: the second column, hexadecimal, a line a processor. */
export function softnetDrops(softnetStat: string): number {
  let drops = 0;
  for (const line of softnetStat.split("\n")) drops += parseInt(line.split(/\s+/)[1] ?? "0", 16) || 0;
  return drops;
}

/** The limit of open files, from `/proc/self/limits`. */
export function openFileLimits(limits: string): { soft: number; hard: number } | null {
  const match = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(limits);
  if (match === null) return null;
  const [soft = NaN, hard = NaN] = match.slice(1).map((text) => text === "unlimited" ? Infinity : Number(text));
  return { soft, hard };
}

const TCP_LISTEN = "0A";

/** Inodes of the sockets bound to a port (of TCP, that listen there), from `/proc/net/{udp,tcp}{,6}`. */
export function socketInodes(table: string, transport: "udp" | "tcp", port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes: string[] = [];
  for (const line of table.split("\n").slice(1)) {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    const counts = transport === "udp" || state === TCP_LISTEN;
    if (counts && local.endsWith(suffix) && inode !== undefined && inode !== "0") inodes.push(inode);
  }
  return inodes;
}

/** Whether a command line, as `/proc/PID/cmdline` has it, is one of this program's. */
export function isLimierCommand(cmdline: string): boolean {
  const [program = "", ...args] = cmdline.split("\0");
  if (/(^|\/)limier$/.test(program)) return true;
  return /(^|\/)deno$/.test(program) && args.some((arg) => /(^|\/)src\/main\.ts$/.test(arg));
}
