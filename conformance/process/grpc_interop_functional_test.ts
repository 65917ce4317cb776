// Against gRPC's own implementation in Go, in both directions.
import assert from "node:assert/strict";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { buildPeer, type PeerLine, runPeer, servePeer, startPeer } from "./grpc_peer.ts";
import { sendUdp } from "./limier.ts";

const built = await buildPeer();
const peer = "path" in built ? built.path : "";
const ignore = "missing" in built;
if ("missing" in built) {
  console.warn(`The tests against Go's gRPC are skipped: ${built.missing}`);
  Deno.test("the tests against Go's gRPC are not skipped in CI", () => assert.notEqual(Deno.env.get("CI"), "true"));
}

function start(more: string): Promise<AgentProcess> {
  return startAgentProcess({
    config: `
statsd: { udp_address: "127.0.0.1:0", hostname: web1, interval: 1h, percentiles: [0.5], aggregates: [count]${more} }
http: { address: "127.0.0.1:0" }
`,
    keepsOutput: true,
  });
}

/** Counter `hits` +7, tag env:prod, and gauge `temp` 21.5, both global. */
const HITS = "0a0468697473" + "1208656e763a70726f64" + "2a020807" + "4802";
const TEMP = "0a0474656d70" + "1801" + "32090900000000008035404802";
/** A metric without a name, and one of a local scope: neither can be imported. */
const NAMELESS = "2a020801", LOCAL = "0a01782a0208014801";

function listOf(...metrics: string[]): string {
  return metrics.map((metric) => `0a${(metric.length / 2).toString(16).padStart(2, "0")}${metric}`).join("");
}

/** A digest's message: its centroids, compression, minimum and maximum. */
function timer(): string {
  const double = (field: number, value: number) => {
    const bytes = new Uint8Array(9);
    bytes[0] = field << 3 | 1;
    new DataView(bytes.buffer).setFloat64(1, value, true);
    return bytes.toHex();
  };
  const inside = (field: number, hex: string) =>
    (field << 3 | 2).toString(16).padStart(2, "0") + (hex.length / 2).toString(16).padStart(2, "0") + hex;
  const centroids = [-2, 0, 3.5].map((mean) => inside(1, double(1, mean) + double(2, 1))).join("");
  const digest = centroids + double(2, 100) + double(3, -2) + double(4, 3.5);
  return inside(1, "6c6174") + "1804" + inside(7, inside(1, digest)); // name lat, type timer
}

async function pointsOf(agent: AgentProcess): Promise<Record<string, number>> {
  const { code, stdout, stderr } = await agent.stop();
  assert.equal(code, 0, stderr);
  const points = stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  return Object.fromEntries(points.map(({ name, value, interval = 1 }) => [name, value * interval]));
}

Deno.test({
  name: "Go's client imports by streams and by lists, plain and compressed, and is told of what is wrong",
  ignore,
  fn: async () => {
    await using agent = await start(`, grpc_address: "127.0.0.1:0"`);
    const call = async (...args: string[]): Promise<PeerLine> => {
      const [line] = await runPeer(peer, "call", "-addr", `127.0.0.1:${agent.port("grpc://")}`, ...args);
      return line!;
    };
    const list = (...args: string[]) => call("-path", "/forwardrpc.Forward/SendMetrics", ...args);
    const stream = (...args: string[]) => call("-path", "/forwardrpc.Forward/SendMetricsV2", "-stream", ...args);
    const ok = { code: "OK", messages: [""], deadline: false };
    assert.deepEqual(await list(listOf(HITS, TEMP, NAMELESS)), ok);
    assert.deepEqual(await list("-gzip", listOf(HITS, timer())), ok);
    assert.deepEqual(await list(""), ok, "an empty list");
    assert.deepEqual(await stream(HITS, LOCAL, timer()), ok);
    assert.deepEqual(await stream("-gzip", HITS), ok);
    assert.deepEqual(await stream(), ok, "an empty stream");
    const malformed = await list("0a05");
    assert.equal(malformed.code, "Internal");
    assert.match(malformed.message!, /^Cannot read the list of metrics: /);
    assert.equal((await call("-path", "/forwardrpc.Forward/SendMetricsV3", HITS)).code, "Unimplemented");

    const metrics = await agent.metrics();
    assert.equal(metrics["limier_statsd_series_imported_total"], 7);
    assert.equal(metrics["limier_statsd_grpc_imports_total"], 6);
    assert.equal(metrics["limier_statsd_grpc_calls_failed_total"], 2);
    const points = await pointsOf(agent);
    assert.deepEqual(points, { hits: 28, temp: 21.5, "lat.50percentile": 0 });
  },
});

