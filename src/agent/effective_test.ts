import assert from "node:assert/strict";
import { parse } from "@std/yaml";
import { Section } from "../config/mod.ts";
import { HTTP_KEYS } from "../http/mod.ts";
import { destinations } from "../output/mod.ts";
import { STATSD_KEYS } from "../statsd/mod.ts";
import { readAgentConfig } from "./config.ts";
import { effectiveConfig } from "./effective.ts";
import { loadConfig, shownYaml } from "./load.ts";

type Yaml = Record<string, unknown>;

function effectiveOf(config: object): Yaml & { statsd: Yaml; http: Yaml; outputs: Yaml[] } {
  const effective = effectiveConfig(readAgentConfig(Section.of(config), { asProgram: true }));
  return effective as ReturnType<typeof effectiveOf>;
}

function withoutSecretFiles(keys: readonly string[]): string[] {
  return keys.filter((key) => !["tls_key_file", "key_file"].includes(key)).toSorted();
}

Deno.test("effectiveConfig() has every key of the sections statsd and http, and a value for each of statsd", () => {
  const { statsd, http } = effectiveOf({});
  assert.deepEqual(Object.keys(statsd).toSorted(), withoutSecretFiles(STATSD_KEYS));
  assert.deepEqual(Object.keys(http).toSorted(), [...HTTP_KEYS].toSorted());
  for (const [key, value] of Object.entries(statsd)) assert.ok(value !== null && value !== undefined, key);
});

/** What an output of a kind can't do without. */
const NEEDED: Readonly<Record<string, Yaml>> = {
  datadog: { key: "k" },
  file: { path: "/tmp/x" },
  influxdb: { hosts: ["http://127.0.0.1:1"], database: "metrics" },
  kafka: { hosts: ["127.0.0.1:1"], metric_topic: "metrics" },
  otlp: { hosts: ["http://127.0.0.1:1"] },
  prometheus_remote_write: { hosts: ["http://127.0.0.1:1"] },
  prometheus_repeater: { hosts: ["127.0.0.1:1"] },
  s3: { bucket: "metrics" },
};

for (const { kind, keys } of destinations) {
  Deno.test(`effectiveConfig() has the keys of an output of kind ${kind}, and reads as the same`, () => {
    const config = { outputs: [{ name: "a", kind, ...NEEDED[kind] }] };
    const effective = effectiveOf(config);
    const [output] = effective.outputs;
    for (const key of withoutSecretFiles(keys)) assert.ok(Object.hasOwn(output!, key), key);
    for (const [key, value] of Object.entries(NEEDED[kind] ?? {})) assert.deepEqual(output![key], value);
    assert.deepEqual(effectiveOf(effective), effective);
  });
}

Deno.test("effectiveConfig() has the keys of an output that signs in with tokens, and reads as the same", () => {
  const sasl = { mechanism: "OAUTHBEARER", username: "c", password: "p", oauth_token_url: "https://idp.example/token" };
  const output = { name: "a", kind: "kafka", ...NEEDED["kafka"], sasl: { ...sasl, oauth_scopes: ["a", "b"] } };
  const effective = effectiveOf({ outputs: [output] });
  assert.deepEqual(effective.outputs[0]!.sasl, output.sasl);
  assert.deepEqual(effectiveOf(effective), effective);
});

const addresses: [given: Yaml, expected: Yaml][] = [
  [{}, { udp_address: "127.0.0.1:8125", tcp_address: "", statsd_listen_addresses: [] }],
  [{ udp_address: "" }, { udp_address: "", tcp_address: "", statsd_listen_addresses: [] }],
  [{ tcp_address: "[::1]:1" }, { udp_address: "", tcp_address: "[::1]:1", statsd_listen_addresses: [] }],
  [
    { udp_address: ":1", tcp_address: ":2", statsd_listen_addresses: ["udp://:3", "unix:///a"] },
    { udp_address: ":1", tcp_address: ":2", statsd_listen_addresses: ["udp://:3", "unix:///a"] },
  ],
  [
    { statsd_listen_addresses: ["udp6://[::1]:1", "tcp://:2"] },
    { udp_address: "", tcp_address: "", statsd_listen_addresses: ["udp6://[::1]:1", "tcp://:2"] },
  ],
  [{ trace_address: ":4" }, { trace_address: "", ssf_listen_addresses: ["udp://:4"] }],
];

for (const [given, expected] of addresses) {
  Deno.test(`effectiveConfig() of the addresses ${JSON.stringify(given)}`, () => {
    const effective = effectiveOf({ statsd: given });
    const { statsd } = effective;
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, statsd[key]])), expected);
    assert.deepEqual(effectiveOf(effective), effective);
  });
}

Deno.test("effectiveConfig() has the sources, and reads as the same", () => {
  const source = { kind: "openmetrics", name: "node", scrape_target: "http://127.0.0.1:9100/metrics", allowlist: "^a" };
  const effective = effectiveOf({ statsd: { sources: [source] } });
  const [shown] = effective.statsd.sources as Yaml[];
  for (const [key, value] of Object.entries(source)) assert.equal(shown![key], value);
  assert.deepEqual(effectiveOf(effective), effective);
});

Deno.test("effectiveConfig() sends of an output only what its kind has a form for", () => {
  const { outputs } = effectiveOf({ outputs: [{ name: "a", kind: "file", path: "/x", format: "tsv" }] });
  assert.deepEqual(outputs[0]!.sends, ["points"]);
});

Deno.test("shownYaml() reads as the same texts, whatever they look like", () => {
  const tags = ["yes", "on", "1_000", "0b11", "0o7", "2001-01-01", "~", "null", "1:30", "a: b", "- x", "#c", "'", '"'];
  const odd = [...tags, "${HOME}", "$${", "$", "é\u2028\t", "&a", "*a", "!t", "%p", "@q", "1e3", ".inf", "a\nb", " c "];
  const loaded = loadConfig(JSON.stringify({ statsd: { tags: odd.map((tag) => tag.replaceAll("${", () => "$${")) } }), {
    file: "a.yaml",
    env: {},
    veneur: false,
    strict: false,
  });
  assert.deepEqual(loaded.config.statsd.tags, odd);
  const text = shownYaml(loaded, false);
  const again = loadConfig(text, { file: "b.yaml", env: {}, veneur: false, strict: false });
  assert.deepEqual(again.config.statsd.tags, odd);
  assert.equal(shownYaml(again, false), text);
});

Deno.test("shownYaml() leaves secrets out unless it is told to show them", () => {
  const dsn = "https://0123456789abcdef@sentry.example.org/1";
  const loaded = loadConfig(`sentry: { dsn: "${dsn}" }\nhttp: { token: abc }\n`, {
    file: "a.yaml",
    env: {},
    veneur: false,
    strict: false,
  });
  const shown = parse(shownYaml(loaded, false)) as { sentry: Yaml; http: Yaml };
  assert.deepEqual([shown.sentry.dsn, shown.http.token], ["REDACTED", "REDACTED"]);
  const open = parse(shownYaml(loaded, true)) as { sentry: Yaml; http: Yaml };
  assert.deepEqual([open.sentry.dsn, open.http.token], [dsn, "abc"]);
});
