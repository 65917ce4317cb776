import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectSocket } from "node:net";
import { FakeClock, realClock } from "../clock/mod.ts";
import { Code, connectGrpc, type GrpcClientTls, GrpcConnectError, type GrpcTarget } from "../grpc/mod.ts";
import { endApart } from "../grpc/testing.ts";
import { spanSample } from "../metric/mod.ts";
import { HyperLogLog, TDigest } from "../sketch/mod.ts";
import { recordingReporter } from "../telemetry/mod.ts";
import { until } from "../testing/mod.ts";
import { formatAddress } from "./address.ts";
import { encodeMetric, encodeMetricList } from "./forward_proto.ts";
import type { ForwardedSeries } from "./forward_wire.ts";
import { grpcForwardTarget, newGrpcForwardClient } from "./grpc_forward_client.ts";
import { FORWARD_PATHS } from "./grpc_forward_service.ts";
import { type GrpcServices, planGrpc, startGrpcListener } from "./grpc_listener.ts";
import { encodePacket, PACKET_PATHS } from "./grpc_packet_services.ts";
import { connectTo, PATIENCE_MS } from "./grpc_testing.ts";
import { Heart } from "./heart.ts";
import { SeriesTable } from "./series_table.ts";
import { SpanIntake } from "./spans.ts";
import { encodeSpan } from "./ssf_wire.ts";
import { At, newStats, rejectedLines, TOO_LONG } from "./stats.ts";
import { ConnectionLimit } from "./stream_limit.ts";
import { at, newDirectory } from "./stream_testing.ts";
import { readTlsSettings, type TlsKeys, type TlsSettings } from "./stream_tls.ts";

const CONFIG = {
  extendTags: [],
  maxSeries: 1e6,
  maxTagsPerMetric: 0,
  isLocal: false,
  metricMaxLength: 64,
  maxEvents: 10,
};
const NO_TLS: TlsSettings = { mode: "unencrypted", key: "", cert: "", ca: [] };

