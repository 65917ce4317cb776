/** The tables, views and dictionaries of flows as they should be; how they come about is for `ddl.ts` and `plan.ts`. */
import type { Resolution } from "./config.ts";
import type { FlowSchema, SchemaColumn } from "./schema.ts";
import { goDuration, quoteName } from "./sql.ts";
import { type DictionaryObject, dictionaryObjects, type DictionarySource } from "./dictionary_objects.ts";

/** A column of a table. */
export type TableColumn = Pick<SchemaColumn, "name" | "type" | "codec" | "expression" | "index"> & {
  readonly isAlias?: boolean;
};

/** A table that holds rows, or passes them on to views. */
export interface TableObject {
  readonly kind: "table";
  readonly name: string;
  readonly columns: readonly TableColumn[];
  /** Without parameters of replication. */
  readonly engine: string;
  readonly engineArguments?: string;
  readonly partitionBy?: string;
  readonly primaryKey?: readonly string[];
  readonly orderBy?: readonly string[];
  /** When rows go, as an expression; absent: never. */
  readonly ttl?: string;
  readonly settings: Readonly<Record<string, string | number>>;
}

/** A view that stores in `to` what is inserted into the table it selects from, whose alias keeps it apart from a comment. */
export interface ViewObject {
  readonly kind: "view";
  readonly name: string;
  readonly to: string;
  readonly select: string;
}

/** A table that spreads rows over the shards of a cluster. */
export interface DistributedObject {
  readonly kind: "distributed";
  readonly name: string;
  readonly over: string;
}

export type StoreObject = TableObject | ViewObject | DistributedObject | DictionaryObject;

/** What the objects depend on beside the schema. */
export interface ObjectOptions {
  readonly database: string;
  readonly resolutions: readonly Resolution[];
  readonly maxPartitions: number;
  /** "" for none. */
  readonly cluster: string;
  /** Shards of the cluster; with more than one, rows are spread over them. */
  readonly shards: number;
  /** Where the server finds dictionaries; absent: there are none. */
  readonly dictionaries?: DictionarySource;
}

/** Where rows came from: columns of the ingestion table only. */
export const ORIGIN_COLUMNS = [
  { name: "KafkaTopic", type: "String" },
  { name: "KafkaPartition", type: "Int32" },
  { name: "KafkaOffset", type: "UInt64" },
] as const;

/** The table of the highest offset stored of each topic and partition. */
export const OFFSETS_TABLE = "kafka_offsets";

/** The table that blocks are inserted into. */
export function rawTable({ hash }: Pick<FlowSchema, "hash">): string {
  return `flows_${hash}_raw`;
}

/** The table of a resolution: `flows`, `flows_1m0s`. */
export function flowTable(intervalS: number): string {
  return intervalS === 0 ? "flows" : `flows_${goDuration(intervalS)}`;
}

const WINDOW = { non_replicated_deduplication_window: 1000 };
const DAY_S = 86_400;

/** Everything there should be, in the order in which it can be made. */
export function storeObjects(schema: FlowSchema, options: ObjectOptions): StoreObject[] {
  const spread = options.cluster !== "" && options.shards > 1;
  const local = (name: string) => spread ? `${name}_local` : name;
  const objects: StoreObject[] = [];
  const add = (table: TableObject) => {
    objects.push({ ...table, name: local(table.name) });
    if (spread) objects.push({ kind: "distributed", name: table.name, over: local(table.name) });
  };
  if (options.dictionaries !== undefined) {
    objects.push(...dictionaryObjects(options.dictionaries, schema.customDictionaries));
  }
  for (const resolution of options.resolutions) {
    const { intervalS } = resolution;
    add(intervalS === 0 ? mainTable(schema, resolution, options) : consolidatedTable(schema, resolution, options));
    if (intervalS === 0) continue;
    objects.push({
      kind: "view",
      name: `${flowTable(intervalS)}_consumer`,
      to: local(flowTable(intervalS)),
      select: consolidation(schema, intervalS, local("flows")),
    });
  }
  add(exportersTable(schema));
  objects.push({
    kind: "view",
    name: "exporters_consumer",
    to: local("exporters"),
    select: exporters(schema, local("flows")),
  });
  objects.push(offsetsTable());
  const raw = rawTable(schema);
  objects.push(
    {
      kind: "table",
      name: raw,
      columns: [...schema.columns.filter(({ kind }) => kind === "ingested").map(bare), ...ORIGIN_COLUMNS],
      engine: "Null",
      settings: {},
    },
    { kind: "view", name: `${raw}_consumer`, to: "flows", select: ingestion(schema, raw) },
    // Behind the other in the order of names, in which views are fed: an offset is never kept of rows that are not.
    {
      kind: "view",
      name: `${raw}_offsets`,
      to: OFFSETS_TABLE,
      select: `SELECT KafkaTopic AS Topic, KafkaPartition AS Partition, max(KafkaOffset) AS Offset FROM {database}.${
        quoteName(raw)
      } WHERE KafkaTopic != '' GROUP BY Topic, Partition`,
    },
  );
  return objects;
}

function bare({ name, type, codec }: SchemaColumn): TableColumn {
  return { name, type, ...(codec === undefined ? {} : { codec }) };
}

function tableColumn(column: SchemaColumn): TableColumn {
  const { kind, expression, index } = column;
  return {
    ...bare(column),
    ...(kind === "alias" && expression !== undefined ? { expression, isAlias: true } : {}),
    ...(index === undefined ? {} : { index }),
  };
}

