/** The columns of an installation: those that are enabled, how each is computed, and in which tables it stands. */
import { isSlip, nearestName, type Section } from "../../config/mod.ts";
import { type Column, COLUMNS, COMPUTED_COLUMNS } from "../columns.ts";
import { expressionOf, referencesOf } from "./column_expressions.ts";
import { DEFAULT_SCHEMA, type SchemaConfig } from "./config.ts";
import type { CustomDictionary } from "./custom_dictionaries.ts";
import { base32, fnv1Hash128 } from "./schema_hash.ts";
import { quoteName, quoteText } from "./sql.ts";

/** One enabled column of the flow tables. */
export interface SchemaColumn {
  readonly name: string;
  readonly type: string;
  readonly codec?: string;
  /** Written by the agent; computed when a row is stored; or computed when it is asked for. */
  readonly kind: "ingested" | "generated" | "alias";
  /** How a column that is not ingested is computed. */
  readonly expression?: string;
  readonly mainTableOnly: boolean;
  readonly sortingKey: boolean;
  /** Place in the primary key of consolidated tables, from 1; 0: none. */
  readonly primaryKey: number;
  /** Added up where rows are consolidated. */
  readonly summed: boolean;
  /** Its skip index, as the statement has it. */
  readonly index?: string;
}

/** What the columns of an installation are. */
export interface FlowSchema {
  /** In the order of the table. */
  readonly columns: readonly SchemaColumn[];
  /** What blocks hold, for a `NativeEncoder`. */
  readonly ingested: readonly Column[];
  /** Names the ingestion table: `flows_<hash>_raw`. */
  readonly hash: string;
  readonly customDictionaries: readonly CustomDictionary[];
}

/** Settings of the schema that exclude each other, or name what there is not. */
export class SchemaError extends RangeError {
  override readonly name = "SchemaError";
  readonly code = "flow.schema";

  /** @param key the key of the section that is wrong */
  constructor(readonly key: keyof typeof SETTING_NAMES, readonly want: string) {
    super(`Cannot use flow.schema.${SETTING_NAMES[key]}: write ${want}`);
  }
}

const SETTING_NAMES = {
  enabled: "enabled",
  disabled: "disabled",
  mainTableOnly: "main_table_only",
  notMainTableOnly: "not_main_table_only",
  materialize: "materialize",
  indexes: "indexes",
  noIndexes: "no_indexes",
  customDictionaries: "custom_dictionaries",
} as const satisfies Record<keyof SchemaConfig, string>;

const BLOOM = "bloom_filter(0.001)";
const USUAL_INDEXES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["Addr", "AS", "Port", "Country"].flatMap((end) => [[`Src${end}`, BLOOM], [`Dst${end}`, BLOOM]]),
  ),
  ExporterName: "minmax",
  ...Object.fromEntries(
    ["Provider", "Connectivity", "Boundary"].flatMap((end) => [[`InIf${end}`, "set(0)"], [`OutIf${end}`, "set(0)"]]),
  ),
};

const SUMMED: readonly string[] = ["Bytes", "Packets"];

/** Every column there is: the stored ones, each with the computed ones that stand behind it. */
const CATALOG: readonly (SchemaColumn & { readonly enabled: boolean; readonly fixed: boolean })[] = COLUMNS.flatMap(
  (column) => [
    {
      ...column,
      kind: "ingested" as const,
      summed: SUMMED.includes(column.name),
    },
    ...COMPUTED_COLUMNS.filter(({ after }) => after === column.name).map((each) => ({
      ...each,
      fixed: false,
      primaryKey: 0,
      summed: false,
      expression: expressionOf(each.name),
    })),
  ],
);

/**
 * Works out the columns.
 *
 * @param database where dictionaries are
 * @throws {SchemaError} on columns that do not exist, can't be changed so, or need each other
 */
