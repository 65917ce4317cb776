import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import { type AgentProcess, LIMIER, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { sendSteadily } from "../../scripts/campaigns/steady_sending.ts";
import { effectiveCapabilities, openUdpSocket } from "../../src/linux/mod.ts";
import { sendUdp, temporaryFolder } from "./limier.ts";
import { startRecorder } from "./recorder.ts";
import { isFile, testUnless } from "../../src/testing/mod.ts";

const isLinux = Deno.build.os === "linux";

const capabilities = isLinux ? effectiveCapabilities(Deno.readTextFileSync("/proc/self/status")) ?? [] : [];

const ROUNDS = 4;
const DATAGRAMS_PER_SECOND = 50_000;

/** What an agent said when it had stopped. */
function booksOf({ log }: AgentProcess): { received: number; dropped: number } {
  const { datagrams_received: received, datagrams_dropped: dropped } =
    log.find(({ message }) => message === "stopped") ?? {};
  return { received: Number(received), dropped: Number(dropped) };
}

/** Resolves once the agent's count of datagrams rises. */
async function receives(agent: AgentProcess): Promise<void> {
  const seen = (await agent.metrics()).limier_statsd_datagrams_received_total!;
  for (let now = seen; now === seen;) now = (await agent.metrics()).limier_statsd_datagrams_received_total!;
}

/** Takes turns under a load from one port; the sum of what all received is what was sent. */
async function takeTurns(statsd: string): Promise<void> {
  await using folder = await temporaryFolder();
  await using agents = new AsyncDisposableStack();
  const config = `
takeover: { enabled: true, directory: "${folder.path}/run" }
statsd: { udp_address: "127.0.0.1:0", interval: 1h, read_buffer_size_bytes: 64MiB, ${statsd} }
http: { address: "127.0.0.1:0" }
outputs: []
`;
  const start = async () => agents.use(await startAgentProcess({ config }));
  const first = await start();
  const turns = [first];
  const port = first.port("udp");
  using load = sendSteadily(port, DATAGRAMS_PER_SECOND);
  await receives(first);
  for (let round = 0; round < ROUNDS; round++) {
    const successor = await start();
    assert.deepEqual([successor.port("udp"), successor.url], [port, first.url]);
    const { code, stderr } = await turns.at(-1)!.ended;
    assert.equal(code, 0, stderr);
    turns.push(successor);
    await receives(successor);
  }
  const sent = await load.stop();
  await turns.at(-1)!.stop();
  const books = turns.map(booksOf);
  const sum = (key: "received" | "dropped") => books.reduce((total, one) => total + one[key], 0);
  assert.ok(books.every(({ received }) => received > 0), JSON.stringify(books));
  // Nothing may be missing that no socket has counted.
  assert.equal(sent, sum("received") + sum("dropped"));
  // With buffers of that size a socket has no reason to drop; without the capability, rmem_max bounds them.
  if (capabilities.includes("CAP_NET_ADMIN")) assert.equal(sum("dropped"), 0);
}

for (
  const statsd of [
    "num_readers: 1",
    "num_readers: 2",
    "num_readers: 2, load_balancing: ebpf",
    "num_readers: 2, load_balancing: cbpf",
  ]
) {
  Deno.test({
    name: `agents with ${statsd} take over from each other under load without losing a datagram`,
    ignore: !isLinux,
    fn: () => takeTurns(statsd),
  });
}

/** A folder for both, and the configuration of a pair. */
function configOf(folder: string, sections: string): string {
  return `takeover: { enabled: true, directory: "${folder}/run" }\n${sections}`;
}

const LISTENERS = `
statsd: { udp_address: "127.0.0.1:0", interval: 1h }
http: { address: "127.0.0.1:0" }
outputs: []
`;

testUnless(
  isLinux && isFile("/usr/bin/setpriv") && Deno.uid() === 0 ? undefined : "it needs root and setpriv",
  "a successor with fewer readers, and without capabilities, loses nothing",
  async () => {
    await using folder = await temporaryFolder();
    const command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", ...LIMIER];
    const start = (readers: number) =>
      startAgentProcess({
        command,
        config: configOf(folder.path, LISTENERS.replace("interval", `num_readers: ${readers}, interval`)),
      });
    await using old = await start(3);
    const port = old.port("udp");
    using load = sendSteadily(port, 20_000);
    await using young = await start(1);
    assert.equal((await old.ended).code, 0);
    assert.ok(young.log.some(({ message }) => /EPERM .* classic BPF/.test(String(message))));
    assert.ok(
      young.log.some(({ message }) => /^Cannot take over 3 sockets by classic BPF with 1/.test(String(message))),
    );
    await new Promise((resolve) => setTimeout(resolve, 200)); // some of the load comes to the successor alone
    const sent = await load.stop();
    await young.stop();
    const books = [old, young].map(booksOf);
    assert.ok(books.every(({ received }) => received > 0), JSON.stringify(books));
    assert.equal(books.reduce((sum, { received, dropped }) => sum + received + dropped, 0), sent);
  },
);

Deno.test({
  name: "a successor has the TCP and unix listeners, and the spool, when the predecessor has let go of them",
  ignore: !isLinux,
  async fn() {
    await using folder = await temporaryFolder();
    await using datadog = startRecorder(() => new Response(null, { status: 202 }));
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port: tcp } = free.addr;
    free.close();
    const config = configOf(
      folder.path,
      `
statsd:
  interval: 1h
  udp_address: "127.0.0.1:0"
  tcp_address: "127.0.0.1:${tcp}"
  statsd_listen_addresses: ["unixgram://${folder.path}/s.sock", "unix://${folder.path}/t.sock"]
http: { address: "${folder.path}/http.sock" }
spool: { directory: "${folder.path}/spool" }
outputs: [{ name: dd, kind: datadog, key: k, hosts: ["${datadog.url}"], spool: true }]
`,
    );
    await using old = await startAgentProcess({ config });
    await sendUdp(old.port("udp"), ["old:1|c"]);
    await using young = await startAgentProcess({ config });
    assert.equal((await old.ended).code, 0);
    await sendUdp(young.port("udp"), ["young.udp:1|c"]);
    const streams = {
      tcp: await Deno.connect({ hostname: "127.0.0.1", port: tcp }),
      unix: await Deno.connect({ transport: "unix", path: `${folder.path}/t.sock` }),
    };
    for (const [name, stream] of Object.entries(streams)) {
      await stream.write(new TextEncoder().encode(`young.${name}:1|c\n`));
      stream.close();
    }
    const { code, stderr } = await young.stop();
    assert.equal(code, 0, stderr);
    const bodies = datadog.requests.map(({ body }) => new TextDecoder().decode(inflateSync(body)));
    for (const name of ["old", "young.udp", "young.tcp", "young.unix"]) {
      assert.ok(bodies.some((body) => body.includes(`"${name}"`)), `${name} in ${bodies}`);
    }
  },
});

