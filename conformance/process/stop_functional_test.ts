import assert from "node:assert/strict";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { pointsOf, sendUdp } from "./limier.ts";
import { type Recorder, startRecorder } from "./recorder.ts";

const LISTENERS = `
http: { address: "127.0.0.1:0", quit: true }
statsd:
  udp_address: "127.0.0.1:0"
  tcp_address: "127.0.0.1:0"
  interval: 1h
`;

/** A Datadog that takes requests and never answers. */
function startSilent(): Recorder & { release(): void } {
  const answers = Promise.withResolvers<void>();
  const recorder = startRecorder(async () => {
    await answers.promise;
    return new Response(null, { status: 202 });
  });
  return {
    ...recorder,
    release: () => answers.resolve(),
    async [Symbol.asyncDispose]() {
      answers.resolve();
      await recorder[Symbol.asyncDispose]();
    },
  };
}

function toDatadog({ url }: Recorder): string {
  return `${LISTENERS}outputs: [{ name: dd, kind: datadog, key: k, hosts: ["${url}"], bulk_max_size: 1 }]\n`;
}

function emit(agent: AgentProcess, ...lines: string[]): Promise<void> {
  return sendUdp(agent.port("udp"), lines);
}

async function quit(agent: AgentProcess, headers: Record<string, string> = {}): Promise<number> {
  // By hand, as fetch() sends no Host but the right one.
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: agent.port("http") });
  const all = { Host: "localhost", "Content-Length": "0", Connection: "close", ...headers };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  await connection.write(new TextEncoder().encode(`POST /quitquitquit HTTP/1.1\r\n${head}\r\n`));
  const answer = await new Response(connection.readable).text();
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
}

for (const signal of ["SIGTERM", "SIGINT", "SIGUSR2"] as const) {
  Deno.test(`${signal} stops receiving, flushes the last window, and exits 0`, async () => {
    await using agent = await startAgentProcess({ config: LISTENERS, keepsOutput: true });
    const [udp, tcp] = [agent.port("udp"), agent.port("tcp")];
    using stream = await Deno.connect({ hostname: "127.0.0.1", port: tcp });
    await stream.write(new TextEncoder().encode("streamed:4|c\nunfinished:1|c"));
    const datagrams = Array.from({ length: 500 }, (_, i) => `sent:1|c\nlast:${i}|g`);
    await sendUdp(udp, datagrams);
    // Sent is received: what lies in the sockets is read before they are closed.
    agent.signal(signal);
    const { code, stdout, stderr } = await agent.ended;
    assert.equal(code, 0, stderr);
    const value = (name: string) => pointsOf(stdout, name).map((point) => point.value);
    assert.deepEqual(value("sent"), [500 / 3600]);
    assert.deepEqual(value("last"), [499]);
    assert.deepEqual(value("streamed"), [4 / 3600]);
    assert.deepEqual(agent.log.slice(-2).map(({ message }) => message), ["stopping", "stopped"]);
    await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: tcp }), Deno.errors.ConnectionRefused);
  });
}

Deno.test("SIGTERM with flush_on_shutdown: false exits 0 without the last window", async () => {
  const config = LISTENERS.replace("interval:", "flush_on_shutdown: false\n  interval:");
  await using agent = await startAgentProcess({ config, keepsOutput: true });
  await emit(agent, "sent:1|c");
  const { code, stdout } = await agent.stop();
  assert.deepEqual([code, stdout], [0, ""]);
});

Deno.test("SIGTERM ends with 0 although an output hangs, and tells what got lost", async () => {
  await using datadog = startSilent();
  await using agent = await startAgentProcess({ config: toDatadog(datadog) });
  // More batches than can be on their way at once.
  await emit(agent, ...Array.from({ length: 40 }, (_, i) => `hangs${i}:1|c`));
  agent.signal("SIGTERM");
  await datadog.until((requests) => requests.length > 0);
  assert.equal((await fetch(`${agent.url}/healthcheck`)).status, 503);
  const { code, stderr } = await agent.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /"output":"dd"/);
});

Deno.test("SIGTERM ends with 0 although an output hung before", async () => {
  await using datadog = startSilent();
  const config = toDatadog(datadog).replace("interval: 1h", "interval: 1s");
  await using agent = await startAgentProcess({ config });
  await emit(agent, ...Array.from({ length: 40 }, (_, i) => `hangs${i}:1|c`));
  await datadog.until((requests) => requests.length > 0);
  assert.equal((await agent.stop()).code, 0);
});

Deno.test("SIGTERM waits for an output that is only slow", async () => {
  await using datadog = startSilent();
  await using agent = await startAgentProcess({ config: toDatadog(datadog) });
  await emit(agent, "slow:1|c");
  agent.signal("SIGTERM");
  await datadog.until((requests) => requests.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  datadog.release();
  const { code, stderr } = await agent.ended;
  assert.equal(code, 0);
  assert.doesNotMatch(stderr, /"level":"(?:warn|error)"/);
});

Deno.test("a second signal a while after the first exits 1 at once, one that comes with it is the same", async () => {
  await using datadog = startSilent();
  await using agent = await startAgentProcess({ config: toDatadog(datadog) });
  await emit(agent, "hangs:1|c");
  agent.signal("SIGTERM");
  agent.signal("SIGINT");
  await datadog.until((requests) => requests.length > 0); // it drains, so the second did not count
  await new Promise((resolve) => setTimeout(resolve, 300));
  agent.signal("SIGTERM");
  const { code } = await agent.ended;
  assert.equal(code, 1);
  assert.ok(!agent.log.some(({ message }) => message === "stopped"));
});

Deno.test("POST /quitquitquit stops as a signal does, and not for a foreign Host or Origin", async () => {
  await using agent = await startAgentProcess({ config: LISTENERS, keepsOutput: true });
  await emit(agent, "sent:1|c");
  const foreign: Record<string, string>[] = [
    { Host: "evil.example.org" },
    { Host: `evil.example.org:${agent.port("http")}` },
    { Origin: "http://evil.example.org" },
    { Origin: "null" },
    { Host: "localhost.evil.example.org" },
  ];
  for (const headers of foreign) assert.equal(await quit(agent, headers), 403, JSON.stringify(headers));
  assert.equal((await fetch(`${agent.url}/quitquitquit`)).status, 404); // only a POST
  assert.ok(!agent.log.some(({ message }) => message === "stopping"));

  assert.equal(await quit(agent, { Host: `127.0.0.1:${agent.port("http")}`, Origin: "http://localhost:3000" }), 200);
  const { code, stdout, stderr } = await agent.ended;
  assert.equal(code, 0, stderr);
  assert.deepEqual(pointsOf(stdout, "sent").map(({ value }) => value), [1 / 3600]);
});

Deno.test("POST /quitquitquit is not there unless http.quit says so", async () => {
  await using agent = await startAgentProcess({ config: LISTENERS.replace("quit: true", "quit: false") });
  assert.equal(await quit(agent), 404);
  assert.equal((await agent.stop()).code, 0);
});

Deno.test("SIGTERM while a reload is under way still exits 0", async () => {
  await using agent = await startAgentProcess({ config: LISTENERS, keepsOutput: true });
  await emit(agent, "sent:1|c");
  await Deno.writeTextFile(agent.configPath, LISTENERS.replace("interval: 1h", "interval: 1h\n  num_readers: 2"));
  agent.signal("SIGHUP");
  agent.signal("SIGTERM");
  const { code, stdout, stderr } = await agent.ended;
  assert.equal(code, 0, stderr);
  assert.equal(pointsOf(stdout, "sent").length, 1);
});
