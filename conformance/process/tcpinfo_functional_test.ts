/**
 * The tcpinfo source against the kernel: connections between network namespaces that carry known numbers of bytes. Skipped
 * where a host doesn't let a test have namespaces.
 */
import assert from "node:assert/strict";
import { type AgentProcess, LIMIER, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { temporaryFolder } from "./limier.ts";
import { readArchive } from "./tcp_archive.ts";
import { newTcpNetwork, type PeerProgram, type TcpNetwork, WATCHED, whyNoNetwork } from "./tcp_network.ts";

const WHY_NOT = await whyNoNetwork();
if (WHY_NOT !== undefined) console.warn(`Skipping tests of tcpinfo against the kernel: ${WHY_NOT}`);

function networkTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({ name, fn, ignore: WHY_NOT !== undefined });
}

const PORT = 5001;
/** How often the agent polls where the test doesn't say. */
const POLL = "100ms";
/** Creating files takes milliseconds each where others keep the disk busy. */
const FLUSH_MS = 3000;

function configOf(directory: string, more = ""): string {
  return `
http: { address: "127.0.0.1:8127" }
statsd: { udp_address: "127.0.0.1:8125", interval: 10s, hostname: h }
tcpinfo:
  poll_interval: ${POLL}
  archive: { directory: "${directory}", uuid_prefix: host_1700000000, flush_interval: ${FLUSH_MS}ms }
${more}
outputs: [{ name: none, kind: blackhole }]
`;
}

function startAgent(network: TcpNetwork, config: string): Promise<AgentProcess> {
  return startAgentProcess({ config, command: [...network.enter, ...LIMIER] });
}

async function startServer(network: TcpNetwork): Promise<PeerProgram> {
  const server = network.peer("watched", "serve", "0.0.0.0", PORT);
  assert.equal(await server.line(), "ready");
  return server;
}

/** What the server did on connections that are closed: bytes read and sent, by `ADDRESS PORT` of the client. */
async function served(server: PeerProgram, count: number): Promise<Map<string, { read: number; sent: number }>> {
  const all = new Map<string, { read: number; sent: number }>();
  while (all.size < count) {
    const [address, port, read, sent] = (await server.line()).split(" ");
    all.set(`${address} ${port}`, { read: Number(read), sent: Number(sent) });
  }
  return all;
}

async function untilMetrics(
  network: TcpNetwork,
  agent: AgentProcess,
  isThere: (metrics: Record<string, number>) => boolean,
): Promise<Record<string, number>> {
  for (;;) {
    const metrics = await network.metrics(`${agent.url}/metrics`);
    if (isThere(metrics)) return metrics;
    await new Promise((go) => setTimeout(go, 100));
  }
}

const closedOf = (metrics: Record<string, number>) =>
  ["absent", "destroyed", "shutdown"]
    .reduce((sum, reason) => sum + metrics[`limier_tcpinfo_connections_closed_total{reason="${reason}"}`]!, 0);

/** Every connection that the server closed is in the archive, with what it carried. */
async function checkArchive(
  directory: string,
  load: ReadonlyMap<string, { read: number; sent: number }>,
): Promise<{ sent: number; received: number; records: number }> {
  const { byRemote, partial, errors, files } = await readArchive(directory);
  assert.deepEqual(errors, []);
  assert.deepEqual(partial, []);
  let sent = 0, received = 0, records = 0, wrong = 0;
  const first: unknown[] = [];
  for (const [remote, want] of load) {
    const got = byRemote.get(remote);
    const isRight = got !== undefined && got.sent === want.sent && got.received - 1 === want.read;
    if (!isRight && wrong++ < 5) first.push({ remote, want, got });
    sent += want.sent;
    received += want.read + 1;
    records += got?.records ?? 0;
  }
  console.log(`    ${load.size} connections, ${files.length} files, ${records} records, ${wrong} wrong`);
  assert.equal(wrong, 0, JSON.stringify(first));
  return { sent, received, records };
}

async function zstdTest(directory: string): Promise<void> {
  const { files } = await readArchive(directory);
  for (let at = 0; at < files.length; at += 500) {
    try {
      const { success, stderr } = await new Deno.Command("zstd", { args: ["-tq", ...files.slice(at, at + 500)] })
        .output();
      assert.ok(success, new TextDecoder().decode(stderr));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      console.warn("    there is no zstd(1) to test the files with");
      return;
    }
  }
}

networkTest("5,000 connections from two namespaces are archived, each with the bytes that it carried", async () => {
  const count = 2500;
  await using network = await newTcpNetwork();
  await using folder = await temporaryFolder();
  const directory = `${folder.path}/archive`;
  const agent = await startAgent(network, configOf(directory));
  const server = await startServer(network);
  const loads = [
    network.peer("b", "load", WATCHED.b, PORT, count, 2000, 3000),
    network.peer("c", "load", WATCHED.c, PORT, count, 20_000, 30_000),
  ];
  for (const load of loads) assert.equal(await load.line(), "open");
  await untilMetrics(network, agent, (metrics) => metrics["limier_tcpinfo_open_connections"] === 2 * count);
  for (const load of loads) await load.tell("move");
  for (const load of loads) assert.equal(await load.line(), "moved");
  for (const load of loads) await load.tell("close");
  const carried = await served(server, 2 * count);
  const metrics = await untilMetrics(network, agent, (metrics) => closedOf(metrics) === 2 * count);
  assert.equal(metrics["limier_tcpinfo_connections_opened_total"], 2 * count);
  assert.equal(metrics["limier_tcpinfo_open_connections"], 0);
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0, stderr);
  const total = await checkArchive(directory, carried);
  // Retransmissions are bytes that were sent, too.
  assert.ok(metrics["limier_tcpinfo_sent_bytes_total"]! >= total.sent);
  assert.equal(metrics["limier_tcpinfo_received_bytes_total"], total.received);
  await zstdTest(directory);
});

