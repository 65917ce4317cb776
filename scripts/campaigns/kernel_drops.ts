/** What the kernel dropped, as it says itself rather than as the agent does. */

/** Datagrams dropped for want of room by all UDP sockets of that port; undefined when there is none. */
export function udpDrops(port: number): number | undefined {
  return sumDrops(["/proc/net/udp", "/proc/net/udp6"].map((path) => Deno.readTextFileSync(path)), port);
}

/** What {@linkcode udpDrops} does with the texts of `/proc/net/udp` and `/proc/net/udp6`. */
export function sumDrops(texts: readonly string[], port: number): number | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  let drops: number | undefined;
  for (const text of texts) {
    for (const line of text.split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(`:${hex}`)) drops = (drops ?? 0) + Number(fields.at(-1));
    }
  }
  return drops;
}

/** Packets of the whole host dropped before they met a socket, because `netdev_max_backlog` was reached. */
export function backlogDrops(): number {
  return Deno.readTextFileSync("/proc/net/softnet_stat").trim().split("\n")
    .reduce((sum, line) => sum + parseInt(line.split(" ")[1] ?? "0", 16), 0);
}
