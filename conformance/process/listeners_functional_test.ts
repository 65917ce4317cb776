import assert from "node:assert/strict";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { limier, pointsOf, sendUdp, temporaryFolder } from "./limier.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/** Whether this host has IPv6 on loopback. */
const hasIpv6 = Deno.networkInterfaces().some(({ address }) => address === "::1");

function freeUdpPort(): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  socket.close();
  return port;
}

async function sendUnixDatagram(folder: string, path: string, text: string): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "unixpacket", path: `${folder}/${crypto.randomUUID().slice(0, 8)}` });
  try {
    await socket.send(new TextEncoder().encode(text), { transport: "unixpacket", path });
  } finally {
    socket.close();
  }
}

async function sendStream(connection: Deno.Conn, text: string): Promise<void> {
  await connection.write(new TextEncoder().encode(text));
  await connection.closeWrite();
  await new Response(connection.readable).text(); // until the agent has read it all and closes
}

Deno.test("the documented start, deno task start, prints what deno task limier emit sends to it", async () => {
  const port = freeUdpPort();
  const env = { LIMIER_STATSD__UDP_ADDRESS: `127.0.0.1:${port}`, LIMIER_HTTP__ADDRESS: "127.0.0.1:0" };
  await using agent = await startAgentProcess({
    config: "",
    command: [Deno.execPath(), "task", "start"],
    args: () => [],
    env: { ...env, LIMIER_STATSD__INTERVAL: "1s" },
    cwd: ROOT,
    keepsOutput: true,
  });
  assert.deepEqual(agent.addresses[0], `udp://127.0.0.1:${port}`);
  const emitted = await new Deno.Command(Deno.execPath(), {
    args: ["task", "limier", "emit", "-name", "a.b", "-count", "3"],
    cwd: ROOT,
    env,
    stdin: "null",
  }).output();
  assert.equal(emitted.code, 0, new TextDecoder().decode(emitted.stderr));
  await agent.prints((printed) => pointsOf(printed, "a.b").length > 0);
  const [{ at: _at, timestamp: _timestamp, ...point }] = pointsOf(agent.printed, "a.b") as [Record<string, unknown>];
  assert.deepEqual(point, {
    kind: "point",
    name: "a.b",
    type: "rate",
    value: 3,
    tags: [],
    host: Deno.hostname(),
    interval: 1,
  });
  const { code } = await agent.stop();
  assert.equal(code, 0);
});

Deno.test("all transports listen at once, each address is logged with its port, and each line is taken once", async () => {
  await using folder = await temporaryFolder();
  const path = (name: string) => `${folder.path}/${name}.sock`;
  const listen = [
    "udp://127.0.0.1:0",
    "udp4://127.0.0.1:0",
    ...hasIpv6 ? ["udp6://[::1]:0"] : [],
    "tcp://127.0.0.1:0",
    `unix://${path("stream")}`,
    `unixgram://${path("datagram")}`,
    "unixgram://@limier-listeners-" + crypto.randomUUID(),
  ];
  const config = `
http: { address: "127.0.0.1:0" }
statsd:
  tcp_address: "127.0.0.1:0"
  statsd_listen_addresses: ${JSON.stringify(listen)}
  ssf_listen_addresses: ["udp://127.0.0.1:0"]
  interval: 1h
  num_readers: 2
`;
  await using agent = await startAgentProcess({ config, keepsOutput: true });
  const ports = new Set<number>();
  for (const address of agent.addresses.filter((one) => !one.startsWith("unix"))) {
    const port = Number(/:(\d+)$/.exec(address)?.[1]);
    assert.ok(port > 0 && !ports.has(port), address);
    ports.add(port);
  }
  const schemes = agent.addresses.map((address) => address.slice(0, address.indexOf(":"))).toSorted();
  const expected = [...listen.map((address) => address.slice(0, address.indexOf(":"))), "tcp", "udp", "http"]
    .toSorted();
  assert.deepEqual(schemes, expected);
  assert.equal((await Deno.stat(path("datagram"))).mode! & 0o777, 0o666);

  await sendTo(agent, folder.path);
  const { code, stdout, stderr } = await agent.stop();
  assert.equal(code, 0, stderr);
  const [point] = pointsOf(stdout, "hits");
  assert.equal(Math.round(Number(point!.value) * 3600), listen.length + 1);
  for (const name of ["stream", "datagram"]) await assert.rejects(Deno.lstat(path(name)), Deno.errors.NotFound);
  assert.deepEqual([...Deno.readDirSync(folder.path)].filter(({ name }) => name.endsWith(".lock")), []);
});

