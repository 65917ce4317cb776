import assert from "node:assert/strict";
import { GoTime } from "./go_time.ts";

const at = new GoTime(Date.UTC(2024, 2, 5, 14, 6, 7, 80), true);

const layouts: [layout: string, text: string][] = [
  ["2006-01-02T15:04:05Z07:00", "2024-03-05T14:06:07Z"],
  ["Mon Jan 2 15:04:05 MST 2006", "Tue Mar 5 14:06:07 UTC 2024"],
  ["Monday, January _2, 06 at 03:04PM", "Tuesday, March  5, 24 at 02:06PM"],
  ["Jan 02, 2006", "Mar 05, 2024"],
  ["1/2/2006 3:4:5 pm", "3/5/2024 2:6:7 pm"],
  ["15:04:05.000", "14:06:07.080"],
  ["15:04:05.999999", "14:06:07.08"],
  ["-0700 -07:00 -07 Z0700", "+0000 +00:00 +00 Z"],
  ["002", "065"],
];

for (const [layout, text] of layouts) {
  Deno.test(`GoTime.format() takes ${layout}`, () => assert.equal(at.format(layout), text));
}

Deno.test("GoTime prints its zero time as Go does", () => {
  assert.equal(new GoTime(null).toJSON(), "0001-01-01T00:00:00Z");
  assert.equal(String(new GoTime(null)), "0001-01-01 00:00:00 +0000 UTC");
});
