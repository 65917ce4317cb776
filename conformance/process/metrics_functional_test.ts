import assert from "node:assert/strict";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { type Family, parseExposition, sumOf } from "./exposition.ts";
import { sendUdp } from "./limier.ts";

async function pageOf(agent: AgentProcess, path: string): Promise<Family[]> {
  const response = await fetch(agent.url + path);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(await response.text());
}

/** The page once it tells of so many datagrams and lines: the threads count while it is made. */
async function onceSeen(agent: AgentProcess, datagrams: number, lines: number): Promise<Family[]> {
  for (;;) {
    const page = await pageOf(agent, "/metrics");
    const received = sumOf(page, "limier_statsd_datagrams_received_total");
    if (received >= datagrams && sumOf(page, "limier_statsd_lines_seen_total") >= lines) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return await pageOf(agent, "/metrics");
}

function assertSums(page: readonly Family[]): void {
  const count = (name: string) => sumOf(page, `limier_statsd_${name}_total`);
  assert.equal(count("lines_seen"), count("lines_accepted") + count("lines_rejected") + count("lines_empty"));
  assert.equal(count("samples_accepted"), count("samples_aggregated") + count("samples_refused"));
}

const DATAGRAMS: readonly (readonly string[])[] = [
  ["page.views:1|c", "page.views:2|c|@0.5|#env:prod", "", "temp:3|g"],
  ["lat:1:2:3|ms", "ids:a|s", "_e{1,1}:a|b", "_sc|up|0"],
  ["no colon", "a:1", "a:x|c", "a:1|nope", "_e{9,9}:short", "_sc|up|9"],
  [""],
  ["last:1|c", ""],
];

Deno.test("/metrics is Prometheus text whose sums hold, over UDP with two readers, streams and unix datagrams", async () => {
  const name = `limier-metrics-${crypto.randomUUID()}`;
  const config = `
http: { address: "127.0.0.1:0" }
statsd:
  udp_address: "127.0.0.1:0"
  tcp_address: "127.0.0.1:0"
  statsd_listen_addresses: ["unixgram://@${name}"]
  num_readers: 2
  interval: 1s
  max_series: 6
  prometheus_exposition: true
outputs: []
`;
  await using agent = await startAgentProcess({ config });
  assertSums(await pageOf(agent, "/metrics"));
  const rounds = 40;
  const datagrams = DATAGRAMS.map((lines) => lines.join("\n"));
  const sender = Deno.listenDatagram({ transport: "unixpacket", path: `\0${name}-sender` });
  try {
    for (let round = 0; round < rounds; round++) {
      await sendUdp(agent.port("udp"), datagrams); // each from a port of its own, so that both readers get some
      for (const datagram of datagrams) {
        await sender.send(new TextEncoder().encode(datagram), { transport: "unixpacket", path: `\0${name}` });
      }
    }
  } finally {
    sender.close();
  }
  const times = rounds * 2;
  const page = await onceSeen(agent, times * datagrams.length, times * (8 + 6 + 1));
  assertSums(page);
  const count = (name: string) => sumOf(page, `limier_statsd_${name}_total`);
  assert.equal(count("datagrams_received"), times * datagrams.length);
  assert.equal(count("datagrams_dropped"), 0);
  assert.equal(count("received_bytes"), times * datagrams.join("").length);
  assert.equal(count("lines_accepted"), times * 8);
  assert.equal(count("lines_rejected"), times * 6);
  assert.equal(count("lines_empty"), times);
  assert.equal(count("samples_accepted"), times * (1 + 1 + 1 + 3 + 1 + 1));
  const rejected = page.find(({ name }) => name === "limier_statsd_lines_rejected_total")!.samples;
  assert.deepEqual(
    rejected.map(({ labels, value }) => [labels.reason, value]),
    ["bad_type", "bad_value", "no_colon", "no_pipe", "status", "title_len"].map((reason) => [reason, times]),
  );

  const stream = await Deno.connect({ hostname: "127.0.0.1", port: agent.port("tcp") });
  await stream.write(new TextEncoder().encode("streamed:1|c\n\nstreamed:2|c\n"));
  await stream.closeWrite();
  await new Response(stream.readable).text();
  let after: Family[];
  do after = await pageOf(agent, "/metrics/limier"); // the end of a connection is counted behind it
   while (sumOf(after, "limier_statsd_connections_closed_total") === 0);
  assertSums(after);
  const grown = (name: string) =>
    sumOf(after, `limier_statsd_${name}_total`) - sumOf(page, `limier_statsd_${name}_total`);
  assert.deepEqual([grown("lines_seen"), grown("lines_accepted"), grown("lines_empty")], [3, 2, 1]);
  assert.deepEqual([grown("connections_opened"), grown("connections_closed")], [1, 1]);
  assert.equal(sumOf(after, "limier_http_requests_total") > 0, true);
  assert.equal((await agent.stop()).code, 0);
});

Deno.test("/metrics counts what an output delivers, rejects and drops, and the sums hold", async () => {
  const config = `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "127.0.0.1:0", interval: 1s }
outputs:
  - { name: ok, kind: blackhole }
  - { name: gone, kind: datadog, key: k, hosts: ["http://127.0.0.1:9"], max_retries: 0 }
`;
  await using agent = await startAgentProcess({ config });
  await sendUdp(agent.port("udp"), ["a:1|c\nb:1|c\nc:1|g"]);
  const of = (page: readonly Family[], what: string, output: string) =>
    sumOf(page, `limier_events_${what}_total`, { output });
  for (;;) {
    const page = await pageOf(agent, "/metrics");
    for (const output of ["ok", "gone"]) {
      const pending = sumOf(page, "limier_pending_events", { output });
      const ended = ["delivered", "rejected", "dropped"].reduce((sum, what) => sum + of(page, what, output), 0);
      assert.equal(of(page, "accepted", output), ended + pending);
    }
    if (of(page, "delivered", "ok") >= 3 && of(page, "dropped", "gone") >= 3) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

Deno.test("enable_profiling writes a CPU profile of the run, and /debug/pprof/profile one of a while", async () => {
  const folder = await Deno.makeTempDir({ prefix: "limier_profile_" });
  try {
    const config = `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "127.0.0.1:0", interval: 1s }
enable_profiling: true
outputs: []
`;
    await using agent = await startAgentProcess({ config, cwd: folder });
    const response = await fetch(`${agent.url}/debug/pprof/profile?seconds=1`);
    assert.equal(response.status, 200);
    assertProfile(await response.text());
    assert.equal((await fetch(`${agent.url}/debug/pprof/profile?seconds=0`).then(read)).status, 400);
    const { code, stderr } = await agent.stop();
    assert.equal(code, 0, stderr);
    assertProfile(await Deno.readTextFile(`${folder}/limier.cpuprofile`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function read(response: Response): Promise<Response> {
  await response.body?.cancel();
  return response;
}

/** The parts that a viewer of such files needs. */
function assertProfile(text: string): void {
  const { nodes, startTime, endTime, samples, timeDeltas } = JSON.parse(text);
  assert.ok(endTime > startTime);
  assert.ok(
    nodes.some(({ callFrame }: { callFrame: { functionName: string } }) => callFrame.functionName === "(root)"),
  );
  assert.equal(samples.length, timeDeltas.length);
}

Deno.test("/debug/pprof/ shows what the runtime has and says of the rest why not", async () => {
  await using agent = await startAgentProcess({
    config: `http: { address: "127.0.0.1:0" }\nstatsd: { udp_address: "127.0.0.1:0" }\noutputs: []\n`,
  });
  const pages: [path: string, status: number, text: RegExp][] = [
    ["/debug/pprof/", 200, /profile/],
    ["/debug/pprof/heap", 200, /^rss \d+$/m],
    ["/debug/pprof/cmdline", 200, /\0run\0-f\0/],
    ["/debug/pprof/goroutine", 501, /Cannot show goroutine/],
    ["/version", 200, /^\d+\.\d+\.\d+$/],
    ["/config", 404, /not found/], // not asked for
    ["/nowhere", 404, /not found/],
  ];
  for (const [path, status, text] of pages) {
    const response = await fetch(agent.url + path);
    assert.equal(response.status, status, path);
    assert.match(await response.text(), text, path);
  }
});
