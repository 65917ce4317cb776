/** Brings the tables of the store into shape. */
import type { Reporter } from "../../telemetry/mod.ts";
import type { ClickhouseConfig } from "./config.ts";
import type { DictionarySource } from "./dictionary_objects.ts";
import { type ServerVersion, type StoreEndpoint, StoreError } from "./endpoint.ts";
import { type ObjectOptions, storeObjects } from "./objects.ts";
import { onCluster } from "./ddl.ts";
import { planMigration } from "./plan.ts";
import type { FlowSchema } from "./schema.ts";
import { versionFault } from "./server_version.ts";
import { readSnapshot, rowsOf } from "./snapshot.ts";
import { quoteName, quoteText } from "./sql.ts";

/** What a migration did, in objects. */
export interface MigrationReport {
  readonly changed: readonly string[];
  readonly unchanged: readonly string[];
}

/** What of the settings a migration uses. */
export type MigrationConfig = Pick<
  ClickhouseConfig,
  "database" | "cluster" | "resolutions" | "maxPartitions" | "skipVersionCheck"
>;

/** Statements that make tables may take as long as the cluster. */
const SETTINGS = { allow_suspicious_low_cardinality_types: 1 };

/**
 * Compares what there is with what should be, and changes what differs. Safe to repeat, and beside another.
 *
 * @throws {StoreError} where the server refuses, or its version can't be used
 * @throws {MigrationError} where a table can't be changed so
 */
export async function migrate(
  endpoint: StoreEndpoint,
  version: ServerVersion,
  schema: FlowSchema,
  config: MigrationConfig,
  deps: { readonly reporter: Reporter; readonly dictionaries?: DictionarySource; readonly signal?: AbortSignal },
): Promise<MigrationReport> {
  const fault = config.skipVersionCheck ? undefined : versionFault(version);
  if (fault !== undefined) {
    const remedy = "update it, or set flow.outlet.clickhouse.skip_version_check: true";
    throw new StoreError("configuration", `Cannot use the ClickHouse server ${endpoint.label}: ${fault}; ${remedy}`);
  }
  const { metrics } = deps.reporter;
  const running = metrics.gauge("limier_orchestrator_clickhouse_running_migrations", "Migrations under way.").child({});
  const applied = metrics.counter(
    "limier_orchestrator_clickhouse_migrations_applied_steps_total",
    "Tables, views and dictionaries that were made or changed.",
  ).child({});
  const notApplied = metrics.counter(
    "limier_orchestrator_clickhouse_migrations_notapplied_steps_total",
    "Tables, views and dictionaries that were as they should be.",
  ).child({});
  running.set(1);
  try {
    const changed: string[] = [], unchanged: string[] = [];
    const run = async (statement: string): Promise<void> => {
      deps.signal?.throwIfAborted();
      const signal = deps.signal === undefined ? {} : { signal: deps.signal };
      await endpoint.execute(statement, { settings: SETTINGS, database: "", ...signal });
    };
    await createDatabase(endpoint, config, run);
    const options: ObjectOptions = {
      ...config,
      shards: config.cluster === "" ? 1 : await shardsOf(endpoint, config.cluster),
      ...(deps.dictionaries === undefined ? {} : { dictionaries: deps.dictionaries }),
    };
    const snapshot = await readSnapshot(endpoint, config.database);
    for (const { object, statements } of planMigration(storeObjects(schema, options), snapshot, config)) {
      for (const statement of statements) await run(statement);
      (statements.length > 0 ? changed : unchanged).push(object);
      (statements.length > 0 ? applied : notApplied).inc();
    }
    if (changed.length > 0) {
      deps.reporter.info("the tables of flows were changed", { server: endpoint.label, objects: changed });
    }
    return { changed, unchanged };
  } finally {
    running.set(0);
  }
}

async function createDatabase(
  endpoint: StoreEndpoint,
  config: MigrationConfig,
  run: (statement: string) => Promise<void>,
): Promise<void> {
  const { database } = config;
  const found = await rowsOf(endpoint, `SELECT 1 FROM system.databases WHERE name = ${quoteText(database)}`);
  if (found.length === 0) await run(`CREATE DATABASE IF NOT EXISTS ${quoteName(database)}${onCluster(config)}`);
}

async function shardsOf(endpoint: StoreEndpoint, cluster: string): Promise<number> {
  const [row] = await rowsOf(
    endpoint,
    `SELECT max(shard_num) FROM system.clusters WHERE cluster = ${quoteText(cluster)}`,
  );
  const shards = Number(row?.[0] ?? 0);
  if (shards > 0) return shards;
  throw new StoreError(
    "configuration",
    `Cannot make tables on the cluster ${cluster}: ${endpoint.label} knows none of that name; check flow.outlet.clickhouse.cluster`,
  );
}
