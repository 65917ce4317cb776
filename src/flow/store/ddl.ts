/** Statements that make the objects of the store. */
import type { StoreObject, TableColumn, TableObject } from "./objects.ts";
import { shortHash } from "./schema_hash.ts";
import { quoteName, quoteText } from "./sql.ts";

/** Where objects are made. */
export interface Place {
  readonly database: string;
  /** "" for none. */
  readonly cluster: string;
}

/** Granularity of skip indexes, in granules. */
const INDEX_GRANULARITY = 4;

/** The name of an object as statements have it. */
export function placedName({ database }: Place, name: string): string {
  return `${quoteName(database)}.${quoteName(name)}`;
}

/** ` ON CLUSTER …`, or nothing. */
export function onCluster({ cluster }: Place): string {
  return cluster === "" ? "" : ` ON CLUSTER ${quoteText(cluster)}`;
}

/** The statement that makes an object, if it is not there. */
export function createStatement(object: StoreObject, place: Place): string {
  const name = placedName(place, object.name);
  const where = `${name}${onCluster(place)}`;
  const comment = quoteText(commentOf(object, place));
  switch (object.kind) {
    case "table":
      return createTable(object, place, where, comment);
    case "view":
      return `CREATE MATERIALIZED VIEW IF NOT EXISTS ${where} TO ${placedName(place, object.to)} AS ${
        object.select.replaceAll("{database}", quoteName(place.database))
      } COMMENT ${comment}`;
    case "distributed":
      return `CREATE TABLE IF NOT EXISTS ${where} AS ${placedName(place, object.over)} ENGINE = Distributed(${
        quoteText(place.cluster)
      }, ${quoteText(place.database)}, ${quoteText(object.over)}, rand()) COMMENT ${comment}`;
    case "dictionary":
      return `CREATE OR REPLACE DICTIONARY ${where} ${object.definition} COMMENT ${comment}`;
  }
}

/**
 * What an object bears as its comment: a hash of what servers write in another form than it was given, the queries of views,
 * the expressions of aliases, the sources of dictionaries.
 */
export function commentOf(object: StoreObject, { database, cluster }: Place): string {
  switch (object.kind) {
    case "table": {
      const aliases = object.columns.filter(({ isAlias }) => isAlias).map(({ name, expression }) =>
        `${name}=${expression}`
      );
      return aliases.length === 0 ? "limier" : `limier ${shortHash(aliases.join("\n"))}`;
    }
    case "view":
      return `limier ${shortHash(`${database} ${object.to} ${object.select}`)}`;
    case "distributed":
      return `limier ${shortHash(`${cluster} ${object.over}`)}`;
    case "dictionary":
      return `limier ${shortHash(object.definition)}`;
  }
}

/** A column as statements that create or alter tables have it. */
export function columnDefinition({ name, type, codec, expression, isAlias }: TableColumn): string {
  const alias = isAlias ? ` ALIAS ${expression}` : "";
  return `${quoteName(name)} ${type}${alias}${codec === undefined ? "" : ` CODEC(${codec})`}`;
}

/** The skip index of a column, if it has one. */
export function indexDefinition({ name, index }: TableColumn): string | undefined {
  if (index === undefined) return undefined;
  return `${indexName(name)} ${quoteName(name)} TYPE ${index} GRANULARITY ${INDEX_GRANULARITY}`;
}

/** The name of the skip index of a column. */
export function indexName(column: string): string {
  return `idx_${column.toLowerCase()}`;
}

function createTable(table: TableObject, place: Place, where: string, comment: string): string {
  const lines = table.columns.map(columnDefinition);
  for (const column of table.columns) {
    const index = indexDefinition(column);
    if (index !== undefined) lines.push(`INDEX ${index}`);
  }
  const parts = [
    `CREATE TABLE IF NOT EXISTS ${where} (\n  ${lines.join(",\n  ")}\n)`,
    `ENGINE = ${engineOf(table, place)}`,
  ];
  if (table.partitionBy !== undefined) parts.push(`PARTITION BY ${table.partitionBy}`);
  if (table.primaryKey !== undefined) parts.push(`PRIMARY KEY ${listed(table.primaryKey)}`);
  if (table.orderBy !== undefined) parts.push(`ORDER BY ${listed(table.orderBy)}`);
  if (table.ttl !== undefined) parts.push(`TTL ${table.ttl}`);
  const settings = Object.entries(table.settings).map(settingText);
  if (settings.length > 0) parts.push(`SETTINGS ${settings.join(", ")}`);
  parts.push(`COMMENT ${comment}`);
  return parts.join("\n");
}

/** One expression as it is, several in brackets. */
function listed(expressions: readonly string[]): string {
  return expressions.length === 1 ? expressions[0]! : `(${expressions.join(", ")})`;
}

/** `name = value` as statements have it. */
export function settingText([name, value]: [string, string | number]): string {
  return `${name} = ${typeof value === "number" ? value : quoteText(value)}`;
}

function engineOf({ engine, engineArguments, name }: TableObject, { cluster, database }: Place): string {
  if (engine === "Null") return engine;
  if (cluster === "") return `${engine}(${engineArguments ?? ""})`;
  const path = `/clickhouse/tables/shard-{shard}/${database}/${name}`;
  const parameters = [
    quoteText(path),
    "'replica-{replica}'",
    ...(engineArguments === undefined ? [] : [engineArguments]),
  ];
  return `Replicated${engine}(${parameters.join(", ")})`;
}
