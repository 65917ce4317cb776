import assert from "node:assert/strict";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { pointsOf, sendUdp, temporaryFolder } from "./limier.ts";

function configOf(statsd: string, rest = ""): string {
  return `http: { address: "127.0.0.1:0", config: true }\nstatsd: { udp_address: "127.0.0.1:0", ${statsd} }\n${rest}`;
}

const RELOADED = { message: "configuration reloaded" };
const RESTARTED = { message: "configuration reloaded, listeners started anew" };
const REFUSED = { message: "Cannot use the changed configuration, the old one stays" };

/** Writes the file anew, signals, and waits for what the agent then says. */
async function reload(agent: AgentProcess, config: string, expected: Record<string, unknown>): Promise<number> {
  const from = agent.log.length;
  await Deno.writeTextFile(agent.configPath, config);
  agent.signal("SIGHUP");
  await agent.logged(expected, from);
  return from;
}

async function emit(agent: AgentProcess, line: string): Promise<void> {
  await sendUdp(agent.port("udp://"), [line]);
}

async function untilReceived(agent: AgentProcess, datagrams: number): Promise<void> {
  while ((await agent.metrics()).limier_statsd_datagrams_received_total !== datagrams) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function shownInterval(agent: AgentProcess): Promise<string> {
  return (await (await fetch(`${agent.url}/config`)).json()).statsd.interval;
}

Deno.test("SIGHUP takes over a changed interval without losing what was sampled", async () => {
  await using agent = await startAgentProcess({ config: configOf("interval: 1h"), keepsOutput: true });
  const { pid } = agent;
  await emit(agent, "before:1|c");
  const port = agent.port("udp://");
  await reload(agent, configOf("interval: 1s, tags: [v:2]"), RELOADED);
  await emit(agent, "after:1|c");
  await agent.prints((printed) => pointsOf(printed, "before").length > 0 && pointsOf(printed, "after").length > 0);
  const [before] = pointsOf(agent.printed, "before");
  assert.deepEqual([before!.interval, before!.tags], [1, ["v:2"]]);
  assert.equal(await shownInterval(agent), "1s");
  assert.equal(agent.port("udp://"), port);
  assert.equal(agent.pid, pid);
  assert.equal((await agent.stop()).code, 0);
});

Deno.test("SIGHUP with a bad file keeps the old configuration and says where the faults are", async () => {
  await using agent = await startAgentProcess({ config: configOf("interval: 1s"), keepsOutput: true });
  const files: [text: string, faults: RegExp[]][] = [
    [
      `statsd:\n  interval: soon\n  tagz: [a]\n`,
      [/^[^\n]*\.yaml:2:13: Cannot use statsd\.interval = "soon"/, /^[^\n]*\.yaml:3:3: [^\n]*did you mean tags/],
    ],
    ["statsd: [\n", [/^[^\n]*\.yaml:\d+:\d+: /]],
    ["statsd: { udp_address: here }\n", [/^[^\n]*\.yaml:1:24: Cannot use statsd\.udp_address = "here"/]],
  ];
  for (const [text, expected] of files) {
    const from = await reload(agent, text, REFUSED);
    const { faults } = await agent.logged(REFUSED, from) as { faults?: string[] };
    assert.equal(faults?.length, expected.length);
    for (const [i, says] of expected.entries()) assert.match(faults![i]!, says);
  }
  await Deno.remove(agent.configPath);
  const from = agent.log.length;
  agent.signal("SIGHUP");
  const { faults } = await agent.logged(REFUSED, from) as { faults?: string[] };
  assert.match(String(faults), /Cannot read .*\.yaml/);
  await Deno.writeTextFile(agent.configPath, configOf("interval: 1s"));

  assert.equal(await shownInterval(agent), "1s");
  await emit(agent, "still:1|c");
  await agent.prints((printed) => pointsOf(printed, "still").length > 0);
  assert.equal((await agent.stop()).code, 0);
});

Deno.test("SIGHUP takes over changed outputs, and each batch gets to the output it was made for", async () => {
  await using folder = await temporaryFolder();
  const [one, two] = [`${folder.path}/one.jsonl`, `${folder.path}/two.tsv`];
  const output = (path: string, format: string) =>
    `outputs:\n  - { name: rows, kind: file, path: "${path}", format: ${format} }\n`;
  await using agent = await startAgentProcess({ config: configOf("interval: 100ms", output(one, "json")) });
  const sending = new AbortController();
  const sent = (async () => {
    let count = 0;
    for (; !sending.signal.aborted; count++) {
      await emit(agent, `steady${count % 50}:1|c`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return count;
  })();
  for (let round = 0; round < 4; round++) {
    await reload(agent, configOf("interval: 100ms", output(two, "tsv")), RELOADED);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await reload(agent, configOf("interval: 100ms", output(one, "json")), RELOADED);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  sending.abort();
  const total = await sent;
  assert.equal((await agent.stop()).code, 0);
  const json = (await Deno.readTextFile(one)).trimEnd().split("\n").map((line) => JSON.parse(line));
  const rows = (await Deno.readTextFile(two)).trimEnd().split("\n").map((line) => line.split("\t"));
  assert.ok(json.length > 0 && rows.length > 0);
  // A row's ninth column is its value; times the interval it is the count.
  const fromRows = rows.reduce((sum, columns) => sum + Number(columns[8]), 0) / 10;
  const fromJson = json.reduce((sum, { value }) => sum + value, 0) / 10;
  assert.ok(rows.every((columns) => columns.length === rows[0]!.length && columns[0]!.startsWith("steady")));
  assert.equal(Math.round(fromJson + fromRows), total);
});

Deno.test("SIGHUP with a changed address listens there, delivers what was sampled, and no longer at the old one", async () => {
  await using folder = await temporaryFolder();
  const [old, now] = [`${folder.path}/old.sock`, `${folder.path}/new.sock`];
  const at = (path: string) => configOf(`interval: 1h, statsd_listen_addresses: ["unixgram://${path}"]`);
  await using agent = await startAgentProcess({ config: at(old), keepsOutput: true });
  await emit(agent, "early:2|c");
  await untilReceived(agent, 1);
  await reload(agent, at(now), RESTARTED);
  await agent.prints((printed) => pointsOf(printed, "early").length > 0);
  assert.ok(agent.addresses.includes(`unixgram://${now}`));
  await assert.rejects(Deno.lstat(old), Deno.errors.NotFound);
  assert.equal((await Deno.lstat(now)).isSocket, true);
  assert.equal(await (await fetch(`${agent.url}/healthcheck`)).text(), "ok\n");
  await emit(agent, "late:3|c");
  const { code, stdout } = await agent.stop();
  assert.equal(code, 0);
  assert.deepEqual(pointsOf(stdout, "late").map(({ value, interval }) => [value, interval]), [[3 / 3600, 3600]]);
});

Deno.test("SIGHUP with an address that can't be bound goes back to the old configuration", async () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const { port } = taken.addr as Deno.NetAddr;
    await using agent = await startAgentProcess({ config: configOf("interval: 1s"), keepsOutput: true });
    const from = await reload(agent, configOf(`interval: 1s, tcp_address: "127.0.0.1:${port}"`), {
      message: "Cannot start with the changed configuration, going back to the old one",
    });
    await agent.logged(({ address }) => String(address).startsWith("http"), from);
    await emit(agent, "again:1|c");
    await agent.prints((printed) => pointsOf(printed, "again").length > 0);
    assert.equal((await agent.stop()).code, 0);
  } finally {
    taken.close();
  }
});

Deno.test("SIGHUP says what only a new start takes over, and several of them come one after the other", async () => {
  await using agent = await startAgentProcess({ config: configOf("interval: 1s"), keepsOutput: true });
  const from = await reload(agent, configOf("interval: 1s", "log_level: debug\nenable_profiling: true\n"), RELOADED);
  const { keys } = await agent.logged({ message: "What has changed here takes effect at the next start" }, from);
  assert.deepEqual(keys, ["log_level", "enable_profiling"]);
  await Deno.writeTextFile(agent.configPath, configOf("interval: 1s, num_readers: 2"));
  for (let i = 0; i < 3; i++) agent.signal("SIGHUP");
  await agent.logged(RESTARTED, from);
  await emit(agent, "last:1|c");
  await agent.prints((printed) => pointsOf(printed, "last").length > 0);
  assert.equal((await agent.stop()).code, 0);
});
