import assert from "node:assert/strict";
import { ConfigError, readDocument, Section } from "../config/mod.ts";
import { NO_FILTER, readOutputs } from "./config.ts";
import type { OutputConfig } from "./contract.ts";

function read(...outputs: object[]): OutputConfig[] {
  return readOutputs(Section.of({ outputs }).sections("outputs"), { defaultStdout: false });
}

Deno.test("readOutputs() reads what is documented", () => {
  const yaml = `
outputs:
  - name: dd
    kind: datadog
    mode: failover
    hosts: ["https://api.datadoghq.com", "https://api.datadoghq.eu", "https://api.datadoghq.com"]
    worker: 2
    timeout: 20s
    backoff: { init: 500ms, max: 30s }
    max_retries: -1
    bulk_max_size: 1000
    spool: true
    sends: [spans, points]
    tls: { ca_file: ca.pem, cert_file: c.pem, key_file: k.pem, server_name: dd }
    proxy: "http://proxy:3128"
    key: abc
    tags_exclude: [pod]
    add_tags: { dc: eu }
    max_name_length: 200
    max_tag_length: 100
    max_tags: 50
    metric_name_prefix_drops: ["tmp."]
    exclude_tags_prefix_by_prefix_metric: [{ metric_prefix: db, tags: [table] }]
  - { name: lines, kind: file, path: /var/log/limier/points.jsonl, format: json }
`;
  const outputs = readOutputs(readDocument(yaml, "limier.yaml").sections("outputs"), { defaultStdout: true });
  assert.deepEqual(outputs[0], {
    name: "dd",
    kind: "datadog",
    mode: "failover",
    hosts: ["https://api.datadoghq.com", "https://api.datadoghq.eu"],
    worker: 2,
    timeoutMs: 20_000,
    backoff: { initMs: 500, maxMs: 30_000 },
    maxRetries: -1,
    bulkMaxSize: 1000,
    spool: true,
    sends: ["points", "spans"],
    tls: { caFile: "ca.pem", certFile: "c.pem", keyFile: "k.pem", serverName: "dd" },
    proxy: "http://proxy:3128",
    filter: {
      maxNameLength: 200,
      maxTagLength: 100,
      maxTags: 50,
      excludeTags: ["pod"],
      addTags: { dc: "eu" },
      dropNamePrefixes: ["tmp."],
      excludeTagPrefixes: [{ metricPrefix: "db", tags: ["table"] }],
      stripTags: [],
      routing: [],
    },
    own: { key: "abc", traceFormat: "traces" },
  });
  assert.deepEqual([outputs[1]?.name, outputs[1]?.kind, outputs[1]?.hosts], ["lines", "file", []]);
});

Deno.test("readOutputs() has a default for everything but name and kind", () => {
  const [output] = read({ name: "dd", kind: "datadog", key: "k" });
  assert.deepEqual(output, {
    name: "dd",
    kind: "datadog",
    mode: "single",
    hosts: ["https://app.datadoghq.com"],
    worker: 1,
    timeoutMs: 30_000,
    backoff: { initMs: 1_000, maxMs: 60_000 },
    maxRetries: 3,
    bulkMaxSize: 25_000,
    spool: false,
    sends: ["points", "events", "checks", "spans"],
    tls: {},
    filter: NO_FILTER,
    own: { key: "k", traceFormat: "traces" },
  });
  assert.deepEqual(structuredClone(output), output); // it crosses to workers
});

Deno.test("readOutputs() prints where there are no outputs, if it is to", () => {
  const [output] = readOutputs([], { defaultStdout: true });
  assert.deepEqual([output?.name, output?.kind, output?.hosts], ["stdout", "stdout", []]);
  assert.deepEqual(read(), []);
});

const refused: [outputs: object[], message: RegExp][] = [
  [[{ kind: "stdout" }], /outputs\[0\]\.name/],
  [[{ name: "", kind: "stdout" }], /name/],
  [[{ name: "a" }], /outputs\[0\]\.kind: write one of datadog, file, stdout/],
  [[{ name: "a", kind: "datadgo" }], /kind = "datadgo": write datadog$/],
  [
    [{ name: "a", kind: "stdout" }, { name: "a", kind: "debug" }],
    /outputs\[1\]\.name = "a": write a name that no other/,
  ],
  [[{ name: "a", kind: "stdout", modes: 1 }], /modes: there is no such key; did you mean mode\?/],
  [[{ name: "a", kind: "stdout", key: "x" }], /key/],
  [[{ name: "a", kind: "stdout", mode: "balance" }], /single, failover or load_balance/],
  [[{ name: "a", kind: "stdout", hosts: ["x"] }], /no hosts: stdout has none/],
  [[{ name: "a", kind: "datadog", key: "k", hosts: [] }], /hosts/],
  [[{ name: "a", kind: "stdout", worker: 0 }], /worker/],
  [[{ name: "a", kind: "stdout", timeout: "0s" }], /timeout/],
  [[{ name: "a", kind: "stdout", timeout: 30 }], /timeout/],
  [[{ name: "a", kind: "stdout", backoff: { start: "1s" } }], /backoff\.start/],
  [[{ name: "a", kind: "stdout", max_retries: -2 }], /max_retries/],
  [[{ name: "a", kind: "stdout", bulk_max_size: -1 }], /bulk_max_size/],
  [[{ name: "a", kind: "prometheus_exposition", spool: true }], /spool = true: write false: .* delivers nothing/],
  [[{ name: "a", kind: "otlp", hosts: ["http://h"], spool: true }], /spool = true: write false: .* counts twice/],
  [[{ name: "a", kind: "stdout", sends: ["metrics"] }], /sends.*points, events, checks, spans/],
  [[{ name: "a", kind: "stdout", sends: [] }], /sends/],
  [[{ name: "a", kind: "stdout", tls: { ca: "x" } }], /tls\.ca/],
  [[{ name: "a", kind: "stdout", tls: { cert_file: "x" } }], /tls\.key_file/],
  [[{ name: "a", kind: "stdout", tls: { key_file: "x" } }], /tls\.cert_file/],
  [[{ name: "a", kind: "stdout", proxy: "proxy:3128" }], /proxy.*write a URL/],
  [[{ name: "a", kind: "stdout", max_tags: -1 }], /max_tags/],
  [[{ name: "a", kind: "stdout", add_tags: ["x"] }], /add_tags/],
  [[{ name: "a", kind: "stdout", exclude_tags_prefix_by_prefix_metric: [{ prefix: "x" }] }], /prefix/],
  [[{ name: "a", kind: "datadog" }], /outputs\[0\]\.key/],
  [[{ name: "a", kind: "carrier_pigeon" }], /write one of datadog/],
  [[{ name: "a", kind: 7 }], /kind/],
];
for (const [outputs, message] of refused) {
  Deno.test(`readOutputs() refuses ${JSON.stringify(outputs)}`, () => {
    assert.throws(() => read(...outputs), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("readOutputs() keeps all errors where they are collected", () => {
  const root = Section.of({ outputs: [{ name: "a", kind: "nope" }, { name: "b", kind: "debug" }, { kind: "debug" }] }, {
    collect: true,
  });
  const outputs = readOutputs(root.sections("outputs"), { defaultStdout: false });
  assert.deepEqual(outputs.map(({ name }) => name), ["b"]);
  assert.equal(root.errors.length, 2, root.errors.map(({ message }) => message).join("\n"));
});
