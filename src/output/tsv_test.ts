import assert from "node:assert/strict";
import type { Point } from "../metric/mod.ts";
import { newTsvRow, plainDecimal, type TsvOptions } from "./tsv.ts";

const V1: TsvOptions = { columns: "v1", delimiter: "\t", hostname: "web1" };
const point: Point = {
  name: "lat.max",
  type: "gauge",
  value: 100,
  timestamp: 1_700_000_010,
  tags: ["dc:eu", "env:prod"],
  host: "web1",
};

const rows: [what: string, options: Partial<TsvOptions>, changes: Partial<Point>, row: string[]][] = [
  ["ten columns", {}, {}, [
    "lat.max",
    "{dc:eu,env:prod}",
    "gauge",
    "web1",
    "web1",
    "",
    "0",
    "2023-11-14 22:13:30",
    "100",
    "20231114",
  ]],
  ["eight columns", { columns: "v7" }, {}, [
    "lat.max",
    "{dc:eu,env:prod}",
    "gauge",
    "web1",
    "0",
    "2023-11-14 22:13:30",
    "100",
    "20231114",
  ]],
  ["a rate's interval", {}, { type: "rate", interval: 10, value: 0.4 }, [
    "lat.max",
    "{dc:eu,env:prod}",
    "rate",
    "web1",
    "web1",
    "",
    "10",
    "2023-11-14 22:13:30",
    "0.4",
    "20231114",
  ]],
  ["no tags", {}, { tags: [] }, [
    "lat.max",
    "{}",
    "gauge",
    "web1",
    "web1",
    "",
    "0",
    "2023-11-14 22:13:30",
    "100",
    "20231114",
  ]],
  ["host and device of tags", {}, { tags: ["device:sda", "host:db1"] }, [
    "lat.max",
    "{}",
    "gauge",
    "db1",
    "web1",
    "sda",
    "0",
    "2023-11-14 22:13:30",
    "100",
    "20231114",
  ]],
  ["the last second of a day", {}, { timestamp: 1_700_006_399 }, [
    "lat.max",
    "{dc:eu,env:prod}",
    "gauge",
    "web1",
    "web1",
    "",
    "0",
    "2023-11-14 23:59:59",
    "100",
    "20231114",
  ]],
  ["quotes around what needs them", {}, { name: " lead", tags: ["a\tb", 'q"q', "l\nf\r"] }, [
    '" lead"',
    '"{a\tb,q""q,l\nf\r}"',
    "gauge",
    "web1",
    "web1",
    "",
    "0",
    "2023-11-14 22:13:30",
    "100",
    "20231114",
  ]],
  ["another delimiter", { delimiter: "," }, { name: "a\tb" }, [
    "a\tb",
    '"{dc:eu,env:prod}"',
    "gauge",
    "web1",
    "web1",
    "",
    "0",
    "2023-11-14 22:13:30",
    "100",
    "20231114",
  ]],
  ["a delimiter that expressions know", { delimiter: "^" }, { name: "a^b" }, [
    '"a^b"',
    "{dc:eu,env:prod}",
    "gauge",
    "web1",
    "web1",
    "",
    "0",
    "2023-11-14 22:13:30",
    "100",
    "20231114",
  ]],
];
for (const [what, options, changes, row] of rows) {
  Deno.test(`newTsvRow() writes ${what}`, () => {
    const { delimiter = "\t" } = options;
    assert.equal(newTsvRow({ ...V1, ...options })({ ...point, ...changes }), row.join(delimiter));
  });
}

Deno.test("newTsvRow() follows the time from row to row", () => {
  const row = newTsvRow(V1);
  const stamps = [1_700_000_010, 1_700_000_020, 0].map((timestamp) => row({ ...point, timestamp }).split("\t")[7]);
  assert.deepEqual(stamps, ["2023-11-14 22:13:30", "2023-11-14 22:13:40", "1970-01-01 00:00:00"]);
});

const decimals: [value: number, text: string][] = [
  [0, "0"],
  [-0, "0"],
  [100, "100"],
  [0.1 + 0.2, "0.30000000000000004"],
  [1e21, "1000000000000000000000"],
  [-1.5e22, "-15000000000000000000000"],
  [1e-7, "0.0000001"],
  [-1.25e-9, "-0.00000000125"],
  [123456789.125, "123456789.125"],
];
for (const [value, text] of decimals) {
  Deno.test(`plainDecimal() writes ${value}`, () => {
    assert.equal(plainDecimal(value), text);
    assert.equal(Number(plainDecimal(value)), value + 0);
  });
}

Deno.test("plainDecimal() reads back at the ends of what a number can be", () => {
  for (const value of [Number.MAX_VALUE, Number.MIN_VALUE, -Number.MAX_VALUE]) {
    assert.equal(Number(plainDecimal(value)), value);
    assert.match(plainDecimal(value), /^-?\d+(\.\d+)?$/);
  }
});
