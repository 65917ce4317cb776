import assert from "node:assert/strict";
import { FlushRun, mergeTables } from "./flush.ts";
import { Heart } from "./heart.ts";
import { FLUSH, HEART } from "./heart_testing.ts";
import { SeriesTable } from "./series_table.ts";
import { newStats, rejectedLines } from "./stats.ts";
import { LineSplitter } from "./stream_lines.ts";

// Each is shorter than the one before: behind its end, what was carried before still stands in the buffer.
const LINES = [
  "page.views:1:2:3|c|@0.5|#env:prod,service:web,region:eu-west-1|c:0123456789abcdef",
  "rpc.time:12.5|ms|#env:prod,veneurglobalonly|c:0123456789ab",
  "_e{5,11}:title|text\\nlines|d:1700000000|h:web|t:error|#a:b",
  "_sc|disk.full|2|d:1700000000|h:web|#a:b|m:no space left",
  "users:someone@example.com|s|#env:prod,service:web",
  "temperature:-4.25e1|g|#room:1|T1700000000",
  "rpc.time:1e2|h|@0.1|#env:prod\r",
  "_sc|disk.full|0|#b:a|m:ok\r",
  "_scratch:12|c|#a",
  "_e{1,1}:a|b|#t",
  "a.b:0.5|c|#t",
  "a:-12|g|#t",
  "s:abc|s",
  "a:12|d",
  "c:1|c",
  "",
];

/** What a heart made of `text` that came in chunks of `size` bytes. */
function taken(text: string, size: number) {
  const stats = newStats();
  const heart = new Heart(HEART, new Int32Array(1), stats);
  heart.setTime(1_700_000_000_000, 0);
  const splitter = new LineSplitter(HEART.metricMaxLength, {
    onLine: (bytes, start, end) => heart.ingestLine(bytes, start, end),
    onTooLong: (head) => heart.tooLong(head),
  });
  const bytes = new TextEncoder().encode(text);
  for (let i = 0; i < bytes.length; i += size) splitter.push(bytes.slice(i, i + size));
  splitter.end();
  const { table, events, checks } = heart.swap();
  const tables = [SeriesTable.adopt(table, HEART)];
  mergeTables(tables);
  const points: string[] = [];
  const run = new FlushRun(tables, FLUSH, 1_700_000_010);
  while (run.next((point) => points.push(JSON.stringify(point)), 1_000));
  return { points: points.sort(), events, checks, stats: [...stats], rejected: rejectedLines(stats) };
}

Deno.test("a heart makes the same of lines however they are chunked", () => {
  const text = LINES.join("\n");
  const whole = taken(text, text.length + 1);
  assert.deepEqual([whole.points.length, whole.rejected], [20, 0]);
  assert.deepEqual([whole.events.length, whole.checks.length], [2, 2]);
  for (let size = 1; size < 100; size++) assert.deepEqual(taken(text, size), whole, `chunks of ${size} bytes`);
});

// Cut off lines, behind whose end stands in the carry buffer exactly what would complete them.
for (const [i, line] of LINES.entries()) {
  Deno.test(`a heart sees nothing behind the end of a last line that is a start of line ${i}`, () => {
    for (let length = 1; length <= line.length; length++) {
      const start = line.slice(0, length);
      const carried = taken(`${line}\n${start}`, 1);
      const inPlace = taken(`${line}\n${start}`, 10_000);
      assert.deepEqual(carried, inPlace, JSON.stringify(start));
    }
  });
}
