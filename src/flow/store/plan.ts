/** What has to be done so that the store is as it should be: pure, from what there is and what should be. */
import {
  columnDefinition,
  commentOf,
  createStatement,
  indexDefinition,
  indexName,
  onCluster,
  type Place,
  placedName,
  settingText,
} from "./ddl.ts";
import type { StoreObject, TableColumn, TableObject } from "./objects.ts";
import type { PresentColumn, PresentObject, Snapshot } from "./snapshot.ts";
import { quoteName, quoteText } from "./sql.ts";

/** The statements that bring one object into shape; none: it is. */
export interface Step {
  readonly object: string;
  readonly statements: readonly string[];
}

/** A change that tables can't undergo. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
  readonly code = "flow.migration";
}

/** Settings that stay as a table was made with them. */
const FIXED_SETTINGS: readonly string[] = ["index_granularity"];

/** One step for each object, in the order in which they can be made. @throws {MigrationError} */
export function planMigration(objects: readonly StoreObject[], present: Snapshot, place: Place): Step[] {
  return objects.map((object): Step => {
    const found = present.get(object.name);
    if (found === undefined) return { object: object.name, statements: [createStatement(object, place)] };
    if (object.kind === "table") return { object: object.name, statements: alterTable(object, found, place) };
    if (found.comment === commentOf(object, place)) return { object: object.name, statements: [] };
    const drop = `DROP TABLE IF EXISTS ${placedName(place, object.name)}${onCluster(place)}`;
    const create = createStatement(object, place);
    return { object: object.name, statements: object.kind === "dictionary" ? [create] : [drop, create] };
  });
}

function alterTable(table: TableObject, present: PresentObject, place: Place): string[] {
  if (present.engine.replace(/^Replicated/, "") !== table.engine) {
    throw new MigrationError(
      `Cannot use the table ${table.name}: its engine is ${present.engine} and not ${table.engine}; rename or drop it`,
    );
  }
  const comment = commentOf(table, place);
  const aliasesDiffer = present.comment !== comment;
  const { left, drops } = withoutAliases(table, present);
  const actions = [
    ...drops,
    ...columnActions(table, left, aliasesDiffer),
    ...indexActions(table, present),
    ...(aliasesDiffer ? [`MODIFY COMMENT ${quoteText(comment)}`] : []),
  ];
  const alter = `ALTER TABLE ${placedName(place, table.name)}${onCluster(place)} `;
  // Each by itself, but for new columns of the sorting key: some may not stand beside others.
  return [...actions, ...lifeActions(table, present)].map((action) => alter + action);
}

/**
 * Aliases hold no values. Where one is to be stored from now on, all of the table's go, since they may need each other, and
 * those that are to stay come back. What becomes an alias goes with what was stored in it, for it can be computed again.
 */
function withoutAliases(
  table: TableObject,
  present: PresentObject,
): { readonly left: PresentObject; readonly drops: readonly string[] } {
  const wanted = new Map(table.columns.map((column) => [column.name, column.isAlias ?? false]));
  const isAlias = ({ defaultKind }: PresentColumn) => defaultKind === "ALIAS";
  const becomesStored = present.columns.some((column) => isAlias(column) && wanted.get(column.name) === false);
  const gone = present.columns.filter((column) => isAlias(column) ? becomesStored : wanted.get(column.name) === true);
  const key = gone.find(({ isInSortingKey }) => isInSortingKey);
  if (key !== undefined) throw new MigrationError(refusal(table, key, "to be computed when it is asked for"));
  return {
    left: { ...present, columns: present.columns.filter((column) => !gone.includes(column)) },
    drops: gone.map(({ name }) => `DROP COLUMN ${quoteName(name)}`).reverse(), // what needs another stands behind it
  };
}

function refusal(table: TableObject, { name }: { readonly name: string }, what: string): string {
  return `Cannot change ${name} of ${table.name} ${what}: it is part of the table's key; rename or drop the table`;
}

