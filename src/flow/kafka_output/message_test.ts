import assert from "node:assert/strict";
import { COLUMNS } from "../columns.ts";
import { DEFAULT_SCHEMA, resolveSchema } from "../store/mod.ts";
import { enrichedMessage } from "./message.ts";

const message = enrichedMessage(resolveSchema().ingested);

/** Fields that a message of the usual schema has, by the definition that Akvorado's readers know. */
const USUAL: [name: string, number: number, type: string][] = [
  ["TimeReceived", 1, "uint32"],
  ["SamplingRate", 2, "uint64"],
  ["ExporterAddress", 3, "bytes"],
  ["ExporterName", 4, "string"],
  ["SrcAddr", 10, "bytes"],
  ["DstAddr", 11, "bytes"],
  ["SrcNetMask", 12, "uint32"],
  ["SrcAS", 14, "uint32"],
  ["DstAS", 15, "uint32"],
  ["SrcCountry", 28, "string"],
  ["DstASPath", 34, "repeated uint32"],
  ["DstCommunities", 36, "repeated uint32"],
  ["DstLargeCommunities", 38, "repeated bytes"],
  ["InIfName", 39, "string"],
  ["InIfBoundary", 49, "uint32"],
  ["EType", 51, "uint32"],
  ["Proto", 52, "uint32"],
  ["SrcPort", 53, "uint32"],
  ["DstPort", 54, "uint32"],
  ["Bytes", 55, "uint64"],
  ["Packets", 56, "uint64"],
  ["ForwardingStatus", 57, "uint32"],
  ["FlowDirection", 58, "uint32"],
];
for (const [name, number, type] of USUAL) {
  Deno.test(`enrichedMessage() has ${name} as field ${number}`, () => {
    const field = message.fields.find(({ column }) => column.name === name);
    assert.deepEqual([field?.number, field?.type], [number, type]);
  });
}

Deno.test("enrichedMessage() names the usual layout", () => {
  assert.equal(message.hash, "MTDNFXMJ7IXQ2HJUACJ5J5IUOY");
  assert.equal(message.fields.length, 54);
});

Deno.test("enrichedMessage() has no column that is off, or that the server computes", () => {
  const names = message.fields.map(({ column }) => column.name);
  for (const name of ["SrcVlan", "SrcCommunities", "NextHop", "Dst1stAS", "PacketSize", "SrcNetPrefix"]) {
    assert.ok(!names.includes(name), name);
  }
});

Deno.test("enrichedMessage() moves no field when a column comes or goes, and has another name then", () => {
  const more = enrichedMessage(resolveSchema({ ...DEFAULT_SCHEMA, enabled: ["SrcVlan"] }).ingested);
  const fewer = enrichedMessage(resolveSchema({ ...DEFAULT_SCHEMA, disabled: ["ExporterTenant"] }).ingested);
  const numbers = ({ fields }: typeof message) => new Map(fields.map(({ column, number }) => [column.name, number]));
  assert.deepEqual([...numbers(more)].filter(([name]) => !numbers(message).has(name)), [["SrcVlan", 26]]);
  assert.deepEqual([...numbers(message)].filter(([name]) => !numbers(fewer).has(name)), [["ExporterTenant", 9]]);
  for (const [name, number] of numbers(message)) assert.equal(numbers(more).get(name), number);
  assert.equal(new Set([message.hash, more.hash, fewer.hash]).size, 3);
});

Deno.test("enrichedMessage() is of the columns, whatever their order and whatever is computed from them", () => {
  const materialized = resolveSchema({ ...DEFAULT_SCHEMA, materialize: ["SrcNetPrefix"] }).ingested;
  assert.deepEqual(enrichedMessage(materialized), message);
  assert.deepEqual(enrichedMessage([...resolveSchema().ingested].reverse()), message);
});

Deno.test("enrichedMessage() says its definition in proto3", () => {
  const [first, second, third, ...rest] = message.proto.split("\n");
  assert.deepEqual([first, second, third], [
    'syntax = "proto3";',
    "",
    "message FlowMessagevMTDNFXMJ7IXQ2HJUACJ5J5IUOY {",
  ]);
  assert.equal(rest[0], "  uint32 TimeReceived = 1;");
  assert.deepEqual(rest.slice(-3), ["  uint32 FlowDirection = 58;", "}", ""]);
  assert.equal(enrichedMessage(COLUMNS).fields.length, COLUMNS.length);
});
