import assert from "node:assert/strict";
import { ConfigError, Section } from "../../config/mod.ts";
import {
  DEFAULT_CLICKHOUSE,
  DEFAULT_SCHEMA,
  DEFAULT_STORE,
  readClickhouseConfig,
  readSchemaConfig,
  readStoreConfig,
  requireStore,
} from "./config.ts";
import { resolveSchema, resolveSchemaSection } from "./schema.ts";

Deno.test("sections without keys are the defaults", () => {
  assert.deepEqual(readClickhouseConfig(Section.of({})), DEFAULT_CLICKHOUSE);
  assert.deepEqual(readSchemaConfig(Section.of({})), DEFAULT_SCHEMA);
  assert.deepEqual(readStoreConfig(Section.of({})), DEFAULT_STORE);
});

Deno.test("readClickhouseConfig() reads every key", () => {
  const config = readClickhouseConfig(Section.of({
    servers: ["ch1", "https://ann:pw@ch2/path", "[2001:db8::1]:8124"],
    database: "net",
    username: "u",
    password: "p",
    cluster: "c",
    dial_timeout: "1s",
    timeout: "2m",
    tls: { ca_file: "ca", cert_file: "cert" },
    compression: "lz4",
    maximum_batch_size: 1000,
    maximum_wait_time: "1s",
    grace_period: "10s",
    resolutions: [{ interval: "1m", ttl: "1h", table_settings: { storage_policy: "cold", min_bytes: 1 } }, {
      interval: "0s",
      ttl: "0s",
    }],
    max_partitions: 5,
    asns: { "65001": "me" },
    orchestrator_url: "http://a",
    orchestrator_basic_auth: { username: "x", password: "y" },
    skip_migrations: true,
    skip_version_check: true,
  }));
  assert.deepEqual(config, {
    servers: ["http://ch1:8123", "https://ann:pw@ch2:8123/path", "http://[2001:db8::1]:8124"],
    database: "net",
    username: "u",
    password: "p",
    cluster: "c",
    dialTimeoutMs: 1000,
    timeoutMs: 120_000,
    tls: { caFile: "ca", certFile: "cert", keyFile: "cert" },
    compression: "lz4",
    maximumBatchSize: 1000,
    maximumWaitTimeMs: 1000,
    gracePeriodMs: 10_000,
    resolutions: [
      { intervalS: 0, ttlS: 0, tableSettings: {} },
      { intervalS: 60, ttlS: 3600, tableSettings: { storage_policy: "cold", min_bytes: 1 } },
    ],
    maxPartitions: 5,
    asns: { "65001": "me" },
    orchestratorUrl: "http://a",
    orchestratorBasicAuth: { username: "x", password: "y" },
    skipMigrations: true,
    skipVersionCheck: true,
  });
});

const refused: [why: string, settings: Record<string, unknown>, message: RegExp][] = [
  ["a slip", { server: ["http://a"] }, /did you mean servers\?/],
  ["a scheme", { servers: ["tcp://a:9000"] }, /a list of URLs/],
  ["a name to quote", { database: "a-b" }, /letters, digits and _/],
  ["a short grace", { grace_period: "1s" }, /10s or more/],
  ["a key without its certificate", { tls: { key_file: "k" } }, /cert_file with it/],
  ["no main table", { resolutions: [{ interval: "1m", ttl: "1h" }] }, /interval 0s, the main table/],
  ["a table twice", { resolutions: [{ interval: "0s" }, { interval: "0s" }] }, /no other resolution/],
  ["a short interval", { resolutions: [{ interval: "0s" }, { interval: "1s" }] }, /5s or more/],
  ["a short life", { resolutions: [{ interval: "0s", ttl: "1m" }] }, /1h or more/],
  [
    "a setting that is a list",
    { resolutions: [{ interval: "0s", table_settings: { a: [1] } }] },
    /a whole number or a text/,
  ],
  ["a number that is none", { asns: { AS1: "me" } }, /numbers up to 4294967295/],
  ["a strange compression", { compression: "br" }, /zstd, gzip, lz4 or none/],
];
for (const [why, settings, message] of refused) {
  Deno.test(`readClickhouseConfig() refuses ${why}`, () => {
    assert.throws(
      () => readClickhouseConfig(Section.of(settings)),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}

const dictionary = {
  layout: "iptrie",
  keys: [{ name: "net" }],
  attributes: [{ name: "role" }, { name: "site", type: "String", label: "Place", default: "?" }],
  dimensions: ["SrcAddr"],
  source: "roles.csv",
};

Deno.test("readSchemaConfig() reads dictionaries, whose columns follow their dimensions", () => {
  const config = readSchemaConfig(Section.of({ custom_dictionaries: { roles: dictionary } }));
  const { columns } = resolveSchema(config, "net");
  const at = columns.findIndex(({ name }) => name === "SrcAddr");
  assert.deepEqual(
    columns.slice(at + 1, at + 3).map(({ name, type, kind, expression }) => [name, type, kind, expression]),
    [
      [
        "SrcAddrRole",
        "LowCardinality(String)",
        "generated",
        "dictGet('net.custom_dict_roles', 'role', tuple(SrcAddr))",
      ],
      [
        "SrcAddrPlace",
        "LowCardinality(String)",
        "generated",
        "dictGet('net.custom_dict_roles', 'site', tuple(SrcAddr))",
      ],
    ],
  );
});

const refusedDictionaries: [why: string, changes: Record<string, unknown>, message: RegExp][] = [
  ["no key", { keys: [] }, /at least one key/],
  ["no attribute", { attributes: [] }, /at least one attribute/],
  ["no source", { source: "" }, /the path of a file/],
  ["a trie of numbers", { keys: [{ name: "net", type: "UInt32" }] }, /one key of type String/],
  ["a strange type", { keys: [{ name: "net", type: "Tuple(a)" }] }, /a type of ClickHouse/],
  ["two keys of a simple layout", { layout: "hashed", keys: [{ name: "a" }, { name: "b" }] }, /complex_key_hashed/],
];
for (const [why, changes, message] of refusedDictionaries) {
  Deno.test(`readSchemaConfig() refuses a dictionary with ${why}`, () => {
    assert.throws(
      () => readSchemaConfig(Section.of({ custom_dictionaries: { roles: { ...dictionary, ...changes } } })),
      message,
    );
  });
}

Deno.test("resolveSchemaSection() tells where in the section the fault is", () => {
  const section = Section.of({ disabled: ["Bytes"] });
  assert.throws(
    () => resolveSchemaSection(section, readSchemaConfig(section), "default"),
    /Cannot use disabled = .*always needed/,
  );
});

const servers = { ...DEFAULT_CLICKHOUSE, servers: ["http://a:8123"] };

Deno.test("requireStore() wants a server or a library, and says both", () => {
  const message = /Cannot store flows: write flow\.outlet\.clickhouse\.servers .*, or flow\.store\.chdb_path/;
  assert.throws(
    () => requireStore(Section.of({}), DEFAULT_CLICKHOUSE, DEFAULT_STORE),
    (error) => error instanceof ConfigError && message.test(error.message),
  );
  requireStore(Section.of({}), servers, DEFAULT_STORE);
  requireStore(Section.of({}), DEFAULT_CLICKHOUSE, { ...DEFAULT_STORE, chdbPath: "/lib/libchdb.so" });
  assert.throws(
    () => requireStore(Section.of({}), servers, { ...DEFAULT_STORE, chdbPath: "/lib/libchdb.so" }),
    /in two places/,
  );
});
