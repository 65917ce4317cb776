import assert from "node:assert/strict";
import { type Column, columnIds, COLUMNS, COMPUTED_COLUMNS } from "./columns.ts";

function definition({ name, type, codec }: Column): string {
  return `\`${name}\` ${type}${codec === undefined ? "" : ` CODEC(${codec})`}`;
}

/** FNV-1 of 128 bits (multiply, then xor), in base 32 without padding. */
function fnv1(text: string): string {
  let hash = 0x6c62272e07bb014262b821756295c58dn;
  for (const octet of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(128, hash * 0x0000000001000000000000000000013bn) ^ BigInt(octet);
  }
  const padded = hash << 2n; // 128 bits are 26 digits of 5 bits
  return Array.from(
    { length: 26 },
    (_, i) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number(padded >> BigInt(125 - 5 * i) & 31n)],
  )
    .join("");
}

Deno.test("COLUMNS that are stored by default are those of the established schema, in its order", () => {
  const list = COLUMNS.filter(({ enabled }) => enabled).map(definition).join(",\n");
  assert.equal(new TextEncoder().encode(list).length, 1902);
  assert.equal(`flows_${fnv1(list)}v5_raw`, "flows_BVEWU32DEBF5NO64ZZKA7TJUJMv5_raw");
});

Deno.test("COLUMNS are numbered as the messages of enriched flows are, from 1", () => {
  const numbers: [name: string, number: number][] = [
    ["TimeReceived", 1],
    ["SamplingRate", 2],
    ["ExporterAddress", 3],
    ["SrcAddr", 10],
    ["DstAddr", 11],
    ["SrcAS", 14],
    ["DstAS", 15],
    ["SrcCountry", 28],
    ["DstASPath", 34],
    ["DstCommunities", 36],
    ["DstLargeCommunities", 38],
    ["InIfName", 39],
    ["EType", 51],
    ["Proto", 52],
    ["SrcPort", 53],
    ["DstPort", 54],
    ["Bytes", 55],
    ["Packets", 56],
    ["ForwardingStatus", 57],
    ["FlowDirection", 58],
  ];
  for (const [name, number] of numbers) assert.equal(COLUMNS[number - 1]!.name, name);
});

Deno.test("COLUMNS have the primary key's places once each", () => {
  const places = COLUMNS.map(({ primaryKey }) => primaryKey).filter((place) => place > 0).sort((a, b) => a - b);
  assert.deepEqual(places, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

Deno.test("columnIds and names are those of one column each", () => {
  for (const [id, { field }] of COLUMNS.entries()) assert.equal(columnIds[field], id);
  const names = [...COLUMNS, ...COMPUTED_COLUMNS].map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, after } of COMPUTED_COLUMNS) {
    assert.ok(COLUMNS.some((column) => column.name === after), `${name} stands behind ${after}`);
  }
});