Deno.test({
  name: "Go's client sends packets and spans, asks for health, and is told of the end",
  ignore,
  fn: async () => {
    const agent = await start(`, grpc_listen_addresses: ["tcp://127.0.0.1:0"]`);
    const addr = `127.0.0.1:${agent.port("grpc://")}`;
    const call = async (path: string, hex: string) =>
      (await runPeer(peer, "call", "-addr", addr, "-path", path, hex))[0]!;
    const packet = new TextEncoder().encode("pages:2|c\nbad\npages:3|c").toHex();
    assert.equal(
      (await call("/dogstatsd.DogstatsdGRPC/SendPacket", `0a${(packet.length / 2).toString(16)}${packet}`)).code,
      "OK",
    );
    // Span 9 of trace 7, service pay, name charge, with one counter jobs.done = 3, env:prod.
    const span =
      "1007 1809 288080a8b1e39fe7cb17 3080e5c2a8e49fe7cb17 4203706179 5222 12096a6f62732e646f6e65 1d00004040 " +
      "3d0000803f 420b0a03656e76120470726f64 6001 6a06636861726765";
    assert.equal((await call("/ssf.SSFGRPC/SendSpan", span.replaceAll(" ", ""))).code, "OK");
    const health = async (...args: string[]) =>
      (await runPeer(peer, "health", "-addr", addr, ...args)).map((line) => line.message);
    assert.deepEqual(await health(), ["SERVING"]);
    assert.deepEqual(await health("-service", "veneur"), ["SERVING"]);
    assert.equal((await runPeer(peer, "health", "-addr", addr, "-service", "other"))[0]!.code, "NotFound");

    await using watch = startPeer(peer, "health", "-addr", addr, "-watch", "-service", "veneur");
    assert.equal((await watch.next()).message, "SERVING");
    const points = await pointsOf(agent);
    assert.equal((await watch.next()).message, "NOT_SERVING");
    assert.equal((await watch.next()).code, "Unavailable");
    assert.deepEqual([points.pages, points["jobs.done"]], [5, 3]);
  },
});

const servers: [what: string, args: string[], method: string][] = [
  ["that has both methods", [], "SendMetricsV2"],
  ["that has streams alone", ["-only", "stream"], "SendMetricsV2"],
  ["that has lists alone", ["-only", "unary"], "SendMetrics"],
];
for (const [what, args, method] of servers) {
  Deno.test({
    name: `a forward reaches a server in Go ${what}`,
    ignore,
    fn: async () => {
      await using server = await servePeer(peer, ...args);
      const agent = await start(`, forward_address: "127.0.0.1:${server.port}", forward_use_grpc: true`);
      await sendUdp(agent.port("udp://"), ["hits:7|c|#env:prod,veneurglobalonly\ntemp:21.5|g|#veneurglobalonly"]);
      while ((await agent.metrics())["limier_statsd_datagrams_received_total"] !== 1) {
        await new Promise((go) => setTimeout(go, 20));
      }
      const stopped = agent.stop();
      const served = await server.next();
      assert.equal((await stopped).code, 0);
      assert.deepEqual([served.method, served.deadline], [method, true]);
      const got = method === "SendMetrics" ? served.messages[0] : listOf(...served.messages);
      assert.ok([listOf(HITS, TEMP), listOf(TEMP, HITS)].includes(got!), got!);
    },
  });
}

