import assert from "node:assert/strict";
import type { Point } from "../metric/mod.ts";
import { type FlushConfig, FlushRun, mergeTables } from "./flush.ts";
import { Heart, type HeartConfig, type Interval, type RefusedLine } from "./heart.ts";
import { FLUSH, HEART } from "./heart_testing.ts";
import { READ_AHEAD } from "./metric_scan.ts";
import { SeriesTable } from "./series_table.ts";
import { acceptedLines, At, newStats, rejectedLines } from "./stats.ts";

function newHeart(config: Partial<HeartConfig> = {}, budget = new Int32Array(1)) {
  const refused: RefusedLine[] = [];
  const heart = new Heart({ ...HEART, maxEvents: 3, ...config }, budget, newStats(), (line) => refused.push(line));
  const send = (datagram: string | Uint8Array) => {
    const bytes = typeof datagram === "string" ? new TextEncoder().encode(datagram) : datagram;
    const room = new Uint8Array(bytes.length + 1 + READ_AHEAD);
    room.set(bytes);
    heart.ingestDatagram(room, 0, bytes.length);
  };
  return { heart, send, refused };
}

function flush(intervals: Interval[], config: Partial<FlushConfig> = {}): Record<string, number> {
  const tables = intervals.map(({ table }) => SeriesTable.adopt(structuredClone(table), HEART));
  mergeTables(tables);
  const points: Point[] = [];
  const run = new FlushRun(tables, { ...FLUSH, ...config }, 1_700_000_010);
  while (run.next((point) => points.push(point), 1));
  assert.equal(FlushRun.count(tables, { ...FLUSH, ...config }).points, points.length);
  const at = (timestamp: number) => timestamp === 1_700_000_010 ? "" : `@${timestamp}`;
  return Object.fromEntries(
    points.map(({ name, tags, timestamp, value, total }) => [`${name}[${tags}]${at(timestamp)}`, total ?? value]),
  );
}

Deno.test("Heart sums counters, keeps the last gauge, and knows a series by its sorted tags", () => {
  const { heart, send } = newHeart();
  send("k:1|c|#b,a\nk:1|c|#a,b\nk:1|c|@0.5|#b,,a,a\nk:1|c");
  send("g:3|g\ng:-1|g");
  assert.deepEqual(flush([heart.swap()]), { "k[a,b]": 4, "k[]": 1, "g[]": -1 });
  assert.equal(heart.series, 0, "a flush forgets every series");
});

Deno.test("Heart tells apart a histogram and a timer of one name, and a gauge and a counter", () => {
  const { heart, send } = newHeart();
  send("k:1|h\nk:2|ms\nk:3|d");
  send("v:1|c\nv:5|g");
  const interval = heart.swap();
  assert.equal(interval.table.series, 4);
});

Deno.test("Heart merges what several threads saw: sums, the newest gauge, sets and digests", () => {
  const budget = new Int32Array(1);
  const [one, two, three] = [newHeart({}, budget), newHeart({}, budget), newHeart({}, budget)];
  one.heart.setTime(0, 50);
  two.heart.setTime(0, 70);
  three.heart.setTime(0, 60);
  one.send("c:1|c|#b,a\ng:1|g\nu:x|s\nh:10|h\nonly.one:1|c");
  two.send("c:2|c|#a,b\ng:2|g\nu:y|s\nu:x|s\nh:20|h");
  three.send("c:4|c|#a,b\ng:3|g\nh:60|h\nonly.three:7|c");
  const flushed = flush([one.heart.swap(), two.heart.swap(), three.heart.swap()]);
  assert.deepEqual(flushed, {
    "c[a,b]": 7,
    "g[]": 2,
    "u[]": 2,
    "h.max[]": 60,
    "h.min[]": 10,
    "h.count[]": 3,
    "h.50percentile[]": 27.5, // of 10, 20, 60: halfway through the bounds 15 and 40 of the middle one
    "only.one[]": 1,
    "only.three[]": 7,
  });
  assert.equal(budget[0], 0, "each series went back to the budget");
});

Deno.test("Heart keeps samples with a timestamp apart from those without", () => {
  const { heart, send } = newHeart();
  send("a:3|c|T1700000000\na:4|c|T1700000000\na:1|c\na:1:2|c|T1600000000|#t\ng:1|g|T5\ng:2|g|T5");
  assert.deepEqual(flush([heart.swap()]), {
    "a[]@1700000000": 7,
    "a[]": 1,
    "a[t]@1600000000": 3,
    "g[]@5": 2,
  });
});

Deno.test("Heart refuses series above the bound and counts each sample of theirs", () => {
  const budget = new Int32Array(1);
  const { heart, send } = newHeart({ maxSeries: 2 }, budget);
  send("a:1|c\nb:1|c\nc:1|c\nc:1:2|h\na:1|c");
  assert.equal(heart.stats[At.samples], 6);
  assert.equal(heart.stats[At.refusedSeries], 3);
  assert.deepEqual(flush([heart.swap()]), { "a[]": 2, "b[]": 1 });
  send("c:1|c");
  assert.deepEqual(flush([heart.swap()]), { "c[]": 1 }, "a flush makes room");
});

