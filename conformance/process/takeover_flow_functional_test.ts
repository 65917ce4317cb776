import assert from "node:assert/strict";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { startScriptedClickhouse } from "../../scripts/campaigns/scripted_clickhouse.ts";
import { sendSteadily } from "../../scripts/campaigns/steady_sending.ts";
import { temporaryFolder } from "./limier.ts";

const ROUNDS = 2;
const DATAGRAMS_PER_SECOND = 50_000;

/** NetFlow v5 with one record of one packet of 100 octets (header 24 octets, record 48). */
function onePacket(): Uint8Array<ArrayBuffer> {
  const datagram = new Uint8Array(72);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, 5);
  view.setUint16(2, 1);
  view.setUint32(8, 1_700_000_000);
  view.setUint32(24, 0xc000_0201);
  view.setUint32(28, 0xc633_6401);
  view.setUint32(40, 1);
  view.setUint32(44, 100);
  return datagram;
}

/** What the listener said when it closed. */
function booksOf({ log }: AgentProcess): { received: number; dropped: number } {
  const { datagrams_received: received, datagrams_dropped: dropped } =
    log.find(({ message }) => message === "flow listener closed") ?? {};
  return { received: Number(received), dropped: Number(dropped) };
}

/** Resolves once the inlet's count of datagrams rises. */
async function receives(agent: AgentProcess): Promise<void> {
  const count = async () =>
    Object.entries(await agent.metrics())
      .filter(([name]) => name.startsWith("limier_inlet_flow_input_udp_packets_total"))
      .reduce((sum, [, value]) => sum + value, 0);
  const seen = await count();
  while (await count() === seen);
}

for (const listener of ["workers: 1", "workers: 2, load_balancing: ebpf"]) {
  Deno.test({
    name:
      `agents whose flow listener has ${listener} take over from each other, and every datagram is received and stored`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      await using folder = await temporaryFolder();
      await using store = startScriptedClickhouse({ slowMs: 20 });
      await using agents = new AsyncDisposableStack();
      const config = `
takeover: { enabled: true, directory: "${folder.path}/run" }
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "" }
outputs: []
tcpinfo: { enabled: false }
flow:
  inlet: { listen: [ { address: "127.0.0.1:0", decoder: netflow, receive_buffer: 64MiB, ${listener} } ] }
  outlet:
    clickhouse: { servers: ["${store.url}"], compression: none, skip_migrations: true }
`;
      const start = async () => agents.use(await startAgentProcess({ config }));
      const first = await start();
      const turns = [first];
      const port = first.port("udp://");
      using load = sendSteadily(port, DATAGRAMS_PER_SECOND, onePacket());
      await receives(first);
      for (let round = 0; round < ROUNDS; round++) {
        const successor = await start();
        assert.equal(successor.port("udp://"), port);
        const { code, stderr } = await turns.at(-1)!.ended;
        assert.equal(code, 0, stderr);
        turns.push(successor);
        await receives(successor);
      }
      const sent = await load.stop();
      const { code, stderr } = await turns.at(-1)!.stop();
      assert.equal(code, 0, stderr);
      const books = turns.map(booksOf);
      const sum = (key: "received" | "dropped") => books.reduce((total, one) => total + one[key], 0);
      assert.ok(books.every(({ received }) => received > 0), JSON.stringify(books));
      // Nothing may be missing that no socket has counted, and what was received is in the store.
      assert.equal(sent, sum("received") + sum("dropped"), JSON.stringify(books));
      assert.equal(store.rows, sum("received"));
    },
  });
}
