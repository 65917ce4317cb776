import assert from "node:assert/strict";
import { createStatement } from "./ddl.ts";
import type { StoreObject, TableObject } from "./objects.ts";
import { MigrationError, planMigration } from "./plan.ts";
import type { PresentObject, Snapshot } from "./snapshot.ts";

const place = { database: "net", cluster: "" };

const table: TableObject = {
  kind: "table",
  name: "flows",
  columns: [
    { name: "Time", type: "DateTime", codec: "DoubleDelta, LZ4" },
    { name: "Proto", type: "UInt32", index: "minmax" },
    { name: "Bytes", type: "UInt64" },
  ],
  engine: "MergeTree",
  orderBy: ["Time", "Proto"],
  ttl: "Time + toIntervalSecond(3600)",
  settings: { index_granularity: 8192, ttl_only_drop_parts: 1, storage_policy: "cold" },
};

/** What a server says of `table`. */
const present: PresentObject = {
  name: "flows",
  engine: "MergeTree",
  engineFull: "MergeTree ORDER BY (Time, Proto) TTL Time + toIntervalSecond(3600) " +
    "SETTINGS index_granularity = 100, ttl_only_drop_parts = 1, storage_policy = 'cold'",
  comment: "limier",
  sortingKey: "Time, Proto",
  columns: [
    {
      name: "Time",
      type: "DateTime",
      defaultKind: "",
      codec: "DoubleDelta, LZ4",
      isInPrimaryKey: true,
      isInSortingKey: true,
    },
    { name: "Proto", type: "UInt32", defaultKind: "", codec: "", isInPrimaryKey: true, isInSortingKey: true },
    { name: "Bytes", type: "UInt64", defaultKind: "", codec: "", isInPrimaryKey: false, isInSortingKey: false },
  ],
  indexes: new Map([["idx_proto", "minmax"], ["theirs", "set(1)"]]),
};

function plan(wanted: Partial<TableObject>, found: Partial<PresentObject> = {}): readonly string[] {
  const snapshot: Snapshot = new Map([["flows", { ...present, ...found }]]);
  const [step] = planMigration([{ ...table, ...wanted }], snapshot, place);
  return step!.statements.map((text) => text.replace("ALTER TABLE `net`.`flows` ", ""));
}

const column = (at: number, changes: object) => table.columns.map((one, i) => i === at ? { ...one, ...changes } : one);
const found = (at: number, changes: object) => present.columns.map((one, i) => i === at ? { ...one, ...changes } : one);

const plans: [what: string, wanted: Partial<TableObject>, found: Partial<PresentObject>, statements: string[]][] = [
  ["nothing", {}, {}, []],
  ["a replicated table", {}, { engine: "ReplicatedMergeTree" }, []],
  ["spaces of older servers", {}, { columns: found(0, { codec: "DoubleDelta,LZ4" }) }, []],
  [
    "a column that others have added",
    {},
    { columns: [...present.columns, { ...present.columns[2]!, name: "Theirs" }] },
    [],
  ],
  ["a new column", { columns: [...table.columns, { name: "TTL", type: "UInt8" }] }, {}, [
    "ADD COLUMN IF NOT EXISTS `TTL` UInt8 AFTER `Bytes`",
  ]],
  [
    "a new column of the key",
    {
      columns: [...table.columns.slice(0, 2), { name: "Vlan", type: "UInt16" }, table.columns[2]!],
      orderBy: ["Time", "Proto", "Vlan"],
    },
    {},
    ["ADD COLUMN IF NOT EXISTS `Vlan` UInt16 AFTER `Proto`, MODIFY ORDER BY (Time, Proto, Vlan)"],
  ],
  ["a type", { columns: column(2, { type: "UInt128" }) }, {}, ["MODIFY COLUMN `Bytes` UInt128"]],
  ["a codec", { columns: column(2, { codec: "T64, LZ4" }) }, {}, ["MODIFY COLUMN `Bytes` UInt64 CODEC(T64, LZ4)"]],
  ["no codec", { columns: column(0, { codec: undefined }) }, {}, ["MODIFY COLUMN `Time` REMOVE CODEC"]],
  ["an index", { columns: column(1, { index: "set(9)" }) }, {}, [
    "DROP INDEX IF EXISTS idx_proto",
    "ADD INDEX IF NOT EXISTS idx_proto `Proto` TYPE set(9) GRANULARITY 4",
  ]],
  ["no index", { columns: column(1, { index: undefined }) }, {}, ["DROP INDEX IF EXISTS idx_proto"]],
  ["a life", { ttl: "Time + toIntervalSecond(60)" }, {}, [
    "MODIFY TTL Time + toIntervalSecond(60) SETTINGS materialize_ttl_after_modify = 0",
  ]],
  ["a setting", { settings: { ...table.settings, storage_policy: "ho't" } }, {}, [
    "MODIFY SETTING storage_policy = 'ho\\'t'",
  ]],
  ["a table made by others", {}, { comment: "" }, ["MODIFY COMMENT 'limier'"]],
];
for (const [what, wanted, there, statements] of plans) {
  Deno.test(`planMigration() changes ${what}`, () => assert.deepEqual(plan(wanted, there), statements));
}

Deno.test("planMigration() lets rows stay for ever", () => {
  const { ttl: _, ...forEver } = table;
  const [step] = planMigration([forEver], new Map([["flows", present]]), place);
  assert.deepEqual(step!.statements, ["ALTER TABLE `net`.`flows` REMOVE TTL"]);
  assert.ok(!createStatement(forEver, place).includes("TTL"));
});

const refused: [what: string, wanted: Partial<TableObject>, found: Partial<PresentObject>, why: RegExp][] = [
  ["the type of a key", { columns: column(1, { type: "UInt8" }) }, {}, /Proto of flows from UInt32 to UInt8: .* key/],
  [
    "a key to an alias",
    { columns: column(1, { isAlias: true, expression: "1" }) },
    {},
    /Proto of flows to be computed/,
  ],
  ["another engine", {}, { engine: "Log" }, /its engine is Log and not MergeTree; rename or drop it/],
];
for (const [what, wanted, there, why] of refused) {
  Deno.test(`planMigration() refuses to change ${what}`, () => {
    assert.throws(() => plan(wanted, there), (error) => error instanceof MigrationError && why.test(error.message));
  });
}

const view: StoreObject = { kind: "view", name: "v", to: "flows", select: "SELECT a FROM {database}.t AS flow" };
const dictionary: StoreObject = { kind: "dictionary", name: "d", definition: "(a UInt8) PRIMARY KEY a" };
for (const object of [view, dictionary]) {
  Deno.test(`planMigration() makes a ${object.kind} anew where its definition differs, and only there`, () => {
    const comment = /COMMENT '([^']*)'$/.exec(createStatement(object, place))![1]!;
    const of = (text: string) =>
      planMigration([object], new Map([[object.name, { ...present, name: object.name, comment: text }]]), place)[0]!
        .statements;
    assert.deepEqual(of(comment), []);
    const remade = of("limier other");
    assert.equal(remade.at(-1), createStatement(object, place));
    assert.equal(remade.length, object.kind === "view" ? 2 : 1);
  });
}
