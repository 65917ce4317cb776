import assert from "node:assert/strict";
import { formatDuration, parseDuration } from "./duration.ts";

const accepted: [text: string, ms: number][] = [
  ["0", 0],
  ["-0", 0],
  ["+0", 0],
  ["0s", 0],
  ["10s", 10_000],
  ["1m30s", 90_000],
  ["1.5s", 1500],
  [".5s", 500],
  ["5.s", 5000],
  ["1h1h", 7_200_000],
  ["-10s", -10_000],
  ["+10s", 10_000],
  ["100ms", 100],
  ["0.1s", 100],
  ["0.29s", 290],
  ["1us", 0.001],
  ["1µs", 0.001],
  ["1μs", 0.001],
  ["1ns", 0.000001],
  ["1.9ns", 0.000001],
  ["1h0m0.5s", 3_600_500],
  ["2562047h47m16s", 9_223_372_036_000],
];
const refused = [
  "",
  "1",
  "10",
  "0.5",
  "s",
  ".s",
  "-",
  "1d",
  "1 s",
  " 1s",
  "1s ",
  "1m 30s",
  "1S",
  "1e3s",
  "0x1s",
  "1s5",
];

for (const [text, ms] of accepted) {
  Deno.test(`parseDuration() reads ${text}`, () => assert.equal(parseDuration(text), ms));
}
for (const text of [...refused, "1,5s", "--1s", "1..5s", "2562048h", "99999999999999999999h", "infinity", "٣s"]) {
  Deno.test(`parseDuration() refuses "${text}"`, () => assert.throws(() => parseDuration(text), RangeError));
}

const written: [ms: number, text: string][] = [
  [0, "0s"],
  [10_000, "10s"],
  [90_000, "1m30s"],
  [1500, "1.5s"],
  [7_200_000, "2h"],
  [3_600_500, "1h0.5s"],
  [500, "500ms"],
  [1.5, "1.5ms"],
  [0.25, "250us"],
  [0.000003, "3ns"],
  [-90_000, "-1m30s"],
  [3_600_000.000001, "1h0.000000001s"],
];
for (const [ms, text] of written) {
  Deno.test(`formatDuration() writes ${ms} ms as ${text}`, () => {
    assert.equal(formatDuration(ms), text);
    assert.equal(parseDuration(text), ms);
  });
}