/** One hit to each DogStatsD address that the agent has logged. */
async function sendTo(agent: AgentProcess, folder: string): Promise<void> {
  let ssf = true; // the first UDP address behind the streams is the one for spans
  for (const address of agent.addresses.toReversed()) {
    const [, scheme = "", rest = ""] = /^(\w+):\/\/(.*)$/.exec(address) ?? [];
    const hostname = rest.startsWith("[") ? "::1" : "127.0.0.1";
    const port = Number(rest.slice(rest.lastIndexOf(":") + 1));
    if (scheme === "udp" && ssf) ssf = false;
    else if (scheme.startsWith("udp")) await sendUdp(port, ["hits:1|c"], hostname);
    else if (scheme === "tcp") await sendStream(await Deno.connect({ hostname, port }), "hits:1|c\n");
    else if (scheme === "unix") await sendStream(await Deno.connect({ transport: "unix", path: rest }), "hits:1|c\n");
    else if (scheme === "unixgram") await sendUnixDatagram(folder, rest.replace(/^@/, "\0"), "hits:1|c");
  }
}

for (const scheme of ["unixgram", "unix"]) {
  Deno.test(`a second agent on the same ${scheme} path exits 3 and leaves the first one alone`, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/statsd.sock`;
    const config = `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "", statsd_listen_addresses: ["${scheme}://${path}"], interval: 1h }
`;
    await using agent = await startAgentProcess({ config, keepsOutput: true });
    const second = await limier(["run", "-f", agent.configPath]);
    assert.equal(second.code, 3, second.stderr);
    assert.match(second.stderr, /another instance holds the lock/);
    assert.equal(second.stdout, "");
    if (scheme === "unix") await sendStream(await Deno.connect({ transport: "unix", path }), "hits:1|c\n");
    else await sendUnixDatagram(folder.path, path, "hits:1|c");
    const { stdout } = await agent.stop();
    assert.equal(pointsOf(stdout, "hits").length, 1);
    // Neither the lock nor the socket outlives it.
    await using third = await startAgentProcess({ config });
    assert.equal((await third.stop()).code, 0);
  });

  Deno.test(`an agent takes a ${scheme} path over from one that was killed`, async () => {
    await using folder = await temporaryFolder();
    const config = `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "", statsd_listen_addresses: ["${scheme}://${folder.path}/statsd.sock"], interval: 1h }
`;
    await using killed = await startAgentProcess({ config });
    killed.signal("SIGKILL");
    await killed.ended;
    await using agent = await startAgentProcess({ config });
    assert.equal((await agent.stop()).code, 0);
  });
}

Deno.test("an address that is taken ends the start with 1, and says which", async () => {
  await using folder = await temporaryFolder();
  const taken = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  try {
    const { port } = taken.addr as Deno.NetAddr;
    const cases: [config: string, says: RegExp][] = [
      [`statsd: { udp_address: "127.0.0.1:${port}" }`, new RegExp(`Cannot bind .*127\\.0\\.0\\.1:${port}.*EADDRINUSE`)],
      [`statsd: { statsd_listen_addresses: ["unixgram://${folder.path}/no/such.sock"] }`, /no\/such\.sock.*ENOENT/],
    ];
    for (const [statsd, says] of cases) {
      const path = `${folder.path}/limier.yaml`;
      await Deno.writeTextFile(path, `http: { address: "127.0.0.1:0" }\n${statsd}\n`);
      const { code, stderr } = await limier(["run", "-f", path]);
      assert.match(stderr, says);
      assert.equal(code, 1);
    }
  } finally {
    taken.close();
  }
});
