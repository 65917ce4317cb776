import assert from "node:assert/strict";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { FakeClock, realClock } from "../clock/mod.ts";
import { Code, type GrpcMethods, type GrpcStatus, unary } from "../grpc/mod.ts";
import { endApart } from "../grpc/testing.ts";
import type { Observation } from "../output/mod.ts";
import { recordingReporter } from "../telemetry/mod.ts";
import { until } from "../testing/mod.ts";
import { encodeMetric, encodeMetricList } from "./forward_proto.ts";
import { grpcForwardTarget, newGrpcForwardClient } from "./grpc_forward_client.ts";
import { EMPTY, FORWARD_PATHS, metricsOf } from "./grpc_forward_service.ts";
import { PATIENCE_MS, sampleOf, serve } from "./grpc_testing.ts";

const { list: LIST, stream: STREAM } = FORWARD_PATHS;

/** A forward of so many counters, each of some 200 bytes. */
function bodyOf(series: number): Uint8Array<ArrayBuffer> {
  const name = "n".repeat(180);
  return encodeMetricList(
    Array.from(
      { length: series },
      (_, i) => encodeMetric({ name: `${name}${i}`, tags: [], isGlobal: true, value: { type: "counter", total: 1n } }),
    ),
  );
}

/** What a server got: how many metrics by call, and by which method. */
class Taken {
  readonly calls: [path: string, metrics: number][] = [];

  list(end: () => GrpcStatus | undefined = () => undefined): GrpcMethods {
    return {
      [LIST]: unary(4 * 1024 * 1024, (bytes) => {
        const metrics = metricsOf(bytes);
        assert.ok(Array.isArray(metrics));
        this.calls.push([LIST, metrics.length]);
        return end() ?? EMPTY;
      }),
    };
  }

  stream(end: () => GrpcStatus | undefined = () => undefined): GrpcMethods {
    return {
      [STREAM]: {
        kind: "clientStream",
        maxMessageBytes: 1000,
        newCall: () => {
          let metrics = 0;
          return {
            message: () => void metrics++,
            end: () => {
              this.calls.push([STREAM, metrics]);
              return end() ?? EMPTY;
            },
          };
        },
      },
    };
  }
}

function clientOf(port: number, timeoutMs = PATIENCE_MS, clock = realClock) {
  const reporter = recordingReporter();
  const observed: Observation[] = [];
  const send = newGrpcForwardClient({ hostname: "127.0.0.1", port }, timeoutMs, {
    clock,
    reporter,
    observe: (what) => void observed.push(what),
  });
  const counted = (sample: string) => sampleOf(reporter.metrics.text(), sample);
  return { send, observed, counted, lines: reporter.lines };
}

Deno.test("a forward goes as a stream, of a few megabytes at most", async () => {
  const taken = new Taken();
  await using server = await serve({ ...taken.stream(), ...taken.list() });
  const { send, observed, counted } = clientOf(server.port);
  const body = bodyOf(40_000);
  assert.deepEqual(await send(body, 40_000), { delivered: 40_000, ambiguous: 0 });
  assert.ok(taken.calls.length >= 3 && taken.calls.every(([path, metrics]) => path === STREAM && metrics < 17_000));
  assert.equal(taken.calls.reduce((sum, [, metrics]) => sum + metrics, 0), 40_000);
  assert.equal(counted('limier_forward_series_total{outcome="delivered"}'), 40_000);
  const { action, contentLength, durationMs, errorCause } = observed[0]!;
  assert.deepEqual([action, contentLength, durationMs!.part, errorCause], ["forward", body.length, "grpc", undefined]);
});

Deno.test("a server without streams gets lists that it takes, and is asked once a connection", async () => {
  const taken = new Taken();
  await using server = await serve(taken.list());
  const { send } = clientOf(server.port);
  assert.deepEqual(await send(bodyOf(40_000), 40_000), { delivered: 40_000, ambiguous: 0 });
  assert.ok(taken.calls.length >= 3 && taken.calls.every(([path]) => path === LIST));
});

