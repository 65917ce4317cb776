import assert from "node:assert/strict";
import { readingFault } from "./statement.ts";

const reading = [
  "SELECT 1",
  "select 1;",
  " \n(SELECT 1) UNION ALL SELECT 2",
  "-- a; b\nSELECT 1",
  "/* INSERT */ WITH 1 AS x SELECT x",
  "SHOW TABLES",
  "DESCRIBE flows",
  "EXPLAIN SELECT 1",
  "EXISTS flows",
  "SELECT ';', \"a;b\", `c;d` FROM t WHERE x = 'it''s; INTO OUTFILE' -- ; INTO OUTFILE",
  "SELECT 'a\\'; DROP TABLE x'",
];
for (const statement of reading) {
  Deno.test(`readingFault() lets ${JSON.stringify(statement)} pass`, () =>
    assert.equal(readingFault(statement), undefined));
}

const others: [statement: string, why: RegExp][] = [
  ["", /write a statement/],
  ["-- SELECT 1", /write a statement/],
  ["INSERT INTO t VALUES (1)", /only reads/],
  ["DROP TABLE t", /only reads/],
  ["SET readonly = 0", /only reads/],
  ["KILL QUERY WHERE 1", /only reads/],
  ["SELECT 1; SELECT 2", /one statement/],
  ["SELECT 1;; SELECT 2;", /one statement/],
  ["SELECT 1 INTO OUTFILE 'x'", /INTO OUTFILE/],
  ["SELECT 1 into /* */ \n outfile 'x'", /INTO OUTFILE/],
];
for (const [statement, why] of others) {
  Deno.test(`readingFault() refuses ${JSON.stringify(statement)}`, () =>
    assert.match(readingFault(statement) ?? "", why));
}