for (const [code, outcome] of [["UNAVAILABLE", "ambiguous"], ["PERMISSION_DENIED", "refused"]] as const) {
  Deno.test({
    name: `a forward that a server in Go ends as ${code} is ${outcome}`,
    ignore,
    fn: async () => {
      await using server = await servePeer(peer, "-fail", code);
      const agent = await start(`, forward_address: "http://127.0.0.1:${server.port}", forward_use_grpc: true`);
      await sendUdp(agent.port("udp://"), ["hits:7|c|#veneurglobalonly"]);
      while ((await agent.metrics())["limier_statsd_datagrams_received_total"] !== 1) {
        await new Promise((go) => setTimeout(go, 20));
      }
      assert.equal((await agent.stop()).code, 0);
      const entry = agent.log.find((one) => one.outcome !== undefined)!;
      assert.equal(entry.outcome, outcome);
      assert.match(
        String(entry.message),
        new RegExp(`it ended as ${code}: told to fail: 100 % of the calls, às vezes`),
      );
    },
  });
}

/** The certificates that the guide makes; `undefined` without openssl. */
async function makeCertificates(): Promise<string | undefined> {
  const guide = await Deno.readTextFile(new URL("../../docs/tls.md", import.meta.url));
  const chapter = guide.split("\n## ").find((text) => text.startsWith("Certificates\n"))!;
  const scripts = [...chapter.matchAll(/```sh\n([^]*?)```/g)].map(([, script]) => script!);
  const cwd = await Deno.makeTempDir({ prefix: "limier_grpc_tls_" });
  addEventListener("unload", () => Deno.removeSync(cwd, { recursive: true }));
  for (const script of ["command -v openssl", ...scripts]) {
    const { success } = await new Deno.Command("sh", { args: ["-euc", script], cwd, stdout: "null", stderr: "null" })
      .output();
    if (!success) return undefined;
  }
  return cwd;
}

Deno.test({
  name: "client certificates are shown and asked for, in both directions",
  ignore,
  fn: async () => {
    const folder = await makeCertificates();
    if (folder === undefined) {
      assert.notEqual(Deno.env.get("CI"), "true");
      console.warn("TLS against Go is skipped: there is no openssl command here");
      return;
    }
    const file = (name: string) => `${folder}/${name}`;
    await using agent = await start(
      `, grpc_address: "127.0.0.1:0", tls_key: "${file("server.key")}", tls_certificate: "${file("server.crt")}",` +
        ` tls_authority_certificate: "${file("ca.crt")}"`,
    );
    const addr = `127.0.0.1:${agent.port("grpc://")}`;
    const call = ["call", "-addr", addr, "-path", "/forwardrpc.Forward/SendMetricsV2", "-stream", "-timeout", "10s"];
    const trusting = ["-ca", file("ca.crt")], own = ["-cert", file("client.crt"), "-key", file("client.key")];
    assert.equal((await runPeer(peer, ...call, ...trusting, ...own, HITS))[0]!.code, "OK");
    assert.equal((await runPeer(peer, ...call, ...trusting, HITS))[0]!.code, "Unavailable", "no certificate");
    assert.equal((await runPeer(peer, ...call, HITS))[0]!.code, "Unavailable", "no TLS");

    await using server = await servePeer(
      peer,
      ...["-cert", file("server.crt"), "-key", file("server.key"), "-ca", file("ca.crt")],
    );
    const local = await start(
      `, forward_address: "https://127.0.0.1:${server.port}", forward_use_grpc: true,` +
        ` forward_tls_key: "${file("client.key")}", forward_tls_certificate: "${file("client.crt")}",` +
        ` forward_tls_authority_certificate: "${file("ca.crt")}"`,
    );
    await sendUdp(local.port("udp://"), ["hits:7|c|#env:prod,veneurglobalonly"]);
    while ((await local.metrics())["limier_statsd_datagrams_received_total"] !== 1) {
      await new Promise((go) => setTimeout(go, 20));
    }
    const stopped = local.stop();
    assert.deepEqual((await server.next()).messages, [HITS]);
    assert.equal((await stopped).code, 0);
  },
});