function columnActions(table: TableObject, present: PresentObject, aliasesDiffer: boolean): string[] {
  const actions: string[] = [];
  const byName = new Map(present.columns.map((column) => [column.name, column]));
  const keys: { readonly name: string; readonly add: string }[] = [];
  let before: string | undefined;
  for (const column of table.columns) {
    const found = byName.get(column.name);
    if (found === undefined) {
      const place = before === undefined ? "FIRST" : `AFTER ${quoteName(before)}`;
      const add = `ADD COLUMN IF NOT EXISTS ${columnDefinition(column)} ${place}`;
      if (isKey(table, column.name)) keys.push({ name: column.name, add });
      else actions.push(add);
    } else {
      const change = columnChange(table, column, found, aliasesDiffer);
      if (change !== undefined) actions.push(change);
    }
    before = column.name;
  }
  if (keys.length > 0) {
    const order = [present.sortingKey, ...keys.map(({ name }) => name)].filter((part) => part !== "").join(", ");
    actions.push(`${keys.map(({ add }) => add).join(", ")}, MODIFY ORDER BY (${order})`);
  }
  return actions;
}

function isKey({ orderBy }: TableObject, column: string): boolean {
  return orderBy?.includes(column) ?? false;
}

function columnChange(
  table: TableObject,
  column: TableColumn,
  found: PresentColumn,
  aliasesDiffer: boolean,
): string | undefined {
  if (column.isAlias) return aliasesDiffer ? `MODIFY COLUMN ${columnDefinition(column)}` : undefined;
  if (plain(found.type) !== plain(column.type)) {
    if (found.isInPrimaryKey || found.isInSortingKey) {
      throw new MigrationError(refusal(table, column, `from ${found.type} to ${column.type}`));
    }
    return `MODIFY COLUMN ${columnDefinition(column)}`;
  }
  const codec = column.codec ?? "";
  // Null tables keep no codecs.
  if (table.engine === "Null" || plain(found.codec) === plain(codec)) return undefined;
  if (codec === "") return `MODIFY COLUMN ${quoteName(column.name)} REMOVE CODEC`;
  return `MODIFY COLUMN ${columnDefinition(column)}`;
}

/** Servers put spaces as they like. */
function plain(text: string): string {
  return text.replaceAll(/\s+/g, "");
}

function indexActions(table: TableObject, present: PresentObject): string[] {
  const actions: string[] = [];
  const wanted = new Map<string, TableColumn>();
  for (const column of table.columns) if (column.index !== undefined) wanted.set(indexName(column.name), column);
  for (const [name, type] of present.indexes) {
    if (!name.startsWith("idx_")) continue; // somebody else's
    if (plain(wanted.get(name)?.index ?? "") === plain(type)) wanted.delete(name);
    else actions.push(`DROP INDEX IF EXISTS ${name}`);
  }
  for (const column of wanted.values()) actions.push(`ADD INDEX IF NOT EXISTS ${indexDefinition(column)}`);
  return actions;
}

/** When rows go, and settings; what is stored already is not looked through for them. */
function lifeActions(table: TableObject, present: PresentObject): string[] {
  if (table.engine === "Null") return [];
  const actions: string[] = [];
  const seconds = (text: string) => /TTL .*?toIntervalSecond\((\d+)\)/s.exec(text)?.[1];
  const wanted = table.ttl === undefined ? undefined : seconds(`TTL ${table.ttl}`);
  const there = seconds(present.engineFull) ?? (/\bTTL /.test(present.engineFull) ? "another" : undefined);
  if (wanted === undefined && there !== undefined) actions.push("REMOVE TTL");
  if (wanted !== undefined && wanted !== there) {
    actions.push(`MODIFY TTL ${table.ttl} SETTINGS materialize_ttl_after_modify = 0`);
  }
  const settings = settingsOf(present.engineFull);
  for (const [name, value] of Object.entries(table.settings)) {
    if (FIXED_SETTINGS.includes(name) || settings.get(name) === String(value)) continue;
    if (name === "non_replicated_deduplication_window" && present.engine.startsWith("Replicated")) continue;
    actions.push(`MODIFY SETTING ${settingText([name, value])}`);
  }
  return actions;
}

/** `SETTINGS a = 1, b = 'x'` at the end of a description. */
function settingsOf(engineFull: string): Map<string, string> {
  const at = engineFull.lastIndexOf(" SETTINGS ");
  const settings = new Map<string, string>();
  if (at < 0) return settings;
  for (const match of engineFull.slice(at).matchAll(/(\w+) = (?:'((?:[^'\\]|\\.)*)'|([^,\s]+))/g)) {
    settings.set(match[1]!, match[2] ?? match[3] ?? "");
  }
  return settings;
}
