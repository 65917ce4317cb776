/** Outlets killed at random moments, with Kafka between them and the inlet: the store ends with every flow exactly once. */
import { realClock } from "../../src/clock/mod.ts";
import { v5Datagram } from "../../src/flow/testing.ts";
import { committedOffsets, KafkaCluster } from "../../src/kafka/mod.ts";
import { startTestBroker } from "../../src/kafka/testing.ts";
import { LIMIER, startAgentProcess } from "../bench/agent_process.ts";
import { type Campaign, type Print, Verdict } from "./campaign.ts";
import { startScriptedClickhouse } from "./scripted_clickhouse.ts";

/** How it is run. */
export type FlowKillOptions = Readonly<{
  kills: number;
  /** Datagrams a second. */
  rate: number;
  /** The longest that an outlet lives, in seconds. */
  life: number;
  partitions: number;
  /** Outlets of one group that run at once; each keeps what it learns to itself, but for the topic that they share. */
  outlets: number;
}>;

const FLOWS = 20;
const MOST_DATAGRAMS = 200_000;
/** Nothing new in the store for so long: what is missing does not come any more. */
const STALL_MS = 90_000;

const HELP = `campaign flow_kill [options]

An inlet hands datagrams to a real Kafka broker; an outlet stores them in a stand-in for ClickHouse, which executes inserts
late, also those that nobody waits for any more. The outlet is killed (SIGKILL) and started again at random moments; then
every flow must be stored exactly once. NetFlow version 5, and version 9 whose template is sent once.

  --kills N        50
  --rate N         datagrams a second; 500
  --life SECONDS   the longest that an outlet lives; 6
  --partitions N   4
  --outlets N      outlets of one group, which share templates by a topic instead of a file; 1`;

export const flowKill: Campaign<FlowKillOptions> = {
  name: "flow_kill",
  summary: "outlets killed at random moments; every flow is stored once",
  help: HELP,
  defaults: { kills: 50, rate: 500, life: 6, partitions: 4, outlets: 1 },
  choices: {},
  run: runFlowKill,
};

