/** Settings of the store: which ClickHouse, or chDB; its tables; its columns. */
import { ConfigError, type Section } from "../../config/mod.ts";
import { hostUrl } from "../../output/mod.ts";
import { type CustomDictionary, readCustomDictionaries } from "./custom_dictionaries.ts";

/** How bodies of inserts are compressed. */
export const COMPRESSIONS = ["zstd", "gzip", "lz4", "none"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** One table of flows: `flows` itself, or one whose rows stand for an interval. */
export interface Resolution {
  /** Whole seconds that a row stands for; 0: the main table. */
  readonly intervalS: number;
  /** Whole seconds that rows are kept; 0: for ever. */
  readonly ttlS: number;
  /** Settings of the table that are added, or stand in place of the usual ones. */
  readonly tableSettings: Readonly<Record<string, string | number>>;
}

/** The section `flow.outlet.clickhouse`. */
export interface ClickhouseConfig {
  /** URLs of the HTTP interface; empty: chDB. */
  readonly servers: readonly string[];
  readonly database: string;
  readonly username: string;
  /** Secret. */
  readonly password: string;
  /** Name of the cluster that tables are made on; "" for none. */
  readonly cluster: string;
  readonly dialTimeoutMs: number;
  /** One attempt to insert. */
  readonly timeoutMs: number;
  readonly tls: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  readonly compression: Compression;
  /** Rows that end a batch. */
  readonly maximumBatchSize: number;
  /** The longest that a batch waits for more rows. */
  readonly maximumWaitTimeMs: number;
  /** How long an insert under way may go on when the store is closed. */
  readonly gracePeriodMs: number;
  readonly resolutions: readonly Resolution[];
  /** Partitions of a table, about. */
  readonly maxPartitions: number;
  /** Names of autonomous systems by number; they win over those that are built in. */
  readonly asns: Readonly<Record<string, string>>;
  /** Where the server finds the agent's HTTP address; "": found out. */
  readonly orchestratorUrl: string;
  readonly orchestratorBasicAuth?: { readonly username: string; readonly password: string };
  /** Tables are left as they are. */
  readonly skipMigrations: boolean;
  /** Any version of the server is taken. */
  readonly skipVersionCheck: boolean;
}

/** The section `flow.schema`. */
export interface SchemaConfig {
  readonly enabled: readonly string[];
  readonly disabled: readonly string[];
  readonly mainTableOnly: readonly string[];
  readonly notMainTableOnly: readonly string[];
  /** Alias columns that are computed when a row is stored. */
  readonly materialize: readonly string[];
  /** Skip indexes by column: `bloom(p)`, `minmax`, `set(n)`. */
  readonly indexes: Readonly<Record<string, string>>;
  /** Columns whose usual index is left out. */
  readonly noIndexes: readonly string[];
  readonly customDictionaries: readonly CustomDictionary[];
}

/** The section `flow.store`. */
export interface StoreConfig {
  /** Path of `libchdb.so`; "": a ClickHouse server is the store. */
  readonly chdbPath: string;
  /** Where chDB keeps its tables. */
  readonly directory: string;
}

const DAY_S = 86_400;

/** The tables of an installation that says nothing of them. */
export const DEFAULT_RESOLUTIONS: readonly Resolution[] = [
  { intervalS: 0, ttlS: 15 * DAY_S, tableSettings: {} },
  { intervalS: 60, ttlS: 7 * DAY_S, tableSettings: {} },
  { intervalS: 300, ttlS: 90 * DAY_S, tableSettings: {} },
  { intervalS: 3600, ttlS: 360 * DAY_S, tableSettings: {} },
];

/** What an empty section means. */
export const DEFAULT_CLICKHOUSE: ClickhouseConfig = {
  servers: [],
  database: "default",
  username: "default",
  password: "",
  cluster: "",
  dialTimeoutMs: 5_000,
  timeoutMs: 60_000,
  tls: {},
  compression: "zstd",
  maximumBatchSize: 50_000,
  maximumWaitTimeMs: 5_000,
  gracePeriodMs: 60_000,
  resolutions: DEFAULT_RESOLUTIONS,
  maxPartitions: 50,
  asns: {},
  orchestratorUrl: "",
  skipMigrations: false,
  skipVersionCheck: false,
};

/** What an empty section means. */
export const DEFAULT_SCHEMA: SchemaConfig = {
  enabled: [],
  disabled: [],
  mainTableOnly: [],
  notMainTableOnly: [],
  materialize: [],
  indexes: {},
  noIndexes: [],
  customDictionaries: [],
};

/** What an empty section means. */
export const DEFAULT_STORE: StoreConfig = { chdbPath: "", directory: "/var/lib/limier/flow" };

/** The keys that {@linkcode readClickhouseConfig} reads. */
export const CLICKHOUSE_KEYS = [
  "servers",
  "database",
  "username",
  "password",
  "cluster",
  "dial_timeout",
  "timeout",
  "tls",
  "compression",
  "maximum_batch_size",
  "maximum_wait_time",
  "grace_period",
  "resolutions",
  "max_partitions",
  "asns",
  "orchestrator_url",
  "orchestrator_basic_auth",
  "skip_migrations",
  "skip_version_check",
] as const;

/** Reads `flow.outlet.clickhouse`. @throws {ConfigError} on a value it can't use */
export function readClickhouseConfig(section: Section): ClickhouseConfig {
  section.refuseOthers(CLICKHOUSE_KEYS);
  const usual = DEFAULT_CLICKHOUSE;
  const auth = section.section("orchestrator_basic_auth");
  auth.refuseOthers(["username", "password"]);
  return {
    servers: readServers(section),
    database: readName(section, "database") ?? usual.database,
    username: section.string("username") ?? usual.username,
    password: section.secret("password") ?? usual.password,
    cluster: section.string("cluster") ?? usual.cluster,
    dialTimeoutMs: section.duration("dial_timeout", { atLeast: "100ms" }) ?? usual.dialTimeoutMs,
    timeoutMs: section.duration("timeout", { atLeast: "1s" }) ?? usual.timeoutMs,
    tls: readTls(section.section("tls")),
    compression: section.oneOf("compression", COMPRESSIONS) ?? usual.compression,
    maximumBatchSize: section.integer("maximum_batch_size", { atLeast: 1, atMost: 1_000_000 }) ??
      usual.maximumBatchSize,
    maximumWaitTimeMs: section.duration("maximum_wait_time", { atLeast: "100ms" }) ?? usual.maximumWaitTimeMs,
    gracePeriodMs: section.duration("grace_period", { atLeast: "10s" }) ?? usual.gracePeriodMs,
    resolutions: readResolutions(section),
    maxPartitions: section.integer("max_partitions", { atLeast: 1 }) ?? usual.maxPartitions,
    asns: readAsns(section),
    orchestratorUrl: section.string("orchestrator_url") ?? usual.orchestratorUrl,
    ...(section.has("orchestrator_basic_auth")
      ? { orchestratorBasicAuth: { username: auth.string("username") ?? "", password: auth.secret("password") ?? "" } }
      : {}),
    skipMigrations: section.boolean("skip_migrations") ?? usual.skipMigrations,
    skipVersionCheck: section.boolean("skip_version_check") ?? usual.skipVersionCheck,
  };
}

function readServers(section: Section): string[] {
  return (section.strings("servers") ?? []).flatMap((entry) => {
    const url = hostUrl(entry, { protocolPort: 8123 });
    if (url === null) section.refuse("servers", "a list of URLs such as http://127.0.0.1:8123");
    return url ?? [];
  });
}

function readName(section: Section, key: string): string | undefined {
  const name = section.string(key);
  return name === undefined || /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
    ? name
    : section.refuse(key, "a name of letters, digits and _");
}

function readTls(section: Section): ClickhouseConfig["tls"] {
  section.refuseOthers(["ca_file", "cert_file", "key_file"]);
  const [caFile, certFile, keyFile] = [
    section.string("ca_file"),
    section.string("cert_file"),
    section.string("key_file"),
  ];
  if (keyFile !== undefined && certFile === undefined) section.refuse("key_file", "cert_file with it");
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile, keyFile: keyFile ?? certFile }),
  };
}

