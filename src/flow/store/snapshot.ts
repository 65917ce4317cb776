/** What there is in the store: tables, their columns and their indexes, as the server describes them. */
import type { StoreEndpoint } from "./endpoint.ts";
import { quoteText } from "./sql.ts";

/** A column that there is. */
export interface PresentColumn {
  readonly name: string;
  readonly type: string;
  /** `ALIAS`, `DEFAULT`, …; "" for none. */
  readonly defaultKind: string;
  /** Without the word `CODEC` and its brackets; "" for the usual one. */
  readonly codec: string;
  readonly isInPrimaryKey: boolean;
  readonly isInSortingKey: boolean;
}

/** A table, view or dictionary that there is. */
export interface PresentObject {
  readonly name: string;
  readonly engine: string;
  readonly engineFull: string;
  readonly comment: string;
  readonly sortingKey: string;
  readonly columns: readonly PresentColumn[];
  /** Types of skip indexes by name. */
  readonly indexes: ReadonlyMap<string, string>;
}

/** Objects by name. */
export type Snapshot = ReadonlyMap<string, PresentObject>;

/** Reads it. @throws {StoreError} */
export async function readSnapshot(endpoint: StoreEndpoint, database: string): Promise<Snapshot> {
  const where = `WHERE database = ${quoteText(database)}`;
  const [tables, columns, indexes] = [
    await rowsOf(
      endpoint,
      `SELECT name, engine, engine_full, comment, sorting_key FROM system.tables ${where}`,
    ),
    await rowsOf(
      endpoint,
      "SELECT table, name, type, default_kind, compression_codec, is_in_primary_key, is_in_sorting_key " +
        `FROM system.columns ${where} ORDER BY table, position`,
    ),
    await rowsOf(endpoint, `SELECT table, name, type_full FROM system.data_skipping_indices ${where}`),
  ];
  const snapshot = new Map<string, PresentObject & { columns: PresentColumn[]; indexes: Map<string, string> }>();
  for (const [name, engine, engineFull, comment, sortingKey] of tables) {
    const object = { name: text(name), engine: text(engine), engineFull: text(engineFull), comment: text(comment) };
    snapshot.set(object.name, { ...object, sortingKey: text(sortingKey), columns: [], indexes: new Map() });
  }
  for (const [table, name, type, defaultKind, codec, primary, sorting] of columns) {
    snapshot.get(text(table))?.columns.push({
      name: text(name),
      type: text(type),
      defaultKind: text(defaultKind),
      codec: text(codec).replace(/^CODEC\((.*)\)$/s, "$1"),
      isInPrimaryKey: Number(primary) === 1,
      isInSortingKey: Number(sorting) === 1,
    });
  }
  for (const [table, name, type] of indexes) snapshot.get(text(table))?.indexes.set(text(name), text(type));
  return snapshot;
}

/** The rows of an answer. @throws {StoreError} */
export async function rowsOf(endpoint: StoreEndpoint, statement: string): Promise<readonly unknown[][]> {
  const answer = await endpoint.execute(statement, { format: "JSONCompactEachRow", database: "" });
  const lines = new TextDecoder().decode(answer).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as unknown[]);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : String(value ?? "");
}
