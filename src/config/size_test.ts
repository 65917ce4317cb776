import assert from "node:assert/strict";
import { formatSize, parseSize } from "./size.ts";

const accepted: [text: string, bytes: number][] = [
  ["0", 0],
  ["0B", 0],
  ["512B", 512],
  ["4096", 4096],
  ["64KiB", 65_536],
  ["1GiB", 1_073_741_824],
  ["1.5MiB", 1_572_864],
  ["10MB", 10_000_000],
  ["1KB", 1000],
  ["1kB", 1000],
  ["2TiB", 2_199_023_255_552],
];
const refused = [
  "",
  "B",
  "-1B",
  "1.3B",
  "0.5",
  "1 GiB",
  "1gib",
  "1G",
  "1Gb",
  "1e3",
  "1GiB2MiB",
  "9007199254740993",
  "∞",
];

for (const [text, bytes] of accepted) {
  Deno.test(`parseSize() reads ${text}`, () => assert.equal(parseSize(text), bytes));
}
for (const text of refused) {
  Deno.test(`parseSize() refuses "${text}"`, () => assert.throws(() => parseSize(text), RangeError));
}

const written: [bytes: number, text: string][] = [
  [0, "0B"],
  [1, "1B"],
  [1500, "1500B"],
  [1000, "1KB"],
  [65_536, "64KiB"],
  [10_000_000, "10MB"],
  [1_073_741_824, "1GiB"],
];
for (const [bytes, text] of written) {
  Deno.test(`formatSize() writes ${bytes} as ${text}`, () => {
    assert.equal(formatSize(bytes), text);
    assert.equal(parseSize(text), bytes);
  });
}
