/**
 * Records fixtures from exporters of NetFlow, IPFIX and sFlow, and compares what we make of them with nfdump.
 *
 * ```text
 * deno run -A scripts/record_flows.ts [TEXT]     the recordings whose names have TEXT in them
 * ```
 *
 * Needs root, Debian's packages and the namespaces of Linux. The exporters watch a cable between two network namespaces that
 * exist for as long as this runs, while TCP, UDP and ICMP of IPv4 and IPv6 pass over it. The goldens are written by
 * `deno task golden`; the diff is read before it is committed.
 *
 * @module
 */
import { decodeInput } from "../src/agent/mod.ts";
import { until } from "../src/testing/mod.ts";
import { startCollector, toPcap } from "./record_flows/collector.ts";
import { isAmong, nfdumpLines, ownLines } from "./record_flows/compare.ts";
import { FLOW_RECORDINGS, type FlowRecording } from "./record_flows/exporters.ts";
import { enterNamespace, layCable, type OtherEnd } from "./record_flows/namespaces.ts";
import { type Tools, unpackTools } from "./record_flows/tools.ts";
import { makeTraffic, type Servers, startServers } from "./record_flows/traffic.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const USUAL_PORTS = { netflow: 2055, sflow: 6343 };

async function record(recording: FlowRecording, tools: Tools, other: OtherEnd, servers: Servers): Promise<boolean> {
  const { protocol, name, why, source, rounds, isBiflow = false } = recording;
  const folder = await Deno.makeTempDir({ prefix: "limier_flows_" });
  try {
    await using collector = startCollector();
    const exporter = await recording.start(tools, folder, collector.port);
    await makeTraffic(other, servers, rounds);
    await settled();
    await exporter.stop();
    await until(() => collector.received.length > 0);
    await settled();
    const capture = toPcap(collector.received, USUAL_PORTS[protocol]);
    const stem = `${ROOT}testdata/${protocol}/${name}`;
    await Deno.writeFile(`${stem}.pcap`, capture);
    await Deno.writeTextFile(`${stem}.json`, JSON.stringify({ why, source, expect: { decode: [] } }));
    const objects = [...decodeInput(protocol, capture)].map((line) => JSON.parse(line));
    console.log(`${name}: ${collector.received.length} datagrams, ${capture.length} octets, ${objects.length} objects`);
    if (protocol === "sflow") return true;
    const [theirs, ours] = [await nfdumpLines(tools, folder, collector.received), ownLines(objects)];
    const same = isBiflow ? isAmong(theirs, ours) : JSON.stringify(theirs) === JSON.stringify(ours);
    console.log(
      same ? `  nfdump finds the same ${theirs.length} flows` : `  nfdump:\n${show(theirs)}\n  ours:\n${show(ours)}`,
    );
    return same;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What the kernel still holds for the exporter, and it for us, has come: nothing tells when, so a while. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1_500));
}

function show(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}`).join("\n");
}

if (import.meta.main) {
  const tools = await unpackTools(); // while the registry can be reached
  const code = await enterNamespace();
  if (code !== null) Deno.exit(code);
  const [text = ""] = Deno.args;
  await using other = await layCable();
  await using servers = startServers();
  let same = true;
  for (const recording of FLOW_RECORDINGS) {
    if (recording.name.includes(text)) same = await record(recording, tools, other, servers) && same;
  }
  if (!same) Deno.exitCode = 1;
}
