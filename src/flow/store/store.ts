/** Where flows are kept: a ClickHouse server or several, or chDB in the process. */
import type { Clock, Running } from "../../clock/mod.ts";
import { type Mode, startMode } from "../../output/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import { ChdbEndpoint } from "./chdb_endpoint.ts";
import type { ClickhouseConfig, StoreConfig } from "./config.ts";
import type { DictionarySource } from "./dictionary_objects.ts";
import { type StatementOptions, type StoreEndpoint, StoreError } from "./endpoint.ts";
import { isAboutLogin } from "./exception.ts";
import { HttpEndpoint, type HttpEndpointDeps } from "./http_endpoint.ts";
import { insertBatch, type RowBlock } from "./insert_batch.ts";
import { migrate, type MigrationReport } from "./migrate.ts";
import { OFFSETS_TABLE, rawTable } from "./objects.ts";
import { MigrationError } from "./plan.ts";
import type { FlowSchema } from "./schema.ts";
import { rowsOf } from "./snapshot.ts";
import { quoteName, quoteText } from "./sql.ts";
import { readingFault } from "./statement.ts";
import { StoreClient } from "./store_client.ts";

/** How an insert ended, in rows. */
export interface InsertOutcome {
  readonly stored: number;
  /** Rows that are not known to be stored: the store was closed, or the insert withdrawn. */
  readonly failed: number;
  /** Why: one word. */
  readonly cause?: string;
}

/** A place where flows are kept and asked for. Disposing lets inserts under way end. */
export interface FlowStore extends Running {
  readonly schema: FlowSchema;
  /**
   * Makes and changes tables as they should be, unless the settings leave them alone; waits for a server that can't be
   * reached. With several servers it is enough that one is ready: the others follow.
   *
   * @throws {StoreError} on settings that no waiting mends: a wrong password, a version that can't be used
   * @throws {MigrationError} on a table that can't be changed
   */
  prepare(signal?: AbortSignal): Promise<MigrationReport>;
  /**
   * Stores a block, however long that takes: it is tried again until it is stored, `signal` aborts, or the store is closed.
   * Never rejects.
   */
  insert(block: RowBlock, signal?: AbortSignal): Promise<InsertOutcome>;
  /** The highest offset stored of each partition of a topic. @throws {StoreError} when no server answers */
  storedOffsets(topic: string): Promise<ReadonlyMap<number, bigint>>;
  /** Executes a statement that only reads. @throws {StoreError} */
  query(
    statement: string,
    options?: Pick<StatementOptions, "format" | "maxBytes" | "signal">,
  ): Promise<Uint8Array<ArrayBuffer>>;
}

/** What a store is given. */
export interface FlowStoreDeps extends HttpEndpointDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** Where the server finds the agent's dictionaries, unless the settings say so; absent: there are none. */
  readonly dictionaryUrl?: string;
  /** In [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** The settings of a store. */
export interface FlowStoreConfig {
  readonly clickhouse: ClickhouseConfig;
  readonly store: StoreConfig;
  readonly schema: FlowSchema;
}

/** Inserts at once on one server. */
const CONCURRENCY = 4;
const BACKOFF = { initMs: 20, maxMs: 30_000 };
const BATCH_ROWS = [1, 10, 100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000];

/** Starts a store; nothing is connected before it is used. */
export function startFlowStore(config: FlowStoreConfig, deps: FlowStoreDeps): FlowStore {
  const { clickhouse, store } = config;
  const endpoints: StoreEndpoint[] = store.chdbPath === ""
    ? clickhouse.servers.map((server) => new HttpEndpoint(server, clickhouse, deps))
    : [new ChdbEndpoint({ libraryPath: store.chdbPath, directory: store.directory, database: clickhouse.database })];
  return storeOver(endpoints, config, deps);
}