/** A listener on a free port, the heart it feeds, and what stands in that. */
async function start(services: readonly GrpcServices[], tls = NO_TLS, address = "tcp://127.0.0.1:0") {
  const heart = new Heart(CONFIG, new Int32Array(1), newStats());
  const spans = new SpanIntake(heart, { indicatorTimerName: "", objectiveTimerName: "", bufferSize: 10 });
  const log = () => {};
  const listener = await startGrpcListener(
    { address: at(address), services },
    { idleTimeoutMs: 600_000, tls },
    { clock: new FakeClock(), limit: new ConnectionLimit(100, log), log, stats: heart.stats },
    { heart, spans },
  );
  const series = () => {
    const names: string[] = [];
    SeriesTable.adopt(heart.swap().table, CONFIG).forEach((view) => names.push(view.name()));
    return names.toSorted();
  };
  return {
    stats: heart.stats,
    series,
    address: listener.address,
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

type Started = Awaited<ReturnType<typeof start>>;

async function call({ address }: Pick<Started, "address">, path: string, messages: readonly Uint8Array[]) {
  using connection = await connectTo(address);
  return (await connection.call(path, messages, { timeoutMs: PATIENCE_MS })).status;
}

const digest = new TDigest();
digest.add(5);
const sketch = new HyperLogLog();
sketch.insert(new TextEncoder().encode("alpha"));
const SERIES: ForwardedSeries[] = [
  { name: "jobs", tags: ["a:1"], isGlobal: true, value: { type: "counter", total: 7n } },
  { name: "level", tags: [], isGlobal: true, value: { type: "gauge", value: 1.5 } },
  { name: "lat", tags: [], isGlobal: false, value: { type: "timer", digest } },
  { name: "users", tags: [], isGlobal: false, value: { type: "set", sketch } },
];
const METRICS = SERIES.map(encodeMetric);
/** One of each fault: no name, no type, a local scope, another kind of value, no value, no protobuf. */
const FAULTY = ["2a020807", "0a01611807 2a020807", "0a0161 2a020807 4801", "0a0161 1801 2a020807", "0a0161", "0a09"]
  .map((hex) => Uint8Array.fromHex(hex.replaceAll(" ", "")));
const CAUSES = [At.importName, At.importType, At.importScope, At.importMismatch, At.importValue];

for (
  const [what, path, messages] of [
    ["a list", FORWARD_PATHS.list, [encodeMetricList([...METRICS, ...FAULTY])]],
    ["a stream", FORWARD_PATHS.stream, [...METRICS, ...FAULTY]],
  ] as const
) {
  Deno.test(`startGrpcListener() merges ${what} of metrics in, and counts those it can't`, async () => {
    await using listener = await start(["import"]);
    assert.deepEqual(await call(listener, path, messages), { code: Code.OK, message: "" });
    assert.equal(listener.stats[At.imported], 4);
    assert.deepEqual(CAUSES.map((cause) => listener.stats[cause]), [1, 1, 1, 1, 2]);
    assert.deepEqual([listener.stats[At.grpcImports], listener.stats[At.grpcFailed]], [1, 0]);
    assert.deepEqual(listener.series(), ["jobs", "lat", "level", "users"]);
  });
}

Deno.test("startGrpcListener() refuses a list that is none, and takes nothing of it", async () => {
  await using listener = await start(["import"]);
  const whole = encodeMetricList(METRICS);
  const { code, message } = await call(listener, FORWARD_PATHS.list, [whole.subarray(0, whole.length - 1)]);
  assert.equal(code, Code.INTERNAL);
  assert.match(message, /^Cannot read the list of metrics: /);
  assert.deepEqual([At.imported, At.grpcImportsMalformed, At.grpcFailed].map((i) => listener.stats[i]), [0, 1, 1]);
  assert.deepEqual(await call(listener, FORWARD_PATHS.list, [new Uint8Array(0)]), { code: Code.OK, message: "" });
});

Deno.test("startGrpcListener() reads a packet as a datagram: bad lines are counted and passed over", async () => {
  await using listener = await start(["packets"]);
  const text = new TextEncoder();
  assert.equal(
    (await call(listener, PACKET_PATHS.packet, [encodePacket(text.encode("a:1|c\nbad\nb:2|g"))])).code,
    Code.OK,
  );
  const long = text.encode(`${"c:1|c\n".repeat(10)}${"x".repeat(20)}`);
  assert.equal((await call(listener, PACKET_PATHS.packet, [encodePacket(long)])).code, Code.OK);
  assert.equal((await call(listener, PACKET_PATHS.packet, [new Uint8Array(0)])).code, Code.OK, "an empty packet");
  assert.equal((await call(listener, PACKET_PATHS.packet, [Uint8Array.of(0x0a, 9)])).code, Code.INTERNAL);
  const { stats } = listener;
  assert.deepEqual([stats[At.grpcPackets], stats[At.metrics], rejectedLines(stats), stats[TOO_LONG]], [3, 12, 2, 1]);
  assert.deepEqual(listener.series(), ["a", "b", "c"]);
});

Deno.test("startGrpcListener() takes spans, and refuses those that are none", async () => {
  await using listener = await start(["packets"]);
  const sample = spanSample({ metric: "counter", name: "done", value: 3 });
  const span = encodeSpan({
    version: 0,
    traceId: 7n,
    id: 9n,
    parentId: 0n,
    startNs: 1n,
    endNs: 2n,
    error: false,
    service: "",
    name: "charge",
    indicator: false,
    tags: {},
    metrics: [sample],
    rootStartNs: 0n,
  });
  assert.equal((await call(listener, PACKET_PATHS.span, [span])).code, Code.OK);
  assert.equal((await call(listener, PACKET_PATHS.span, [new Uint8Array(0)])).code, Code.INVALID_ARGUMENT);
  assert.equal((await call(listener, PACKET_PATHS.span, [Uint8Array.of(0x10)])).code, Code.INTERNAL);
  const counted = [At.grpcSpans, At.spans, At.ssfZeroLength, At.ssfProcessing].map((i) => listener.stats[i]);
  assert.deepEqual(counted, [1, 1, 1, 1]);
  assert.deepEqual(listener.series(), ["done"]);
});

Deno.test("startGrpcListener() serves what its address is for, and its health", async () => {
  await using imports = await start(["import"]);
  await using packets = await start(["packets"]);
  await using both = await start(["packets", "import"]);
  const list = [encodeMetricList(METRICS)], packet = [encodePacket(new TextEncoder().encode("a:1|c"))];
  assert.equal((await call(imports, PACKET_PATHS.packet, packet)).code, Code.UNIMPLEMENTED);
  assert.equal((await call(packets, FORWARD_PATHS.list, list)).code, Code.UNIMPLEMENTED);
  assert.equal((await call(both, PACKET_PATHS.packet, packet)).code, Code.OK);
  assert.equal((await call(both, FORWARD_PATHS.list, list)).code, Code.OK);
  const veneur = Uint8Array.fromHex("0a0676656e657572");
  for (const listener of [imports, packets]) {
    assert.equal((await call(listener, "/grpc.health.v1.Health/Check", [veneur])).code, Code.OK);
  }
  assert.match(formatAddress(imports.address), /^grpc:\/\/127\.0\.0\.1:\d+$/);
});

Deno.test({
  name: "startGrpcListener() listens on a unix socket",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const path = `${newDirectory()}/grpc.sock`;
    const listener = await start(["packets"], NO_TLS, `unix://${path}`);
    assert.equal(formatAddress(listener.address), `grpc+unix://${path}`);
    const session = endApart(connectHttp2("http://localhost", { createConnection: () => connectSocket(path) }));
    const stream = session.request({
      ":method": "POST",
      ":path": PACKET_PATHS.packet,
      "content-type": "application/grpc",
    });
    stream.end(Uint8Array.of(0, 0, 0, 0, 7, 0x0a, 5, ...new TextEncoder().encode("a:1|c")));
    stream.resume();
    await new Promise<void>((resolve) => stream.on("close", resolve));
    session.close();
    assert.equal(listener.stats[At.grpcPackets], 1);
    await listener[Symbol.asyncDispose]();
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
  },
});

Deno.test("planGrpc() makes one listener of one address, and two of two free ports", () => {
  const [a, b, free] = [at("tcp://127.0.0.1:8128"), at("tcp://:8128"), at("tcp://127.0.0.1:0")];
  assert.deepEqual(planGrpc([a, b], [a]), [
    { address: a, services: ["packets", "import"] },
    { address: b, services: ["packets"] },
  ]);
  assert.deepEqual(planGrpc([a, a], []), [{ address: a, services: ["packets"] }]);
  assert.equal(planGrpc([free], [free]).length, 2);
  assert.deepEqual(planGrpc([], []), []);
});

/** The certificates that the guide makes; `undefined` without the command for it. */
function makeCertificates(): string | undefined {
  try {
    if (!new Deno.Command("openssl", { args: ["version"] }).outputSync().success) return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const directory = newDirectory();
  const guide = Deno.readTextFileSync(new URL("../../docs/tls.md", import.meta.url));
  const chapter = guide.split("\n## ").find((text) => text.startsWith("Certificates\n"))!;
  for (const [, script] of chapter.matchAll(/```sh\n([^]*?)```/g)) {
    const { success, stderr } = new Deno.Command("sh", { args: ["-euc", script!], cwd: directory }).outputSync();
    assert.ok(success, new TextDecoder().decode(stderr));
  }
  return directory;
}

const certificates = makeCertificates();
if (certificates === undefined) {
  console.warn("The TLS tests of gRPC are skipped: there is no openssl command here");
  Deno.test("the TLS tests of gRPC are not skipped in CI", () => assert.notEqual(Deno.env.get("CI"), "true"));
}

Deno.test({
  name: "startGrpcListener() asks for a client's certificate where it should",
  ignore: certificates === undefined,
  fn: async () => {
    const pem = (name: string) => Deno.readTextFileSync(`${certificates}/${name}`);
    const keys: TlsKeys = {
      tlsKey: pem("server.key"),
      tlsCertificate: pem("server.crt"),
      tlsAuthorityCertificate: pem("ca.crt"),
    };
    await using listener = await start(["packets"], readTlsSettings(keys));
    const connect = (tls?: GrpcClientTls) => {
      const target = { hostname: "127.0.0.1", port: listener.address.port, ...(tls === undefined ? {} : { tls }) };
      return connectGrpc(target, PATIENCE_MS, { clock: realClock });
    };
    const ca = pem("ca.crt");
    {
      using connection = await connect({ ca, cert: pem("client.crt"), key: pem("client.key") });
      const packet = encodePacket(new TextEncoder().encode("a:1|c"));
      const { status } = await connection.call(PACKET_PATHS.packet, [packet], { timeoutMs: PATIENCE_MS });
      assert.equal(status.code, Code.OK);
    }
    await assert.rejects(connect({ ca }), GrpcConnectError, "no certificate");
    await assert.rejects(connect({}), GrpcConnectError, "an authority nobody knows");
    await assert.rejects(connect(), GrpcConnectError, "no TLS");
    await until(() => listener.stats[At.tlsFailures] === 3, "all have failed");
  },
});

Deno.test({
  name: "a forward over TLS shows its certificate, and trusts the authority it is told of",
  ignore: certificates === undefined,
  fn: async () => {
    const path = (name: string) => `${certificates}/${name}`;
    const keys: TlsKeys = {
      tlsKey: path("server.key"),
      tlsCertificate: path("server.crt"),
      tlsAuthorityCertificate: path("ca.crt"),
    };
    await using listener = await start(["import"], readTlsSettings(keys));
    const settings = {
      forwardAddress: `https://127.0.0.1:${listener.address.port}`,
      forwardTlsKey: path("client.key"),
      forwardTlsCertificate: path("client.crt"),
      forwardTlsAuthorityCertificate: path("ca.crt"),
    };
    const send = (target: GrpcTarget) => {
      const client = newGrpcForwardClient(target, PATIENCE_MS, { clock: realClock, reporter: recordingReporter() });
      return client(encodeMetricList(METRICS), METRICS.length);
    };
    assert.deepEqual(await send(grpcForwardTarget(settings)), { delivered: 4, ambiguous: 0 });
    const anonymous = { ...settings, forwardTlsKey: "", forwardTlsCertificate: "" };
    assert.deepEqual(await send(grpcForwardTarget(anonymous)), { delivered: 0, ambiguous: 0 });
    const trusting = { ...settings, forwardTlsAuthorityCertificate: "" };
    assert.deepEqual(await send(grpcForwardTarget(trusting)), { delivered: 0, ambiguous: 0 });
    assert.equal(listener.stats[At.imported], 4);

    const refused: [settings: Partial<typeof settings>, message: RegExp][] = [
      [{ forwardTlsKey: path("server.key") }, /forward_tls_certificate: it is not the certificate of forward_tls_key/],
      [{ forwardTlsKey: path("none.key") }, /forward_tls_key: .*there is no such file/],
      [{ forwardTlsKey: "BEGIN nothing" }, /forward_tls_key: it is not a private key/],
      [{ forwardTlsAuthorityCertificate: "BEGIN" }, /forward_tls_authority_certificate: there is no certificate/],
    ];
    for (const [some, message] of refused) assert.throws(() => grpcForwardTarget({ ...settings, ...some }), message);
  },
});