function readResolutions(section: Section): readonly Resolution[] {
  if (section.value("resolutions") === undefined) return DEFAULT_RESOLUTIONS;
  const seen = new Set<number>();
  const resolutions = section.sections("resolutions").map((each): Resolution => {
    each.refuseOthers(["interval", "ttl", "table_settings"]);
    const intervalS = Math.floor((each.duration("interval") ?? 0) / 1000);
    const ttlS = Math.floor((each.duration("ttl") ?? 0) / 1000);
    if (intervalS !== 0 && intervalS < 5) each.refuse("interval", "0s, or a duration of 5s or more");
    if (ttlS !== 0 && ttlS < 3600) each.refuse("ttl", "0s for no end, or a duration of 1h or more");
    if (seen.has(intervalS)) each.refuse("interval", "an interval that no other resolution has");
    seen.add(intervalS);
    return { intervalS, ttlS, tableSettings: readTableSettings(each.section("table_settings")) };
  });
  if (!seen.has(0)) section.refuse("resolutions", "a list with one of interval 0s, the main table");
  return resolutions.sort((a, b) => a.intervalS - b.intervalS);
}

function readTableSettings(section: Section): Record<string, string | number> {
  const settings: Record<string, string | number> = {};
  for (const key of section.keys()) {
    const value = section.value(key);
    if (!/^[a-z_][a-z0-9_]*$/.test(key)) section.refuse(key, "a setting of ClickHouse's tables");
    if (typeof value === "string" || (typeof value === "number" && Number.isSafeInteger(value))) settings[key] = value;
    else section.refuse(key, "a whole number or a text");
  }
  return settings;
}

