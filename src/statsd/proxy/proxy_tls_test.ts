import assert from "node:assert/strict";
import { realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { encodeMetric, encodeMetricList } from "../forward_proto.ts";
import { newGrpcForwardClient } from "../grpc_forward_client.ts";
import { TlsSettingError } from "../stream_tls.ts";
import { readProxyConfig } from "./config.ts";
import { newProxyMetrics } from "./metrics.ts";
import { startProxy } from "./proxy.ts";
import { startProxyGrpc } from "./proxy_grpc.ts";
import { scriptedTarget } from "./scripted_target.ts";
import { testUnless } from "../../testing/mod.ts";

const SCRIPT = `
ec="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl req -x509 $ec -days 3 -subj "/CN=authority" -keyout ca.key -out ca.crt
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' >san
openssl req $ec -subj "/CN=proxy" -keyout proxy.key -out proxy.csr
openssl x509 -req -in proxy.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3 -extfile san -out proxy.crt
openssl req -x509 $ec -days 3 -subj "/CN=other" -keyout other.key -out other.crt
`;

function shell(script: string, cwd: string): Deno.CommandOutput {
  return new Deno.Command("sh", { args: ["-euc", script], cwd }).outputSync();
}

/** A directory with certificates; "" where there is no openssl. */
function makeCertificates(): string {
  if (!shell("command -v openssl", "/").success) {
    assert.notEqual(Deno.env.get("CI"), "true", "the TLS tests need openssl");
    return "";
  }
  const directory = Deno.makeTempDirSync();
  addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  const { success, stderr } = shell(SCRIPT, directory);
  assert.ok(success, new TextDecoder().decode(stderr));
  return directory;
}

const directory = makeCertificates();
const path = (name: string) => `${directory}/${name}`;

const SERIES = Array.from(
  { length: 20 },
  (_, i) => encodeMetric({ name: `c${i}`, tags: [], isGlobal: true, value: { type: "counter", total: 1n } }),
);

/** A proxy that listens for gRPC as told, in front of `members` or of one that takes everything. */
async function listening(section: object) {
  const reporter = recordingReporter();
  const metrics = newProxyMetrics(reporter.metrics);
  const config = readProxyConfig(Section.of({ grpc_address: "127.0.0.1:0", ...section }));
  const isScripted = config.rings.http !== undefined;
  const target = scriptedTarget();
  const proxy = await startProxy(config, {
    clock: realClock,
    reporter,
    metrics,
    fetch,
    env: {},
    ...isScripted ? { newTarget: () => target } : {},
  });
  const grpc = await startProxyGrpc(config, { current: () => proxy, metrics, clock: realClock, reporter });
  return {
    address: grpc.address.replace(/^.*:\/\//, ""),
    port: Number(/\d+$/.exec(grpc.address)![0]),
    metrics,
    stop: async () => {
      await grpc[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

const SERVER = { tls_key: path("proxy.key"), tls_certificate: path("proxy.crt") };
const CLIENT = {
  forward_tls_key: path("proxy.key"),
  forward_tls_certificate: path("proxy.crt"),
  forward_tls_authority_certificate: path("ca.crt"),
};

const rows: [what: string, server: object, scheme: string, client: object, delivered: number][] = [
  ["TLS", SERVER, "https://", { forward_tls_authority_certificate: path("ca.crt") }, 20],
  ["TLS where the settings alone say so", SERVER, "", { forward_tls_authority_certificate: path("ca.crt") }, 20],
  ["certificates on both sides", { ...SERVER, tls_authority_certificate: path("ca.crt") }, "https://", CLIENT, 20],
  ["another authority", SERVER, "https://", { forward_tls_authority_certificate: path("other.crt") }, 0],
  ["no TLS where there should be", SERVER, "", {}, 0],
];
for (const [what, server, scheme, client, delivered] of rows) {
  testUnless(
    directory === "" ? "there is no openssl" : undefined,
    `a proxy gives ${delivered} of 20 series to another one over gRPC with ${what}`,
    async () => {
      const second = await listening({ forward_address: "g1:1", ...server });
      const first = await listening({ grpc_forward_address: `${scheme}${second.address}`, ...client });
      const send = newGrpcForwardClient({ hostname: "127.0.0.1", port: first.port }, 30_000, {
        clock: realClock,
        reporter: recordingReporter(),
      });
      assert.deepEqual(await send(encodeMetricList(SERIES), 20), { delivered: 20, ambiguous: 0 });
      await first.stop();
      await second.stop();
      assert.deepEqual(first.metrics.totals(), { received: 20, delivered, lost: 20 - delivered });
      assert.deepEqual(second.metrics.totals(), { received: delivered, delivered, lost: 0 });
    },
  );
}

const refused: [what: string, section: object][] = [
  ["a listener's key that is not there", { forward_address: "g:1", tls_key: "/none", tls_certificate: path("ca.crt") }],
  ["another key's certificate", {
    forward_address: "g:1",
    forward_tls_key: path("ca.key"),
    forward_tls_certificate: path("proxy.crt"),
  }],
];
for (const [what, section] of refused) {
  Deno.test({
    name: `a proxy does not start with ${what}`,
    ignore: directory === "",
    fn: async () => await assert.rejects(listening(section), TlsSettingError),
  });
}
