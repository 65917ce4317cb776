import assert from "node:assert/strict";
import { DEFAULT_SCHEMA, type SchemaConfig } from "./config.ts";
import { columnList, resolveSchema, SchemaError } from "./schema.ts";
import { base32, fnv1Hash128 } from "./schema_hash.ts";

Deno.test("fnv1Hash128() of nothing is the offset basis", () => {
  assert.equal(fnv1Hash128("").toHex(), "6c62272e07bb014262b821756295c58d");
});

const texts: [octets: string, text: string][] = [["", ""], ["f", "MY"], ["fo", "MZXQ"], ["foobar", "MZXW6YTBOI"]];
for (const [plain, text] of texts) {
  Deno.test(`base32() writes "${plain}"`, () => assert.equal(base32(new TextEncoder().encode(plain)), text));
}

Deno.test("resolveSchema() names the usual columns as others that share the tables do", () => {
  const { columns, hash } = resolveSchema();
  const list = columnList(columns.filter(({ kind }) => kind === "ingested"));
  assert.equal(list.length, 1902);
  assert.ok(list.startsWith("`TimeReceived` DateTime CODEC(DoubleDelta, LZ4),\n"));
  assert.equal(hash, "BVEWU32DEBF5NO64ZZKA7TJUJMv5");
});

Deno.test("resolveSchema() puts computed columns behind what they are computed from", () => {
  const names = resolveSchema().columns.map(({ name }) => name);
  assert.equal(names[names.indexOf("DstASPath") + 1], "Dst1stAS");
  assert.deepEqual(names.slice(names.indexOf("Packets"), names.indexOf("ForwardingStatus")), [
    "Packets",
    "PacketSize",
    "PacketSizeBucket",
  ]);
});

Deno.test("resolveSchema() enables, disables and changes the name with it", () => {
  const schema = resolveSchema({ ...DEFAULT_SCHEMA, enabled: ["SrcVlan"], disabled: ["SrcGeoCity"] });
  const names = schema.columns.map(({ name }) => name);
  assert.ok(names.includes("SrcVlan") && !names.includes("SrcGeoCity"));
  assert.deepEqual(schema.ingested.map(({ name }) => name).filter((name) => name === "SrcVlan"), ["SrcVlan"]);
  assert.notEqual(schema.hash, resolveSchema().hash);
});

Deno.test("resolveSchema() turns an alias into a column that is stored", () => {
  const { columns, hash } = resolveSchema({ ...DEFAULT_SCHEMA, materialize: ["SrcNetPrefix", "PacketSize"] });
  const of = (name: string) => columns.find((column) => column.name === name)!;
  assert.equal(of("SrcNetPrefix").kind, "generated");
  assert.equal(of("SrcNetPrefix").type, "LowCardinality(String)");
  assert.equal(of("PacketSize").sortingKey, true);
  assert.equal(of("PacketSizeBucket").kind, "alias");
  assert.equal(hash, resolveSchema().hash);
});

const indexes: [text: string, index: string | undefined][] = [
  ["bloom(0.01)", "bloom_filter(0.01)"],
  ["minmax", "minmax"],
  ["set(100)", "set(100)"],
];
for (const [text, index] of indexes) {
  Deno.test(`resolveSchema() takes the index ${text}`, () => {
    const { columns } = resolveSchema({ ...DEFAULT_SCHEMA, indexes: { Proto: text }, noIndexes: ["SrcAS"] });
    assert.equal(columns.find(({ name }) => name === "Proto")?.index, index);
    assert.equal(columns.find(({ name }) => name === "SrcAS")?.index, undefined);
    assert.equal(columns.find(({ name }) => name === "DstAS")?.index, "bloom_filter(0.001)");
  });
}

const refused: [why: string, config: Partial<SchemaConfig>, message: RegExp][] = [
  ["a slip", { enabled: ["SrcVlam"] }, /there is no SrcVlam; did you mean SrcVlan\?/],
  ["another case", { disabled: ["srcaddr"] }, /there is no srcaddr/],
  ["a fixed column", { disabled: ["Bytes"] }, /Bytes, which is always needed/],
  ["a column of the key", { disabled: ["ExporterAddress"] }, /primary key/],
  ["both ways", { enabled: ["SrcNetName"], disabled: ["SrcNetName"] }, /here or under enabled/],
  [
    "a source of others",
    { disabled: ["DstASPath"] },
    /flow.schema.disabled: write Dst1stAS too, which needs DstASPath/,
  ],
  ["a source of an alias", { disabled: ["PacketSize"] }, /PacketSizeBucket too/],
  ["an alias alone", { enabled: ["ICMPv4"] }, /enabled: write ICMPv4Type too, which ICMPv4 needs/],
  ["the key in one table", { mainTableOnly: ["Proto"] }, /Proto, which consolidated tables need/],
  ["both places", { mainTableOnly: ["SrcNetName"], notMainTableOnly: ["SrcNetName"] }, /not_main_table_only/],
  ["an alias away from its source", { notMainTableOnly: ["SrcNetPrefix"] }, /SrcNetPrefix and SrcAddr alike/],
  ["a stored column to store", { materialize: ["SrcAddr"] }, /alias columns, which SrcAddr is not/],
  ["a strange index", { indexes: { Proto: "btree" } }, /bloom\(p\)/],
  ["an impossible index", { indexes: { Proto: "bloom(1.5)" } }, /bloom\(p\)/],
  ["an index of an alias", { indexes: { PacketSize: "minmax" } }, /PacketSize is computed/],
];
for (const [why, config, message] of refused) {
  Deno.test(`resolveSchema() refuses ${why}`, () => {
    assert.throws(
      () => resolveSchema({ ...DEFAULT_SCHEMA, ...config }),
      (error) => error instanceof SchemaError && message.test(error.message),
    );
  });
}