function aging(
  { ttlS }: Resolution,
  { maxPartitions }: ObjectOptions,
): Pick<TableObject, "partitionBy" | "ttl"> {
  if (ttlS === 0) return {};
  const seconds = Math.max(1, Math.floor(ttlS / maxPartitions));
  return {
    partitionBy: `toYYYYMMDDhhmmss(toStartOfInterval(TimeReceived, toIntervalSecond(${seconds})))`,
    ttl: `TimeReceived + toIntervalSecond(${ttlS})`,
  };
}

function mainTable(schema: FlowSchema, resolution: Resolution, options: ObjectOptions): TableObject {
  return {
    kind: "table",
    name: "flows",
    columns: schema.columns.map(tableColumn),
    engine: "MergeTree",
    ...aging(resolution, options),
    primaryKey: ["toStartOfFiveMinutes(TimeReceived)"],
    orderBy: ["toStartOfFiveMinutes(TimeReceived)", "ExporterAddress", "InIfName", "OutIfName"],
    settings: { index_granularity: 8192, ttl_only_drop_parts: 1, ...WINDOW, ...resolution.tableSettings },
  };
}

function consolidatedTable(schema: FlowSchema, resolution: Resolution, options: ObjectOptions): TableObject {
  const columns = schema.columns.filter(({ mainTableOnly }) => !mainTableOnly);
  const primaryKey = columns.filter((column) => column.primaryKey > 0)
    .sort((a, b) => a.primaryKey - b.primaryKey).map(({ name }) => name);
  const rest = columns.filter(({ sortingKey, kind }) => sortingKey && kind !== "alias").map(({ name }) => name);
  return {
    kind: "table",
    name: flowTable(resolution.intervalS),
    columns: columns.map(tableColumn),
    engine: "SummingMergeTree",
    engineArguments: `(${columns.filter(({ summed }) => summed).map(({ name }) => name).join(", ")})`,
    ...aging(resolution, options),
    primaryKey,
    orderBy: [...primaryKey, ...rest],
    settings: { index_granularity: 8192, ttl_only_drop_parts: 1, ...WINDOW, ...resolution.tableSettings },
  };
}

function consolidation(schema: FlowSchema, intervalS: number, from: string): string {
  const columns = schema.columns.filter(({ mainTableOnly, kind }) => !mainTableOnly && kind !== "alias");
  const list = columns.map(({ name }) =>
    name === "TimeReceived" ? `toStartOfInterval(TimeReceived, toIntervalSecond(${intervalS})) AS TimeReceived` : name
  );
  return `SELECT ${list.join(", ")} FROM {database}.${quoteName(from)} AS flow`;
}

function ingestion(schema: FlowSchema, raw: string): string {
  const list = schema.columns.flatMap(({ name, kind, type, expression }) => {
    if (kind === "ingested") return name;
    return kind === "generated" ? `CAST(${expression}, '${type}') AS ${name}` : [];
  });
  return `SELECT ${list.join(", ")} FROM {database}.${quoteName(raw)} AS flow`;
}

/** The columns of an interface, without what tells the incoming one from the outgoing. */
function interfaceColumns(schema: FlowSchema): SchemaColumn[] {
  return schema.columns.filter(({ name }) => name.startsWith("InIf"));
}

function exporterColumns(schema: FlowSchema): SchemaColumn[] {
  return schema.columns.filter(({ name }) => name.startsWith("Exporter"));
}

function exportersTable(schema: FlowSchema): TableObject {
  return {
    kind: "table",
    name: "exporters",
    columns: [
      { name: "TimeReceived", type: "DateTime" },
      ...exporterColumns(schema).map(bare),
      ...interfaceColumns(schema).map((column) => ({ ...bare(column), name: column.name.slice(2) })),
    ],
    engine: "ReplacingMergeTree",
    engineArguments: "TimeReceived",
    orderBy: ["ExporterAddress", "IfName"],
    ttl: `TimeReceived + toIntervalSecond(${DAY_S})`,
    settings: WINDOW,
  };
}

/** Each flow is seen at two interfaces; those of a block that are alike make one row. */
function exporters(schema: FlowSchema, from: string): string {
  const outgoing = new Set(schema.columns.map(({ name }) => name));
  const shared = exporterColumns(schema).map(({ name }) => name);
  const pairs = interfaceColumns(schema).map(({ name }) => {
    const other = `OutIf${name.slice(4)}`;
    return { as: name.slice(2), text: `[${name}, ${outgoing.has(other) ? other : name}][side]` };
  });
  const keys = [...shared, ...pairs.map(({ as }) => as)].join(", ");
  const list = [...shared, ...pairs.map(({ as, text }) => `${text} AS ${as}`)].join(", ");
  return `SELECT max(flow.TimeReceived) AS TimeReceived, ${list} FROM {database}.${quoteName(from)} AS flow ` +
    `ARRAY JOIN [1, 2] AS side GROUP BY ${keys}`;
}

function offsetsTable(): TableObject {
  return {
    kind: "table",
    name: OFFSETS_TABLE,
    columns: [
      { name: "Topic", type: "String" },
      { name: "Partition", type: "Int32" },
      { name: "Offset", type: "SimpleAggregateFunction(max, UInt64)" },
    ],
    engine: "AggregatingMergeTree",
    orderBy: ["Topic", "Partition"],
    settings: {},
  };
}