Deno.test("Heart holds thousands of series whose tables grow while they are filled", () => {
  const { heart, send } = newHeart({ maxSeries: 100_000 });
  const types = ["c", "g", "ms", "s"];
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 20_000; i++) send(`series.${i}:${i}|${types[i % 4]}|#z:${i % 7},a:1`);
  }
  const flushed = flush([heart.swap()], { aggregates: ["max"], percentiles: [] });
  assert.equal(Object.keys(flushed).length, 20_000);
  assert.equal(flushed["series.4000[a:1,z:3]"], 8_000);
  assert.equal(flushed["series.4001[a:1,z:4]"], 4_001);
  assert.equal(flushed["series.4002.max[a:1,z:5]"], 4_002);
  assert.equal(flushed["series.4003[a:1,z:6]"], 1);
});

Deno.test("Heart keeps whole lines of a datagram that is too long, and counts the rest once", () => {
  const { heart, send, refused } = newHeart({ metricMaxLength: 16 });
  send("aaaa:1|c\nbbbb:1|c\ncccc:1|c");
  assert.deepEqual(flush([heart.swap()]), { "aaaa[]": 1 });
  assert.deepEqual(refused.map(({ reason }) => reason), ["toolong"]);
  send("aaaa:12345678|c"); // 15 bytes
  send("aaaa:123456789|c"); // 16
  assert.equal(flush([heart.swap()])["aaaa[]"], 12345678 + 123456789);
});

const DATAGRAMS: [datagram: string, accepted: number, rejected: number, empty: number][] = [
  ["a:1|c\nb:2|g", 2, 0, 0],
  ["\na:1|c\n\n", 1, 0, 2],
  ["", 0, 0, 0],
  ["a:1|c\r\nb:1|c|#t\r", 2, 0, 0],
  ["\r\n", 0, 0, 1],
  ["a:1|c\nbad\nb:1|c", 2, 1, 0],
  ["_sc|db.up|0\n_sc|db.up|9\n_e{2,3}:Up|yes\n_e{2}:Up|yes\n_scratch:1|c\n_e2:1|c\n_sc", 4, 3, 0],
];
for (const [datagram, accepted, rejected, empty] of DATAGRAMS) {
  Deno.test(`Heart counts the lines of ${JSON.stringify(datagram)}`, () => {
    const { heart, send, refused } = newHeart();
    send(datagram);
    assert.equal(acceptedLines(heart.stats), accepted);
    assert.equal(rejectedLines(heart.stats), rejected);
    assert.equal(refused.length, rejected);
    assert.equal(heart.stats[At.empty], empty);
    assert.equal(heart.stats[At.lines], accepted + rejected + empty);
    assert.equal(heart.stats[At.datagrams], 1);
  });
}

Deno.test("Heart bounds the events and checks of one flush, and counts those beyond", () => {
  const { heart, send } = newHeart();
  for (let i = 0; i < 5; i++) send(`_e{1,1}:${i}|x\n_sc|c${i}|0`);
  const { events, checks } = heart.swap();
  assert.equal(events.length, 3);
  assert.equal(checks.length, 3);
  assert.equal(heart.stats[At.refusedEvents], 4);
});

Deno.test("Heart makes one series of text that is not UTF-8 and of the U+FFFD it is read as", () => {
  const { heart, send } = newHeart();
  send(new Uint8Array([0x61, 0xff, 0x3a, 0x31, 0x7c, 0x63])); // a, a stray byte, :1|c
  send("a\ufffd:2|c");
  assert.deepEqual(flush([heart.swap()]), { "a\ufffd[]": 3 });
});

Deno.test("Heart counts every line of mutated datagrams once, whatever the bytes", () => {
  const { heart, send } = newHeart({ maxSeries: 500, metricMaxLength: 60 });
  const seeds = [
    "a.b:1|c|@0.5|#x:1,y",
    "_e{5,7}:Start|v2 live|#t",
    "_sc|db.up|2|m:no",
    "u:1:2:3|h\nv:é|s\r\n\nw:-1e3|g",
  ];
  let state = 20_261_121;
  const next = (below: number) => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return ((state ^ state >>> 13) >>> 0) % below;
  };
  for (let round = 0; round < 50_000; round++) {
    const bytes = new TextEncoder().encode(seeds[next(seeds.length)]! + seeds[next(seeds.length)]!);
    for (let edits = next(4); edits > 0; edits--) bytes[next(bytes.length)] = next(256);
    send(bytes.subarray(next(3), bytes.length - next(5)));
  }
  const { stats } = heart;
  assert.equal(stats[At.lines], acceptedLines(stats) + rejectedLines(stats) + stats[At.empty]!);
  assert.ok(acceptedLines(stats) > 10_000 && rejectedLines(stats) > 10_000);
  assert.ok(Object.keys(flush([heart.swap()])).length > 400);
});
