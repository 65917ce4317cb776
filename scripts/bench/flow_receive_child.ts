/**
 * What is measured by `flow_receive.ts`, in a process of its own: an inlet that hands on to nobody, or a whole source. Prints
 * `{"listening":PORT}`, receives until its standard input ends, and prints what came and what it took.
 *
 *     deno run -A scripts/bench/flow_receive_child.ts inlet
 *     deno run -A scripts/bench/flow_receive_child.ts source STORE_URL
 */
import { realClock } from "../../src/clock/mod.ts";
import { Section } from "../../src/config/mod.ts";
import { ParcelPorts, readFlowConfig, readInletConfig, startFlow, startInlet } from "../../src/flow/mod.ts";
import { processCpuTimeNs } from "../../src/linux/mod.ts";
import { recordingReporter } from "../../src/telemetry/mod.ts";

/** What it prints in the end. */
export interface ReceiveResult {
  readonly datagrams: number;
  readonly flows: number;
  readonly dropped: number;
  /** User and system time of the process, from the first datagram on. */
  readonly cpuSeconds: number;
}

const LISTEN = { address: "127.0.0.1:0", decoder: "netflow", receive_buffer: "16MiB" };
/** How often it is looked whether the first datagram has come. */
const LOOK_MS = 5;

const [what, storeUrl = ""] = Deno.args;
const reporter = recordingReporter();
const metric = (name: string) =>
  reporter.metrics.text().split("\n").filter((line) => line.startsWith(name))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);

async function measure(addresses: readonly string[], came: () => number, stop: () => Promise<void>): Promise<void> {
  console.log(JSON.stringify({ listening: Number(addresses[0]!.split(":").at(-1)) }));
  let beforeNs = 0;
  const looking = setInterval(() => {
    if (came() === 0) return;
    beforeNs = processCpuTimeNs();
    clearInterval(looking);
  }, LOOK_MS);
  await new Response(Deno.stdin.readable).arrayBuffer();
  await stop();
  clearInterval(looking);
  const result: ReceiveResult = {
    datagrams: metric("limier_inlet_flow_input_udp_packets_total"),
    flows: metric("limier_outlet_core_forwarded_flows_total"),
    dropped: metric("limier_inlet_flow_input_udp_in_dropped_packets_total"),
    cpuSeconds: (processCpuTimeNs() - beforeNs) / 1e9,
  };
  console.log(JSON.stringify(result));
}

if (what === "inlet") {
  let count = 0;
  const take = (parcel: { readonly count: number }) => {
    count += parcel.count;
    return Promise.resolve();
  };
  const ports = new ParcelPorts(take);
  const sink = { take, connect: (...args: Parameters<ParcelPorts["connect"]>) => ports.connect(...args) };
  const inlet = await startInlet(readInletConfig(Section.of({ listen: [LISTEN] })), {
    clock: realClock,
    reporter,
    sink,
    threads: true,
    queueSize: 16_384,
  });
  await measure(inlet.addresses, () => count, async () => await inlet[Symbol.asyncDispose]());
} else {
  const clickhouse = { servers: [storeUrl], compression: "none", skip_migrations: true, skip_version_check: true };
  const config = readFlowConfig(Section.of({ inlet: { listen: [LISTEN] }, outlet: { clickhouse } }));
  const source = await startFlow(config, { clock: realClock, reporter, threads: true, clientId: "bench" });
  const came = () => metric("limier_inlet_flow_input_udp_packets_total");
  await measure(source.addresses, came, async () => await source[Symbol.asyncDispose]());
}
Deno.exit(0);