export function resolveSchema(config: SchemaConfig = DEFAULT_SCHEMA, database = "default"): FlowSchema {
  refuseUnknown(config);
  const columns: SchemaColumn[] = [];
  for (const { enabled, fixed: _, ...column } of CATALOG) {
    const { name } = column;
    const isEnabled = config.enabled.includes(name) || (enabled && !config.disabled.includes(name));
    if (!isEnabled) continue;
    const index = indexOf(name, column.kind, config);
    columns.push({
      ...column,
      ...mainTable(column, config),
      ...(column.expression === undefined
        ? {}
        : { expression: column.expression.replaceAll("{database}", quoteName(database)) }),
      ...(config.materialize.includes(name)
        ? { kind: "generated", type: column.type === "String" ? "LowCardinality(String)" : column.type }
        : {}),
      ...(index === undefined ? {} : { index }),
    });
  }
  addDictionaryColumns(columns, config, database);
  refuseMissing(columns, config);
  const names = new Set(columns.map(({ name }) => name));
  return {
    columns,
    ingested: COLUMNS.filter(({ name }) => names.has(name)),
    hash: `${base32(fnv1Hash128(columnList(columns.filter(({ kind }) => kind === "ingested"))))}v5`,
    customDictionaries: config.customDictionaries,
  };
}

/** As {@linkcode resolveSchema}, with what is wrong told of the section it was read from. @throws {ConfigError} */
export function resolveSchemaSection(section: Section, config: SchemaConfig, database: string): FlowSchema {
  try {
    return resolveSchema(config, database);
  } catch (error) {
    if (error instanceof SchemaError) section.fail(SETTING_NAMES[error.key], error.want);
    throw error;
  }
}

/** `` `Name` Type CODEC(…) `` a line, as statements that create tables have them. */
export function columnList(columns: readonly Pick<SchemaColumn, "name" | "type" | "codec">[]): string {
  return columns.map(({ name, type, codec }) => `\`${name}\` ${type}${codec === undefined ? "" : ` CODEC(${codec})`}`)
    .join(",\n");
}

function mainTable(
  { name, kind, mainTableOnly, sortingKey }: SchemaColumn,
  config: SchemaConfig,
): { mainTableOnly: boolean; sortingKey: boolean } {
  if (config.mainTableOnly.includes(name)) return { mainTableOnly: true, sortingKey: false };
  if (config.notMainTableOnly.includes(name) && mainTableOnly) {
    return { mainTableOnly: false, sortingKey: kind !== "alias" || config.materialize.includes(name) };
  }
  // A materialized alias is as much a key as what it is made of.
  return { mainTableOnly, sortingKey: sortingKey || (config.materialize.includes(name) && !mainTableOnly) };
}

function indexOf(name: string, kind: SchemaColumn["kind"], config: SchemaConfig): string | undefined {
  const text = config.indexes[name];
  if (text === undefined) return config.noIndexes.includes(name) ? undefined : USUAL_INDEXES[name];
  if (kind === "alias" && !config.materialize.includes(name)) {
    throw new SchemaError("indexes", `columns that are stored, and ${name} is computed when it is asked for`);
  }
  const bloom = /^bloom\((0?\.\d+)\)$/.exec(text);
  if (bloom !== null && Number(bloom[1]) > 0) return `bloom_filter(${Number(bloom[1])})`;
  if (text === "minmax" || /^set\(\d{1,9}\)$/.test(text)) return text;
  throw new SchemaError("indexes", `bloom(p) with 0 < p < 1, minmax or set(n) for ${name}`);
}