for (const idle of [0, 4500]) {
  networkTest(
    `3,000 short connections beside ${idle} idle ones are all archived, each with its final counts`,
    async () => {
      const holdsUs = [100, 5000, 20_000], count = 1000;
      await using network = await newTcpNetwork();
      await using folder = await temporaryFolder();
      const directory = `${folder.path}/archive`;
      const agent = await startAgent(network, configOf(directory).replace(POLL, "1s"));
      const server = await startServer(network);
      const holding = idle === 0 ? undefined : network.peer("c", "load", WATCHED.c, PORT, idle, 100, 100);
      if (holding !== undefined) {
        assert.equal(await holding.line(), "open");
        await untilMetrics(network, agent, (metrics) => metrics["limier_tcpinfo_open_connections"] === idle);
      }
      for (const holdUs of holdsUs) {
        const { success } = await network.peer("b", "short", WATCHED.b, PORT, count, 1000, 1500, holdUs, 8).status;
        assert.ok(success);
      }
      const carried = await served(server, holdsUs.length * count);
      const metrics = await untilMetrics(network, agent, (metrics) => closedOf(metrics) === holdsUs.length * count);
      console.log(`    ${metrics["limier_tcpinfo_connections_missed_total"]} lived between two polls`);
      assert.ok(metrics["limier_tcpinfo_connections_missed_total"]! > 0);
      assert.equal(metrics["limier_tcpinfo_notifications_overflows_total"], 0);
      const { code, stderr } = await agent.stop();
      assert.equal(code, 0, stderr);
      await checkArchive(directory, carried);
      await zstdTest(directory);
    },
  );
}

networkTest(
  "after SIGKILL every record older than the flush interval can be read, and a restart completes the files",
  async () => {
    const count = 500;
    await using network = await newTcpNetwork();
    await using folder = await temporaryFolder();
    const directory = `${folder.path}/archive`;
    const config = configOf(directory);
    const killed = await startAgent(network, config);
    const server = await startServer(network);
    const load = network.peer("b", "load", WATCHED.b, PORT, count, 2000, 3000);
    assert.equal(await load.line(), "open");
    await load.tell("move");
    assert.equal(await load.line(), "moved");
    // New connections go on coming and going while it is killed.
    const busy = network.peer("c", "short", WATCHED.c, PORT, 100_000, 1000, 1500, 50_000, 2);
    // The records of the first load are older than the flush interval by then.
    const movedMs = Date.now();
    await untilMetrics(network, killed, (metrics) => {
      return metrics["limier_tcpinfo_open_connections"]! >= count && Date.now() - movedMs > 2 * FLUSH_MS;
    });
    const killedMs = Date.now();
    killed.signal("SIGKILL");
    await killed.ended;
    const before = await readArchive(directory);
    console.log(`    killed: ${before.files.length} files, ${before.partial.length} of them unfinished`);
    assert.ok(before.partial.length >= count);
    assert.deepEqual(before.errors, []);
    const ofLoad = [...before.byRemote.values()].filter(({ remote }) => remote === "192.0.2.2");
    assert.equal(ofLoad.length, count);
    for (const { sent, received } of ofLoad) {
      assert.ok(sent >= 3000 && received >= 2000, "what was moved seconds before is there");
    }
    // Short connections end all the time: the last that can be read is no older than the flush interval.
    const last = Math.max(...[...before.byRemote.values()].map(({ last }) => Date.parse(last)));
    console.log(`    the last record that can be read is ${killedMs - last} ms older than the kill`);
    assert.ok(killedMs - last <= FLUSH_MS);

    await using again = await startAgent(network, config);
    const after = await readArchive(directory);
    const left = new Set(before.partial);
    assert.deepEqual(after.partial.filter((path) => left.has(path) && !isOpenAgain(path, after.files)), []);
    await busy[Symbol.asyncDispose]();
    await load.tell("close");
    assert.equal(await load.line(), "closed");
    await untilMetrics(network, again, (metrics) => {
      return metrics["limier_tcpinfo_open_connections"] === 0 && metrics["limier_tcpinfo_polls_total"]! > 10;
    });
    const { code, stderr } = await again.stop();
    assert.equal(code, 0, stderr);
    const repaired = await readArchive(directory);
    assert.deepEqual(repaired.partial, []);
    assert.deepEqual(repaired.errors, []);
    for (const { uuid } of ofLoad) {
      const name = `${uuid}.00000.jsonl.zst`;
      assert.ok(repaired.files.some((path) => path.endsWith(name)), `${name} was kept`);
    }
    await zstdTest(directory);
    await server[Symbol.asyncDispose]();
  },
);

/** Whether an unfinished file is one that the new process has begun: what was left has its name by then. */
function isOpenAgain(path: string, files: readonly string[]): boolean {
  return files.includes(path.slice(0, -".partial".length));
}