/** As {@linkcode startFlowStore}, over endpoints that are there. */
export function storeOver(
  endpoints: readonly StoreEndpoint[],
  config: FlowStoreConfig,
  deps: FlowStoreDeps,
): FlowStore {
  return new EndpointStore(endpoints, config, deps);
}

class EndpointStore implements FlowStore {
  readonly schema: FlowSchema;
  readonly #endpoints: readonly StoreEndpoint[];
  readonly #config: ClickhouseConfig;
  readonly #deps: FlowStoreDeps;
  readonly #mode: Mode;
  readonly #closing = new AbortController();
  /** Migrations that go on after one server is ready. */
  readonly #late = new Set<Promise<void>>();

  constructor(
    endpoints: readonly StoreEndpoint[],
    { clickhouse, schema, store }: FlowStoreConfig,
    deps: FlowStoreDeps,
  ) {
    this.schema = schema;
    this.#endpoints = endpoints;
    this.#config = clickhouse;
    this.#deps = deps;
    const concurrency = store.chdbPath === "" ? CONCURRENCY : 1;
    const options = { concurrency, dialTimeoutMs: clickhouse.dialTimeoutMs };
    this.#mode = startMode(
      {
        name: "flow_store",
        mode: endpoints.length > 1 ? "failover" : "single",
        timeoutMs: clickhouse.timeoutMs,
        backoff: BACKOFF,
        maxRetries: -1,
        bulkMaxSize: 0,
        closeTimeoutMs: clickhouse.gracePeriodMs,
        countsEvents: false,
      },
      endpoints.map((endpoint) => ({ host: endpoint.label, client: new StoreClient(endpoint, options, deps) })),
      deps,
    );
  }

  get done(): Promise<void> {
    return this.#mode.done;
  }

  async prepare(signal?: AbortSignal): Promise<MigrationReport> {
    const stop = AbortSignal.any([this.#closing.signal, ...signal === undefined ? [] : [signal]]);
    // What is made on a cluster is made by way of one server; others would only do the same beside it.
    const groups = this.#config.cluster === "" ? this.#endpoints.map((endpoint) => [endpoint]) : [this.#endpoints];
    const attempts = groups.map((endpoints) => this.#prepareOneOf(endpoints, stop));
    for (const attempt of attempts) {
      const late: Promise<void> = attempt.then(() => {}, () => {}).finally(() => this.#late.delete(late));
      this.#late.add(late);
    }
    try {
      return await Promise.any(attempts);
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    }
  }

  async insert(block: RowBlock, signal?: AbortSignal): Promise<InsertOutcome> {
    const { octets, rows, columns, token } = block;
    const { clock, reporter } = this.#deps;
    reporter.metrics.histogram(
      "limier_outlet_clickhouse_flow_per_batch",
      "Rows of the batches to be stored.",
      BATCH_ROWS,
    )
      .observe(rows);
    const head = { table: rawTable(this.schema), columns, rows, ...(token === undefined ? {} : { token }) };
    const batch = insertBatch(head, octets, Math.floor(clock.now() / 1000));
    const outcome = await this.#mode.publish(batch, { guaranteed: true, ...(signal === undefined ? {} : { signal }) });
    if (outcome.acked + outcome.duplicate > 0) return { stored: rows, failed: 0 };
    return { stored: 0, failed: rows, cause: outcome.reason ?? "rejected" };
  }

  async storedOffsets(topic: string): Promise<ReadonlyMap<number, bigint>> {
    const statement =
      `SELECT Partition, toString(max(Offset)) FROM ${quoteName(this.#config.database)}.${OFFSETS_TABLE} ` +
      `WHERE Topic = ${quoteText(topic)} GROUP BY Partition`;
    // Without a cluster each server knows only of what it has stored itself.
    const answers = await Promise.allSettled(this.#endpoints.map((endpoint) => rowsOf(endpoint, statement)));
    const failures = answers.filter((answer) => answer.status === "rejected");
    if (failures.length === answers.length) throw failures[0]?.reason ?? noServer();
    const offsets = new Map<number, bigint>();
    for (const answer of answers) {
      if (answer.status === "rejected") continue;
      for (const [partition, offset] of answer.value) {
        const [key, value] = [Number(partition), BigInt(String(offset))];
        if (value >= (offsets.get(key) ?? 0n)) offsets.set(key, value);
      }
    }
    return offsets;
  }

  async query(
    statement: string,
    options: Pick<StatementOptions, "format" | "maxBytes" | "signal"> = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const fault = readingFault(statement);
    if (fault !== undefined) throw new StoreError("permanent", `Cannot execute the statement: ${fault}`);
    let last: unknown = noServer();
    for (const endpoint of [...this.#endpoints].sort((a, b) => Number(b.isOpen) - Number(a.isOpen))) {
      try {
        return await endpoint.execute(statement, { ...options, readOnly: true });
      } catch (error) {
        last = error;
        if (!(error instanceof StoreError) || error.exceptionCode !== undefined || options.signal?.aborted) break;
      }
    }
    throw last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#mode.close(this.#config.gracePeriodMs);
    await Promise.all(this.#late);
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.close()));
  }

  /** Makes the tables by way of the first of these that lets it, however long that takes. */
  async #prepareOneOf(endpoints: readonly StoreEndpoint[], stop: AbortSignal): Promise<MigrationReport> {
    const { clock, reporter, random = Math.random } = this.#deps;
    const hopeless = new Map<StoreEndpoint, unknown>();
    for (let waitMs = 100;; waitMs = Math.min(BACKOFF.maxMs, waitMs * 2)) {
      for (const endpoint of endpoints) {
        if (hopeless.has(endpoint)) continue;
        try {
          return await this.#migrate(endpoint, stop);
        } catch (error) {
          if (stop.aborted) throw error;
          const message = error instanceof Error ? error.message : String(error);
          const fields = { server: endpoint.label, error: message };
          if (isHopeless(error)) {
            hopeless.set(endpoint, error);
            reporter.error("the tables of flows can't be made", fields);
          } else {
            reporter.warn("the tables of flows can't be made yet; it is tried again", fields);
          }
        }
      }
      if (hopeless.size === endpoints.length) throw [...hopeless.values()][0] ?? noServer();
      await clock.sleep(waitMs / 2 + random() * waitMs / 2, stop);
      if (stop.aborted) throw new StoreError("connection", "Cannot make the tables of flows: the store is closed");
    }
  }

  async #migrate(endpoint: StoreEndpoint, signal: AbortSignal): Promise<MigrationReport> {
    const version = await endpoint.open(this.#config.dialTimeoutMs);
    if (this.#config.skipMigrations) return { changed: [], unchanged: [] };
    const dictionaries = this.#dictionaries();
    const given = dictionaries === undefined ? {} : { dictionaries };
    return await migrate(endpoint, version, this.schema, this.#config, {
      reporter: this.#deps.reporter,
      signal,
      ...given,
    });
  }

  #dictionaries(): DictionarySource | undefined {
    const { orchestratorUrl, orchestratorBasicAuth } = this.#config;
    const url = orchestratorUrl !== "" ? orchestratorUrl : this.#deps.dictionaryUrl;
    if (url === undefined || url === "") return undefined;
    return { url, ...(orchestratorBasicAuth === undefined ? {} : { basicAuth: orchestratorBasicAuth }) };
  }
}

/** Whether waiting does not help: somebody has to change a setting. */
function isHopeless(error: unknown): boolean {
  if (error instanceof MigrationError) return true;
  if (!(error instanceof StoreError)) return true;
  return isAboutLogin(error.exceptionCode) || (error.failure === "configuration" && error.exceptionCode === undefined);
}

function noServer(): StoreError {
  return new StoreError("configuration", "Cannot reach a store: flow.outlet.clickhouse.servers names none");
}