function addDictionaryColumns(columns: SchemaColumn[], config: SchemaConfig, database: string): void {
  for (const { name, keys, attributes, dimensions } of config.customDictionaries) {
    for (const dimension of dimensions) {
      const at = columns.findIndex((column) => column.name === dimension);
      const base = columns[at];
      if (base === undefined) throw new SchemaError("customDictionaries", `dimensions of ${name} that are enabled`);
      const parts = keys.map((key) => {
        const looked = key.matchDimension !== "" ? key.matchDimension : dimension + key.matchDimensionSuffix;
        const found = columns.find((column) => column.name === looked);
        if (found === undefined) {
          throw new SchemaError("customDictionaries", `keys of ${name} that are enabled columns`);
        }
        // A trie takes addresses as they are; its key's type is only how the file writes them.
        return found.type.includes("IPv6") && key.type === "String"
          ? looked
          : `CAST(${looked}, ${quoteText(key.type)})`;
      });
      const key = parts.length === 1 ? parts[0]! : `tuple(${parts.join(", ")})`;
      const tuple = parts.length === 1 && config.customDictionaries.find((each) =>
            each.name === name
          )!.layout !== "hashed"
        ? `tuple(${key})`
        : key;
      const added = attributes.map((attribute): SchemaColumn => ({
        name: dimension + attribute.label,
        type: attribute.type === "String" ? "LowCardinality(String)" : attribute.type,
        kind: "generated",
        expression: `dictGet(${quoteText(`${database}.custom_dict_${name}`)}, ${quoteText(attribute.name)}, ${tuple})`,
        mainTableOnly: base.mainTableOnly && config.mainTableOnly.includes(dimension + attribute.label),
        sortingKey: !config.mainTableOnly.includes(dimension + attribute.label),
        primaryKey: 0,
        summed: false,
      }));
      for (const one of added) {
        if (columns.some((column) => column.name === one.name)) {
          throw new SchemaError("customDictionaries", `a label other than that of ${one.name}, which exists`);
        }
      }
      columns.splice(at + 1, 0, ...added);
    }
  }
}

function refuseUnknown(config: SchemaConfig): void {
  const known = CATALOG.map(({ name }) => name);
  const lists = [
    ["enabled", config.enabled],
    ["disabled", config.disabled],
    ["mainTableOnly", config.mainTableOnly],
    ["notMainTableOnly", config.notMainTableOnly],
    ["materialize", config.materialize],
    ["indexes", Object.keys(config.indexes)],
    ["noIndexes", config.noIndexes],
  ] as const;
  const dictionaryColumns = config.customDictionaries.flatMap(({ attributes, dimensions }) =>
    dimensions.flatMap((dimension) => attributes.map(({ label }) => dimension + label))
  );
  for (const [key, names] of lists) {
    for (const name of names) {
      if (known.includes(name) || (key === "mainTableOnly" && dictionaryColumns.includes(name))) continue;
      const nearest = nearestName(name, known);
      const hint = nearest !== undefined && isSlip(name, nearest) ? `; did you mean ${nearest}?` : "";
      throw new SchemaError(key, `names of columns; there is no ${name}${hint}`);
    }
  }
  const columnOf = (name: string) => CATALOG.find((column) => column.name === name);
  for (const name of config.disabled) {
    const column = columnOf(name);
    if (column?.fixed) throw new SchemaError("disabled", `nothing of ${name}, which is always needed`);
    if (column !== undefined && column.primaryKey > 0) {
      throw new SchemaError("disabled", `nothing of ${name}, which is part of the primary key`);
    }
    if (config.enabled.includes(name)) throw new SchemaError("disabled", `${name} here or under enabled`);
  }
  for (const name of config.mainTableOnly) {
    const column = columnOf(name);
    if (column !== undefined && (column.fixed || column.primaryKey > 0)) {
      throw new SchemaError("mainTableOnly", `nothing of ${name}, which consolidated tables need`);
    }
    if (config.notMainTableOnly.includes(name)) {
      throw new SchemaError("mainTableOnly", `${name} here or under not_main_table_only`);
    }
  }
  for (const name of config.materialize) {
    if (columnOf(name)?.kind !== "alias") throw new SchemaError("materialize", `alias columns, which ${name} is not`);
  }
}

/** Computed columns need those they are computed from, in the same table. */
function refuseMissing(columns: readonly SchemaColumn[], config: SchemaConfig): void {
  const byName = new Map(columns.map((column) => [column.name, column]));
  for (const column of columns) {
    for (const needed of referencesOf(column.name)) {
      const found = byName.get(needed);
      if (found === undefined) {
        if (config.disabled.includes(needed)) {
          throw new SchemaError("disabled", `${column.name} too, which needs ${needed}`);
        }
        throw new SchemaError("enabled", `${needed} too, which ${column.name} needs`);
      }
      if (column.kind === "alias" && !column.mainTableOnly && found.mainTableOnly) {
        const key = config.notMainTableOnly.includes(column.name) ? "notMainTableOnly" : "mainTableOnly";
        throw new SchemaError(key, `${column.name} and ${needed} alike, one needs the other`);
      }
    }
  }
}