function readAsns(section: Section): Record<string, string> {
  const inner = section.section("asns");
  const names = section.map("asns") ?? {};
  for (const number of Object.keys(names)) {
    if (!/^\d{1,10}$/.test(number) || Number(number) > 0xffff_ffff) {
      inner.refuse(number, "numbers up to 4294967295 as keys");
    }
  }
  return names;
}

/** The keys that {@linkcode readSchemaConfig} reads. */
export const SCHEMA_KEYS = [
  "enabled",
  "disabled",
  "main_table_only",
  "not_main_table_only",
  "materialize",
  "indexes",
  "no_indexes",
  "custom_dictionaries",
] as const;

/** Reads `flow.schema`; what its columns say of each other is for `resolveSchema()`. @throws {ConfigError} */
export function readSchemaConfig(section: Section): SchemaConfig {
  section.refuseOthers(SCHEMA_KEYS);
  const names = (key: string) => section.strings(key) ?? [];
  return {
    enabled: names("enabled"),
    disabled: names("disabled"),
    mainTableOnly: names("main_table_only"),
    notMainTableOnly: names("not_main_table_only"),
    materialize: names("materialize"),
    indexes: section.map("indexes") ?? {},
    noIndexes: names("no_indexes"),
    customDictionaries: readCustomDictionaries(section.section("custom_dictionaries")),
  };
}

/** The keys that {@linkcode readStoreConfig} reads. */
export const STORE_KEYS = ["chdb_path", "directory"] as const;

/** Reads `flow.store`. @throws {ConfigError} on a value it can't use */
export function readStoreConfig(section: Section): StoreConfig {
  section.refuseOthers(STORE_KEYS);
  const directory = section.string("directory") ?? DEFAULT_STORE.directory;
  if (directory === "") section.refuse("directory", "the path of a directory");
  return { chdbPath: section.string("chdb_path") ?? DEFAULT_STORE.chdbPath, directory };
}

/**
 * Refuses settings that name no store, or two.
 *
 * @param outlet the section `flow.outlet`
 * @throws {ConfigError}
 */
export function requireStore(outlet: Section, clickhouse: ClickhouseConfig, { chdbPath }: StoreConfig): void {
  const fail = (problem: string): never => {
    const path = outlet.path === "" ? "clickhouse.servers" : `${outlet.path}.clickhouse.servers`;
    throw new ConfigError(outlet.at("clickhouse"), path, undefined, "", { problem });
  };
  if (clickhouse.servers.length === 0 && chdbPath === "") {
    fail(
      "Cannot store flows: write flow.outlet.clickhouse.servers with the URL of a ClickHouse server, " +
        "or flow.store.chdb_path with the path of libchdb.so",
    );
  }
  if (clickhouse.servers.length > 0 && chdbPath !== "") {
    fail("Cannot store flows in two places: take out flow.outlet.clickhouse.servers or flow.store.chdb_path");
  }
}
