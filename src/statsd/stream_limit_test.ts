import assert from "node:assert/strict";
import { ConnectionLimit, newConnectionLimit } from "./stream_limit.ts";

const limitsOf = (files: string) =>
  `Limit                     Soft Limit           Hard Limit           Units\n` +
  `Max processes             63432                63432                processes\n` +
  `Max open files            ${files.padEnd(20)} 524288               files\n`;

const caps: [maxConnections: number, files: string, max: number, warns: boolean][] = [
  [10_000, "524288", 10_000, false],
  [10_000, "1024", 768, true],
  [768, "1024", 768, false],
  [10_000, "1", 1, true],
  [10_000, "unlimited", 10_000, false],
  [10_000, "", 10_000, false],
];

for (const [maxConnections, files, max, warns] of caps) {
  Deno.test(`newConnectionLimit() makes ${max} of ${maxConnections} where ${files || "an unknown number of"} files may be open`, () => {
    const log: string[] = [];
    assert.equal(newConnectionLimit(maxConnections, (level) => log.push(level), files && limitsOf(files)).max, max);
    assert.deepEqual(log, warns ? ["warn"] : []);
  });
}

Deno.test("newConnectionLimit() asks this process by default", () => {
  assert.equal(newConnectionLimit(1, () => assert.fail()).max, 1);
});

Deno.test("ConnectionLimit counts what it refuses, and says so once until there is room", () => {
  const log: string[] = [];
  const limit = new ConnectionLimit(10, (level) => log.push(level));
  for (let i = 0; i < 10; i++) assert.equal(limit.enter(), true);
  assert.equal(limit.enter(), false);
  limit.leave();
  assert.equal(limit.enter(), true); // one that replaces another makes no room worth telling
  assert.equal(limit.enter(), false);
  assert.deepEqual([limit.open, limit.refused, log], [10, 2, ["warn"]]);
  for (let i = 0; i < 5; i++) limit.leave();
  for (let i = 0; i < 6; i++) limit.enter();
  assert.deepEqual([limit.open, limit.refused, log], [10, 3, ["warn", "warn"]]);
});