Deno.test({
  name: "requests over HTTP are answered while agents take over from each other",
  ignore: !isLinux,
  async fn() {
    await using folder = await temporaryFolder();
    const config = configOf(folder.path, LISTENERS);
    await using agents = new AsyncDisposableStack();
    let agent = agents.use(await startAgentProcess({ config }));
    const answers = new Set<string>();
    let asks = true;
    const request = new TextEncoder().encode(
      "GET /healthcheck HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    const asking = Promise.all(Array.from({ length: 4 }, async () => {
      while (asks) {
        try {
          using connection = await Deno.connect({ hostname: "127.0.0.1", port: agent.port("http") });
          await connection.write(request);
          const answer = await new Response(connection.readable).text();
          answers.add(answer.replace(/\r\n[^]*\r\n\r\n/, " "));
        } catch (error) {
          answers.add(String(error));
        }
      }
    }));
    for (let round = 0; round < ROUNDS; round++) {
      const successor = agents.use(await startAgentProcess({ config }));
      assert.equal((await agent.ended).code, 0);
      agent = successor;
    }
    asks = false;
    await asking;
    assert.deepEqual([...answers], ["HTTP/1.1 200 OK ok\n"]);
  },
});

Deno.test({
  name: "an agent goes on when its successor fails to start",
  ignore: !isLinux,
  async fn() {
    await using folder = await temporaryFolder();
    const config = configOf(folder.path, LISTENERS);
    await using agent = await startAgentProcess({ config });
    using taken = openUdpSocket({ address: { hostname: "127.0.0.1", port: 0 } });
    const { port } = taken.address;
    const second = `statsd_listen_addresses: ["udp://127.0.0.1:${port}"], interval`;
    await assert.rejects(
      startAgentProcess({ config: config.replace("interval", second) }),
      /EADDRINUSE/,
    );
    await agent.logged({ message: "A successor went before it took over, going on" });
    await sendUdp(agent.port("udp"), Array.from({ length: 100 }, () => "still.here:1|c"));
    assert.equal((await agent.stop()).code, 0);
    assert.deepEqual(booksOf(agent), { received: 100, dropped: 0 });
  },
});

Deno.test({
  name: "an agent is not taken over from without the switch, or through another directory",
  ignore: !isLinux,
  async fn() {
    await using folder = await temporaryFolder();
    await using agent = await startAgentProcess({ config: configOf(folder.path, LISTENERS) });
    const listeners = LISTENERS.replace(`udp_address: "127.0.0.1:0"`, `udp_address: "127.0.0.1:${agent.port("udp")}"`);
    for (const config of [listeners, configOf(`${folder.path}/other`, listeners)]) {
      await assert.rejects(startAgentProcess({ config }), /Cannot bind 127\.0\.0\.1:\d+: EADDRINUSE/);
    }
    assert.equal((await fetch(`${agent.url}/healthcheck`)).status, 200);
  },
});