const failures: [
  what: string,
  methods: (status: GrpcStatus, taken: Taken) => GrpcMethods,
  code: keyof typeof Code,
  ambiguous: number,
  cause: string,
][] = [
  ["a stream", (status, taken) => taken.stream(() => status), "UNAVAILABLE", 10, "transient_unavailable"],
  ["a stream", (status, taken) => taken.stream(() => status), "INTERNAL", 10, "send"],
  ["a stream", (status, taken) => taken.stream(() => status), "RESOURCE_EXHAUSTED", 10, "send"],
  ["a stream", (status, taken) => taken.stream(() => status), "DEADLINE_EXCEEDED", 10, "deadline_exceeded"],
  ["a stream", (status, taken) => taken.stream(() => status), "PERMISSION_DENIED", 0, "send"],
  ["a stream", (status, taken) => taken.stream(() => status), "UNAUTHENTICATED", 0, "send"],
  ["a list", (status, taken) => taken.list(() => status), "UNAVAILABLE", 10, "transient_unavailable"],
  ["a list", (status, taken) => taken.list(() => status), "UNKNOWN", 10, "send"],
  ["a list", (status, taken) => taken.list(() => status), "RESOURCE_EXHAUSTED", 0, "send"],
  ["nothing at all", () => ({}), "UNIMPLEMENTED", 0, "send"],
];
for (const [what, methods, code, ambiguous, cause] of failures) {
  Deno.test(`a server of ${what} that ends as ${code} leaves ${ambiguous} in doubt`, async () => {
    const taken = new Taken();
    await using server = await serve(methods({ code: Code[code], message: "told to" }, taken));
    const { send, observed, counted, lines } = clientOf(server.port);
    assert.deepEqual(await send(bodyOf(10), 10), { delivered: 0, ambiguous });
    assert.equal(observed[0]!.errorCause, cause);
    const outcome = ambiguous > 0 ? "ambiguous" : "refused";
    assert.equal(counted(`limier_forward_series_total{outcome="${outcome}"}`), 10);
    if (ambiguous > 0) assert.equal(counted("limier_forward_ambiguous_total"), 10);
    assert.deepEqual(lines.map(({ level, fields }) => [level, fields.outcome]), [["warn", outcome]]);
    assert.match(lines[0]!.message, new RegExp(`^Cannot forward to 127\\.0\\.0\\.1: it ended as ${code}`));
  });
}

Deno.test("a failure leaves in doubt what its call held, and no more", async () => {
  const taken = new Taken();
  const failsSecond = () => taken.calls.length === 2 ? { code: Code.INTERNAL, message: "" } : undefined;
  await using server = await serve(taken.stream(failsSecond));
  const { send, counted } = clientOf(server.port);
  const parts = await send(bodyOf(40_000), 40_000);
  assert.deepEqual(parts, { delivered: taken.calls[0]![1], ambiguous: taken.calls[1]![1] });
  assert.equal(taken.calls.length, 2, "the rest was not tried");
  assert.equal(
    counted('limier_forward_series_total{outcome="refused"}'),
    40_000 - parts.delivered - parts.ambiguous,
  );
});

Deno.test("a port that nobody listens on takes nothing", async () => {
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr;
  probe.close();
  const { send, observed, lines } = clientOf(port);
  assert.deepEqual(await send(bodyOf(3), 3), { delivered: 0, ambiguous: 0 });
  assert.equal(observed[0]!.errorCause, "transient_unavailable");
  assert.match(lines[0]!.message, /^Cannot connect to 127\.0\.0\.1:\d+: /);
});

Deno.test("a server that is not reached in time has taken nothing", async () => {
  const clock = new FakeClock();
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { send, observed } = clientOf(silent.addr.port, 9_000, clock);
  const sent = send(bodyOf(2), 2);
  const accepted = await silent.accept();
  await clock.advance(9_000);
  assert.deepEqual(await sent, { delivered: 0, ambiguous: 0 });
  assert.equal(observed[0]!.errorCause, "deadline_exceeded");
  accepted.close();
  silent.close();
});

Deno.test("a server that does not answer in time leaves in doubt what the call under way held", async () => {
  const clock = new FakeClock();
  const server = createServer();
  let arrived = 0;
  server.on("session", (session) => void endApart(session));
  server.on("stream", (stream) => {
    stream.on("error", () => {}); // the client cancels
    stream.on("data", (chunk: Uint8Array) => arrived += chunk.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { send, observed } = clientOf((server.address() as AddressInfo).port, 9_000, clock);
  const sent = send(bodyOf(20_000), 20_000);
  await until(() => arrived > 0, "some of it has arrived");
  await clock.advance(9_000);
  const { delivered, ambiguous } = await sent;
  assert.equal(delivered, 0);
  assert.ok(ambiguous > 10_000 && ambiguous < 17_000, String(ambiguous));
  assert.equal(observed[0]!.errorCause, "deadline_exceeded");
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

const NO_TLS = { forwardTlsKey: "", forwardTlsCertificate: "", forwardTlsAuthorityCertificate: "" };
const targets: [address: string, target: object][] = [
  ["global:8128", { hostname: "global", port: 8128 }],
  ["http://global:8128", { hostname: "global", port: 8128 }],
  ["http://global:8128/", { hostname: "global", port: 8128 }],
  ["[::1]:8128", { hostname: "::1", port: 8128 }],
  ["https://global:8128", { hostname: "global", port: 8128, tls: {} }],
];
for (const [address, target] of targets) {
  Deno.test(`grpcForwardTarget() reads ${address}`, () => {
    assert.deepEqual(grpcForwardTarget({ forwardAddress: address, ...NO_TLS }), target);
  });
}
for (
  const address of ["global", ":8128", "global:0", "ftp://global:8128", "http://global:8128/import", "global:65536"]
) {
  Deno.test(`grpcForwardTarget() refuses ${address}`, () => {
    assert.throws(() => grpcForwardTarget({ forwardAddress: address, ...NO_TLS }), /Cannot forward to/);
  });
}
