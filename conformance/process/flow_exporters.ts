/**
 * Exporters watch a cable between two network namespaces while traffic passes over it; an agent stores what they tell. Prints
 * a JSON object for each exporter: what the interface counted, and what the rows add up to. To be run as root in a network
 * namespace of its own.
 */
import { FLOW_RECORDINGS, pmacctd } from "../../scripts/record_flows/exporters.ts";
import { CABLE, HERE, layCable, THERE } from "../../scripts/record_flows/namespaces.ts";
import { run, unpackTools } from "../../scripts/record_flows/tools.ts";
import { makeTraffic, startServers } from "../../scripts/record_flows/traffic.ts";
import { startAgentProcess } from "../../scripts/bench/agent_process.ts";

/** Packets, and octets of IP. */
export interface Amounts {
  readonly packets: number;
  readonly octets: number;
}

/** What came of one exporter. */
export interface ExporterResult {
  readonly name: string;
  readonly counted: Amounts;
  readonly stored: Amounts;
}

const ETHERNET_OCTETS = 14;
const QUIET_MS = 1_200;
/** Looks at the store, ten a second; what is not there then does not come. */
const MOST_LOOKS = 150;

async function interfaceCounts(): Promise<Amounts> {
  const lines = (await Deno.readTextFile("/proc/self/net/dev")).split("\n");
  const fields = lines.find((line) => line.trim().startsWith(`${CABLE}:`))!.split(":")[1]!.trim().split(/ +/).map(
    Number,
  );
  // Received and sent: octets, packets, and six more of each.
  const packets = fields[1]! + fields[9]!;
  return { packets, octets: fields[0]! + fields[8]! - packets * ETHERNET_OCTETS };
}

/** The part of it that is IPv6. */
async function ipv6Counts(): Promise<Amounts> {
  const text = await Deno.readTextFile(`/proc/self/net/dev_snmp6/${CABLE}`);
  const read = (name: string) => Number(new RegExp(`^${name}\\s+(\\d+)`, "m").exec(text)?.[1]);
  return {
    packets: read("Ip6InReceives") + read("Ip6OutRequests"),
    octets: read("Ip6InOctets") + read("Ip6OutOctets"),
  };
}

/** What the ends of a cable say to each other by themselves is over when nothing came for a moment. */
async function quiet(): Promise<Amounts> {
  for (let before = await interfaceCounts();;) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    const now = await interfaceCounts();
    if (now.packets === before.packets) return now;
    before = now;
  }
}

function minus(a: Amounts, b: Amounts): Amounts {
  return { packets: a.packets - b.packets, octets: a.octets - b.octets };
}

function isSame(a: Amounts, b: Amounts): boolean {
  return a.packets === b.packets && a.octets === b.octets;
}

if (import.meta.main) {
  const [library = "", folder = ""] = Deno.args;
  const tools = await unpackTools();
  await using other = await layCable();
  // Neighbours know each other, so that the cable has nothing on it but flows.
  const neighbours = (device: string, mac: string, addresses: readonly string[]) =>
    addresses.map((address) => ["neigh", "replace", address, "lladdr", mac, "dev", device, "nud", "permanent"]);
  for (const args of neighbours(CABLE, "02:00:00:00:00:02", THERE)) await run("ip", args);
  const there = JSON.stringify(neighbours("flow1", "02:00:00:00:00:01", HERE));
  await other.deno(`for (const args of ${there}) await new Deno.Command("ip", { args }).output();`);
  for (const device of ["all", "default", CABLE]) {
    await Deno.writeTextFile(`/proc/sys/net/ipv6/conf/${device}/router_solicitations`, "0");
  }
  await other.deno(`Deno.writeTextFileSync("/proc/sys/net/ipv6/conf/flow1/router_solicitations", "0");`);
  await using servers = startServers();
  await using agent = await startAgentProcess({
    config: `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "" }
outputs: []
tcpinfo: { enabled: false }
flow:
  inlet:
    listen:
      - { address: "127.0.0.1:0", decoder: netflow }
      - { address: "127.0.0.1:0", decoder: sflow }
  store: { chdb_path: "${library}", directory: "${folder}/store" }
  outlet: { clickhouse: { maximum_wait_time: 100ms } }`,
  });
  const ports = agent.addresses.filter((address) => address.startsWith("udp:")).map((text) =>
    Number(text.split(":").at(-1))
  );
  const stored = async (): Promise<Amounts> => {
    const body = "SELECT sum(Packets * SamplingRate), sum(Bytes * SamplingRate) FROM flows";
    const answer = await (await fetch(`${agent.url}/api/v0/flow/query`, { method: "POST", body })).text();
    const [packets = NaN, octets = NaN] = answer.trim().split("\t").map(Number);
    return { packets, octets };
  };
  const exporters = FLOW_RECORDINGS.filter(({ name, protocol }) =>
    protocol === "netflow" && !name.includes("sampled") && !name.includes("ether")
  );
  const sfprobe: (typeof exporters)[number] = {
    ...FLOW_RECORDINGS.find(({ protocol }) => protocol === "sflow")!,
    rounds: 2,
    start: pmacctd(
      "plugins: sfprobe[out]",
      "sfprobe_receiver[out]: 127.0.0.1:PORT",
      `sfprobe_agentip[out]: ${HERE[0]}`,
      "sampling_rate: 1",
      "sfprobe_ifindex[out]: 7",
      "sfprobe_direction[out]: in",
    ),
  };
  for (const { name, protocol, rounds, start } of [...exporters, sfprobe]) {
    const own = await Deno.makeTempDir({ dir: folder });
    const exporter = await start(tools, own, ports[protocol === "sflow" ? 1 : 0]!);
    const before = await quiet(), ipv6Before = await ipv6Counts(), storedBefore = await stored();
    await makeTraffic(other, servers, rounds);
    const all = minus(await quiet(), before);
    // Version 5 knows IPv4 alone.
    const counted = name.endsWith("_v5") ? minus(all, minus(await ipv6Counts(), ipv6Before)) : all;
    await exporter.stop();
    let now: Amounts = { packets: 0, octets: 0 };
    for (let looks = 0; looks < MOST_LOOKS && !isSame(now, counted); looks++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      now = minus(await stored(), storedBefore);
    }
    console.log(JSON.stringify({ name, counted, stored: now } satisfies ExporterResult));
  }
}
