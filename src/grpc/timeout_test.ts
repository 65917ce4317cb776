import assert from "node:assert/strict";
import { formatTimeout, parseTimeout } from "./timeout.ts";

const read: [header: string, ms: number][] = [
  ["1H", 3_600_000],
  ["2M", 120_000],
  ["3S", 3_000],
  ["4m", 4],
  ["5000u", 5],
  ["6000000n", 6],
  ["99999999H", 99_999_999 * 3_600_000],
  ["0m", 0],
];
for (const [header, ms] of read) {
  Deno.test(`parseTimeout() reads ${header}`, () => assert.ok(Math.abs(parseTimeout(header)! - ms) < 1e-9));
}

for (const header of ["", "1", "S", "1s", "-1S", "1.5S", "100000000S", "1 S", "1SS"]) {
  Deno.test(`parseTimeout() refuses ${JSON.stringify(header)}`, () => assert.equal(parseTimeout(header), undefined));
}

const written: [ms: number, header: string][] = [
  [0, "1n"],
  [9, "9000000n"],
  [9_000, "9000000u"],
  [100_000, "100000m"],
  [1e9, "1000000S"],
  [1e12, "16666666M"],
  [1e15, "99999999H"],
];
for (const [ms, header] of written) {
  Deno.test(`formatTimeout() writes ${ms} ms as ${header}`, () => {
    assert.equal(formatTimeout(ms), header);
    if (ms > 0 && ms < 1e15) assert.ok(parseTimeout(header)! <= ms);
  });
}
