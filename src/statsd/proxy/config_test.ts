import assert from "node:assert/strict";
import { ConfigErrors, readDocument, Section } from "../../config/mod.ts";
import { PROXY_KEYS, readProxyConfig } from "./config.ts";

Deno.test("readProxyConfig() fills in everything but the destinations", () => {
  assert.deepEqual(readProxyConfig(Section.of({ forward_address: "http://g1:8127" })), {
    rings: { http: { kind: "static", members: ["http://g1:8127"] } },
    grpcAddress: "",
    tlsKey: "",
    tlsCertificate: "",
    tlsAuthorityCertificate: "",
    forwardTlsKey: "",
    forwardTlsCertificate: "",
    forwardTlsAuthorityCertificate: "",
    consulAddress: "http://127.0.0.1:8500",
    refreshIntervalMs: 30_000,
    forwardTimeoutMs: 10_000,
    maxIdleConnsPerHost: 100,
    sendBufferSize: 100_000,
    shutdownTimeoutMs: 10_000,
    ignoreTags: [],
    statsAddress: "",
    runtimeMetricsIntervalMs: 10_000,
  });
});

Deno.test("readProxyConfig() reads every key", () => {
  const read = readProxyConfig(Section.of({
    consul_forward_service_name: "veneur-global",
    grpc_forward_addresses: ["g1:8128", "g2:8128", "g1:8128"],
    grpc_address: "127.0.0.1:8128",
    tls_key: "k",
    tls_certificate: "c",
    tls_authority_certificate: "a",
    forward_tls_key: "fk",
    forward_tls_certificate: "fc",
    forward_tls_authority_certificate: "fa",
    consul_address: "consul:8500",
    consul_token: "s3cret",
    consul_refresh_interval: "1m30s",
    forward_timeout: "3s",
    max_idle_conns_per_host: 7,
    send_buffer_size: 50,
    shutdown_timeout: "0",
    ignore_tags: [{ kind: "prefix", value: "host:" }, { value: "a:1" }],
    stats_address: "unix:///run/x.sock",
    runtime_metrics_interval: "5s",
  }));
  assert.deepEqual(read, {
    rings: {
      http: { kind: "consul", service: "veneur-global" },
      grpc: { kind: "static", members: ["g1:8128", "g2:8128"] },
    },
    grpcAddress: "127.0.0.1:8128",
    tlsKey: "k",
    tlsCertificate: "c",
    tlsAuthorityCertificate: "a",
    forwardTlsKey: "fk",
    forwardTlsCertificate: "fc",
    forwardTlsAuthorityCertificate: "fa",
    consulAddress: "http://consul:8500",
    consulToken: "s3cret",
    refreshIntervalMs: 90_000,
    forwardTimeoutMs: 3_000,
    maxIdleConnsPerHost: 7,
    sendBufferSize: 50,
    shutdownTimeoutMs: 0,
    ignoreTags: [{ kind: "prefix", value: "host:" }, { kind: "exact", value: "a:1" }],
    statsAddress: "unix:///run/x.sock",
    runtimeMetricsIntervalMs: 5_000,
  });
});

const rings: [section: object, rings: object][] = [
  [{ forward_address: "g1:8127" }, { http: { kind: "static", members: ["g1:8127"] } }],
  [{ forward_addresses: ["a:1", "https://b"], forward_address: "" }, {
    http: { kind: "static", members: ["a:1", "https://b"] },
  }],
  [{ grpc_forward_address: "[::1]:8128" }, { grpc: { kind: "static", members: ["[::1]:8128"] } }],
  [{ grpc_forward_address: "https://g1:8128" }, { grpc: { kind: "static", members: ["https://g1:8128"] } }],
  [{ consul_forward_grpc_service_name: "g" }, { grpc: { kind: "consul", service: "g" } }],
  [{ kubernetes_forward_label: "app=veneur-global" }, { http: { kind: "kubernetes", label: "app=veneur-global" } }],
];
for (const [section, expected] of rings) {
  Deno.test(`readProxyConfig() finds its destinations in ${JSON.stringify(section)}`, () => {
    assert.deepEqual(readProxyConfig(Section.of(section)).rings, expected);
  });
}

const refused: [yaml: string, says: RegExp][] = [
  ["{}", /Cannot do without forward_addresses: write the addresses of the global instances/],
  ["forward_addresses: []", /forward_addresses = \[\]: write the addresses/],
  ["forward_address: 'ftp://x'", /forward_address = "ftp:\/\/x": write http:\/\/host:port/],
  ["forward_addresses: [a:1, 'http://']", /forward_addresses = .*: write a list of http:\/\/host:port/],
  ["forward_address: http://g/?x=1", /forward_address/],
  ["grpc_forward_address: g1", /grpc_forward_address = "g1": write host:port/],
  ["grpc_forward_address: 'g1:0'", /grpc_forward_address/],
  ["{forward_address: a:1, consul_forward_service_name: x}", /write either forward_address or consul_forward_service/],
  ["{forward_address: a:1, forward_addresses: [b:1]}", /write either forward_address or forward_addresses/],
  ["{forward_address: a:1, kubernetes_forward_label: app=x}", /either forward_address or kubernetes_forward_label/],
  ["{forward_address: a:1, ignore_tags: [{kind: some, value: a}]}", /ignore_tags\[0\]\.kind = "some"/],
  ["{forward_address: a:1, ignore_tags: [{kind: regex, value: '('}]}", /ignore_tags\[0\]\.value = "\(".*expression/],
  ["{forward_address: a:1, ignore_tags: [{kind: exact}]}", /Cannot do without ignore_tags\[0\]\.value/],
  ["{forward_address: a:1, ignore_tags: [host]}", /ignore_tags\[0\] = "host": write a map/],
  ["{forward_address: a:1, consul_address: 'unix:///x'}", /consul_address/],
  ["{forward_address: a:1, consul_refresh_interval: 30}", /consul_refresh_interval = 30: write a duration/],
  ["{forward_address: a:1, send_buffer_size: 0}", /send_buffer_size = 0/],
  ["{forward_address: a:1, tls_key: k}", /tls_key = .*: write tls_certificate beside it/],
  ["{forward_address: a:1, tls_authority_certificate: k}", /write tls_key and tls_certificate beside it/],
  ["{forward_address: a:1, forward_tls_certificate: c}", /write forward_tls_key beside it/],
  ["{forward_address: a:1, stats_address: here}", /stats_address = "here"/],
  ["{forward_address: a:1, forward_timout: 1s}", /no such key; did you mean forward_timeout\?/],
];
for (const [yaml, says] of refused) {
  Deno.test(`readProxyConfig() refuses ${yaml}`, () => {
    const section = readDocument(yaml, "proxy.yaml", { collect: true });
    readProxyConfig(section);
    assert.throws(() => section.throwCollected(), (error) => {
      assert.ok(error instanceof ConfigErrors);
      assert.equal(error.errors.length, 1, error.message);
      assert.match(error.message, says);
      return true;
    });
  });
}

Deno.test("PROXY_KEYS has each key once", () => assert.equal(new Set(PROXY_KEYS).size, PROXY_KEYS.length));
