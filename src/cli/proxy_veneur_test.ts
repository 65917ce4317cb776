import assert from "node:assert/strict";
import { ConfigErrors } from "../config/mod.ts";
import { translateVeneurProxy } from "./proxy_veneur.ts";

const translate = (text: string, env: Record<string, string> = {}, strict = false) =>
  translateVeneurProxy(text, "proxy.yaml", env, { strict });

const rows: [what: string, text: string, env: Record<string, string>, config: object][] = [
  [
    "the file of the releases that forward over HTTP",
    `debug: true
http_address: "localhost:8127"
grpc_address: "localhost:8128"
consul_refresh_interval: "30s"
stats_address: "localhost:8125"
forward_address: "http://veneur.example.com"
grpc_forward_address: "veneur-grpc.example.com:8128"
forward_timeout: 10s
max_idle_conns_per_host: 7
sentry_dsn: ""
`,
    {},
    {
      http: { address: "localhost:8127" },
      log_level: "debug",
      proxy: {
        grpc_address: "localhost:8128",
        forward_address: "http://veneur.example.com",
        grpc_forward_address: "veneur-grpc.example.com:8128",
        consul_refresh_interval: "30s",
        forward_timeout: "10s",
        max_idle_conns_per_host: 7,
        stats_address: "localhost:8125",
      },
    },
  ],
  [
    "the file of the last release",
    `debug: false
discovery_interval: 20s
forward_addresses: ["a:8128", "b:8128"]
grpc_address: ":8128"
http: { enable_config: true }
ignore_tags: [{ kind: prefix, value: "host:", unset: false }]
send_buffer_size: 1000
shutdown_timeout: 5s
statsd: { address: "localhost:8125" }
`,
    {},
    {
      http: { address: "", config: true },
      proxy: {
        grpc_address: ":8128",
        grpc_forward_addresses: ["a:8128", "b:8128"],
        consul_refresh_interval: "20s",
        send_buffer_size: 1000,
        shutdown_timeout: "5s",
        ignore_tags: [{ kind: "prefix", value: "host:" }],
        stats_address: "localhost:8125",
      },
    },
  ],
  [
    "variables, in both spellings, and Consul's own",
    "forward_address: x:1\ndebug: false\n",
    {
      VENEUR_PROXY_FORWARDADDRESS: "http://y:2",
      VENEUR_PROXY_FORWARD_TIMEOUT: "3s",
      VENEUR_PROXY_DEBUG: "T",
      VENEUR_PROXY_HTTP_ENABLECONFIG: "1",
      CONSUL_HTTP_ADDR: "consul:8500",
      CONSUL_HTTP_TOKEN: "t",
    },
    {
      http: { address: "", config: true },
      log_level: "debug",
      proxy: { forward_address: "http://y:2", forward_timeout: "3s", consul_address: "consul:8500", consul_token: "t" },
    },
  ],
  [
    "a list in a variable",
    "",
    { VENEUR_PROXY_FORWARDADDRESSES: "a:1,b:2", VENEUR_PROXY_SENDBUFFERSIZE: "5" },
    { http: { address: "" }, proxy: { grpc_forward_addresses: ["a:1", "b:2"], send_buffer_size: 5 } },
  ],
  [
    "a service in a Kubernetes cluster",
    "consul_forward_service_name: s\nconsul_forward_grpc_service_name: t\n",
    { KUBERNETES_SERVICE_HOST: "10.0.0.1" },
    { http: { address: "" }, proxy: { kubernetes_forward_label: "app=veneur-global" } },
  ],
];
for (const [what, text, env, config] of rows) {
  Deno.test(`translateVeneurProxy() takes ${what}`, () => {
    const translated = translate(text, env);
    assert.deepEqual(translated.config, config);
    assert.deepEqual(translated.warnings, []);
  });
}

const warned: [text: string, warning: RegExp][] = [
  [
    "forward_adress: x",
    /^proxy\.yaml:1:1: unknown key forward_adress has no effect; the closest known key is forward_a/,
  ],
  ["http: { enabel_config: true }", /^proxy\.yaml:1:9: unknown key http\.enabel_config .* enable_config$/],
  ["trace_address: a:1", /the proxying of spans is not supported: trace_address has no effect/],
  ["enable_profiling: true", /a profile of the whole run is not supported/],
  ["tls: { cert_file: x }", /gRPC over TLS is not supported: tls has no effect/],
  ["forward_address: a\nconsul_forward_service_name: s", /forward_address has no effect beside consul_forward_service/],
  ["forward_address: a:1\nforward_address: b:1", /the key stands twice/],
];
for (const [text, warning] of warned) {
  Deno.test(`translateVeneurProxy() warns of ${JSON.stringify(text)}`, () => {
    const { warnings } = translate(text);
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(warnings[0]!, warning);
  });
}

Deno.test("translateVeneurProxy() takes pods rather than an address in a Kubernetes cluster, and says so", () => {
  const text = "forward_address: a:1\nforward_service: s\n";
  const { config, warnings } = translate(text, { KUBERNETES_SERVICE_HOST: "10.0.0.1" });
  assert.deepEqual(config.proxy, { kubernetes_forward_label: "app=veneur-global" });
  assert.deepEqual(warnings, ["proxy.yaml:1:1: forward_address has no effect beside the pods of a service"]);
});

const refused: [text: string, strict: boolean, says: RegExp][] = [
  ["forward_timeout: 10", false, /proxy\.yaml:1:18: Cannot use forward_timeout = 10/],
  ["send_buffer_size: many", false, /Cannot use send_buffer_size = "many"/],
  ["debug: maybe", false, /Cannot use debug = "maybe"/],
  ["forward_adress: x", true, /no such key; did you mean forward_address\?/],
];
for (const [text, strict, says] of refused) {
  Deno.test(`translateVeneurProxy() refuses ${text}${strict ? ", being strict" : ""}`, () => {
    assert.throws(() => translate(text, {}, strict), (error) => {
      assert.ok(error instanceof ConfigErrors);
      assert.match(error.message, says);
      return true;
    });
  });
}