/** Runs the campaign. @returns whether every flow is stored once */
export async function runFlowKill(options: FlowKillOptions, print: Print): Promise<boolean> {
  const verdict = new Verdict(print);
  const folder = await Deno.makeTempDir({ prefix: "limier_flow_kill_" });
  try {
    await using broker = await startTestBroker({ properties: { "group.min.session.timeout.ms": "1000" } });
    await using store = startScriptedClickhouse({
      keys: MOST_DATAGRAMS * FLOWS,
      slowMs: 200,
      keyOf: ({ SrcAddr }) => typeof SrcAddr === "string" ? indexOf(SrcAddr) : undefined,
    });
    const kafka = `
  kafka:
    brokers: ["${broker.address}"]
    load_balance: by-exporter
    topic_configuration: { num_partitions: ${options.partitions} }`;
    await using inlet = await startAgentProcess({
      config: `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "" }
outputs: []
tcpinfo: { enabled: false }
flow:${kafka}
  inlet: { listen: [ { address: "127.0.0.1:0", decoder: netflow, receive_buffer: 8MiB } ] }`,
    });
    const config = `${folder}/outlet.yaml`;
    const shared = options.outlets > 1;
    await Deno.writeTextFile(
      config,
      `
http: { address: "" }
statsd: { udp_address: "" }
outputs: []
tcpinfo: { enabled: false }
flow:${kafka}
  outlet:
    clickhouse:
      servers: ["${store.url}"]
      compression: none
      skip_migrations: true
      skip_version_check: true
      maximum_wait_time: 300ms
      maximum_batch_size: 5000
    kafka_input: { session_timeout: 1s, fetch_min_bytes: 1, fetch_max_wait_time: 100ms }
    flow: { ${shared ? "share_state: true" : `state_persist_file: "${folder}/state.json"`} }`,
    );
    const outlet = new KilledOutlets(config, options, print);
    outlet.start();
    await began(broker.address, options.partitions);
    print(`killing ${options.kills} outlets within ${options.life} s each, at ${options.rate} datagrams a second`);
    const load = new Load(inlet.port("udp://"), options.rate);
    const sending = load.run();
    await outlet.kill();
    load.stop();
    await sending;
    const { datagrams, templates } = load;
    const received = async () => {
      const metrics = await inlet.metrics();
      return Object.entries(metrics).filter(([name]) => name.startsWith("limier_inlet_kafka_sent_messages_total"))
        .reduce((sum, [, value]) => sum + value, 0);
    };
    await until(async () => await received() === datagrams + templates, STALL_MS);
    verdict.require(await received() === datagrams + templates, `Kafka has all of ${datagrams + templates} datagrams`);
    const flows = datagrams * FLOWS;
    let seen = -1;
    for (let stalledMs = 0; store.distinct < flows && stalledMs < STALL_MS; stalledMs += 200) {
      await pause(200);
      if (store.distinct !== seen) stalledMs = 0;
      seen = store.distinct;
    }
    await outlet.stop();
    const missing = flows - store.distinct;
    if (missing > 0) missingOf(store.counts.subarray(0, flows)).forEach(print);
    verdict.require(missing === 0, `all of ${flows} flows are stored (${missing} are missing)`);
    verdict.require(store.repeated === 0, `none is stored twice (${store.repeated} are), in ${store.inserts} inserts`);
    verdict.require(outlet.kills === options.kills, `${outlet.kills} outlets were killed`);
    return verdict.holds;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Outlets of which one is killed at a time, and started again. */
class KilledOutlets {
  kills = 0;
  readonly #config: string;
  readonly #options: FlowKillOptions;
  readonly #print: Print;
  readonly #children: Deno.ChildProcess[] = [];

  constructor(config: string, options: FlowKillOptions, print: Print) {
    this.#config = config;
    this.#options = options;
    this.#print = print;
  }

  start(): void {
    for (let i = 0; i < this.#options.outlets; i++) this.#children.push(this.#startOne());
  }

  #startOne(): Deno.ChildProcess {
    const [program = "", ...args] = LIMIER;
    return new Deno.Command(program, {
      args: [...args, "run", "-f", this.#config, "--log-level", "error"],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
  }

  /** Kills as many as wanted; those that are started last live on. */
  async kill(): Promise<void> {
    const { kills, life, outlets } = this.#options;
    while (this.kills < kills) {
      await pause(Math.random() * life * 1000);
      const which = Math.floor(Math.random() * outlets);
      this.#children[which]!.kill("SIGKILL");
      await this.#children[which]!.status;
      this.kills++;
      this.#children[which] = this.#startOne();
      if (this.kills % 10 === 0) this.#print(`${this.kills} killed`);
    }
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill("SIGTERM");
    await Promise.all(this.#children.map(({ status }) => status));
  }
}

/** Who sends; the last two speak version 9. */
const EXPORTERS = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"];

/** Whose datagrams are missing, and which of them: what is lost in one piece was lost for one reason. */
function missingOf(counts: Uint8Array): string[] {
  return EXPORTERS.map((exporter, which) => {
    const lost: number[] = [];
    for (let i = which; i * FLOWS < counts.length; i += EXPORTERS.length) {
      if (counts.subarray(i * FLOWS, (i + 1) * FLOWS).includes(0)) lost.push(i);
    }
    const runs = lost.filter((i, k) => lost[k - 1] !== i - EXPORTERS.length).length;
    return `  of ${exporter}: ${lost.length} datagrams, in ${runs} runs, from ${lost[0] ?? "-"} to ${
      lost.at(-1) ?? "-"
    }`;
  });
}

/** Sends datagrams at a pace; each flow has a source address of its own. */
class Load {
  /** Datagrams with flows in them. */
  datagrams = 0;
  templates = 0;
  readonly #port: number;
  readonly #rate: number;
  #stopped = false;

  constructor(port: number, rate: number) {
    this.#port = port;
    this.#rate = rate;
  }

  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<void> {
    const sockets = EXPORTERS.map((hostname) => Deno.listenDatagram({ transport: "udp", hostname, port: 0 }));
    const to: Deno.NetAddr = { transport: "udp", hostname: "127.0.0.1", port: this.#port };
    for (const socket of sockets.slice(2)) {
      await socket.send(v9Template(), to);
      this.templates++;
    }
    const startMs = performance.now();
    while (!this.#stopped && this.datagrams < MOST_DATAGRAMS) {
      const due = Math.min(MOST_DATAGRAMS, (performance.now() - startMs) / 1000 * this.#rate);
      for (; this.datagrams < due; this.datagrams++) {
        const which = this.datagrams % sockets.length;
        const payload = which < 2 ? v5Datagram(FLOWS * this.datagrams, FLOWS) : v9Datagram(this.datagrams);
        await sockets[which]!.send(payload, to);
      }
      await pause(5);
    }
    for (const socket of sockets) socket.close();
  }
}

const FIRST_ADDRESS = 0x0a000000; // 10.0.0.0

function indexOf(address: string): number | undefined {
  const parts = address.split(".").map(Number);
  if (parts.length !== 4 || parts[0] !== 10) return undefined;
  return parts[1]! * 65_536 + parts[2]! * 256 + parts[3]!;
}

/** Source and destination address, packets, octets. */
const V9_FIELDS = [[8, 4], [12, 4], [2, 4], [1, 4]] as const;
const V9_TEMPLATE = 300;

function v9(set: number, content: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(20 + 4 + 4 * content.length));
  view.setUint16(0, 9);
  view.setUint16(2, 1);
  view.setUint32(8, 1_700_000_000);
  view.setUint16(20, set);
  view.setUint16(22, 4 + 4 * content.length);
  content.forEach((word, i) => view.setUint32(24 + 4 * i, word));
  return new Uint8Array(view.buffer);
}

function v9Template(): Uint8Array {
  return v9(0, [V9_TEMPLATE * 65_536 + V9_FIELDS.length, ...V9_FIELDS.map(([id, length]) => id * 65_536 + length)]);
}

function v9Datagram(number: number): Uint8Array {
  const rows = Array.from({ length: FLOWS }, (_, i) => [FIRST_ADDRESS + number * FLOWS + i, 0xc6336407, 10, 8400]);
  return v9(V9_TEMPLATE, rows.flat());
}

/** Waits until the group has said where it begins, in every partition. */
async function began(address: string, partitions: number): Promise<void> {
  const cluster = new KafkaCluster({ brokers: [address], clientId: "campaign", clock: realClock });
  try {
    await until(async () => {
      const offsets = await committedOffsets(cluster, "limier-outlet", null).catch(() => []);
      return offsets.filter(({ offset }) => offset >= 0).length === partitions;
    }, STALL_MS);
  } finally {
    cluster.close();
  }
}

async function until(holds: () => Promise<boolean>, patienceMs: number): Promise<void> {
  for (const endMs = performance.now() + patienceMs; !await holds() && performance.now() < endMs;) await pause(100);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
