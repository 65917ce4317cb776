/** What another collector makes of recorded datagrams, beside what we make of them. */
import { until } from "../../src/testing/mod.ts";
import type { Received } from "./collector.ts";
import { run, startTool, type Tools } from "./tools.ts";

/** Flows in a form that two programs can agree on: `proto src:port dst:port packets octets`, sorted. */
export type FlowLines = readonly string[];

/** The flows that nfcapd and nfdump find. */
export async function nfdumpLines(tools: Tools, folder: string, received: readonly Received[]): Promise<FlowLines> {
  const files = `${folder}/nfcapd`;
  await Deno.mkdir(files);
  const nfcapd = startTool(tools, "nfcapd", ["-p", "9995", "-b", "127.0.0.1", "-w", files, "-t", "3600"]);
  await until(async () => (await Deno.readTextFile("/proc/net/udp")).includes(":270B"));
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  for (const { payload } of received) {
    await socket.send(payload, { transport: "udp", hostname: "127.0.0.1", port: 9995 });
  }
  socket.close();
  await until(async () => {
    const line = (await Deno.readTextFile("/proc/net/udp")).split("\n").find((one) => one.includes(":270B"));
    return line === undefined || / 00000000:00000000 /.test(line); // the queues are empty
  });
  await nfcapd.stop("SIGTERM");
  const format = "fmt:%pr %sa %sp %da %dp %pkt %byt";
  const text = await run(tools.path("nfdump"), ["-R", files, "-q", "-N", "-6", "-o", format], { ...tools.env });
  if (text.trim() === "") throw new Error(`Cannot compare: nfdump found nothing; nfcapd said ${nfcapd.log}`);
  return text.trim().split("\n").map((line) => {
    const [proto, source, sourcePort, destination, destinationPort, packets, octets] = line.trim().split(/\s+/);
    const isIcmp = proto === "1" || proto === "58"; // ports of ICMP are type and code there
    const ports = isIcmp ? [0, 0] : [sourcePort, destinationPort];
    return `${proto} ${source}:${ports[0]} ${destination}:${ports[1]} ${packets} ${octets}`;
  }).sort();
}

/** Whether all of their flows are among ours: of two directions in one record, nfdump shows the first. */
export function isAmong(theirs: FlowLines, ours: FlowLines): boolean {
  return theirs.length > 0 && theirs.every((line) => ours.includes(line));
}

/** The flows that `limier decode` prints. */
export function ownLines(objects: readonly Record<string, unknown>[]): FlowLines {
  return objects.filter(({ kind }) => kind === "flow").map((flow) => {
    const isIcmp = flow.proto === 1 || flow.proto === 58;
    const [source, destination] = isIcmp ? [0, 0] : [flow.src_port ?? 0, flow.dst_port ?? 0];
    return `${flow.proto ?? 0} ${flow.src_addr ?? "::"}:${source} ${flow.dst_addr ?? "::"}:${destination} ${
      flow.packets ?? 0
    } ${flow.bytes ?? 0}`;
  }).sort();
}
