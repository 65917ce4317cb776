import assert from "node:assert/strict";
import { collectForwarded, UndeliveredForwards } from "./forward_collect.ts";
import type { ForwardedSeries } from "./forward_wire.ts";
import { Heart } from "./heart.ts";
import { READ_AHEAD } from "./metric_scan.ts";
import { SeriesTable } from "./series_table.ts";
import { newStats } from "./stats.ts";

const CONFIG = {
  extendTags: [],
  maxSeries: 1e6,
  maxTagsPerMetric: 0,
  isLocal: true,
  metricMaxLength: 8192,
  maxEvents: 1,
};

/** What an interval with these lines hands on. */
function forwardedOf(lines: string): ForwardedSeries[] {
  const heart = new Heart(CONFIG, new Int32Array(1), newStats());
  const bytes = new TextEncoder().encode(lines);
  const room = new Uint8Array(bytes.length + 1 + READ_AHEAD);
  room.set(bytes);
  heart.ingestDatagram(room, 0, bytes.length);
  return collectForwarded([SeriesTable.adopt(heart.swap().table, CONFIG)]);
}

/** A series as text: what it hands on, in short. */
function shown({ name, tags, isGlobal, value }: ForwardedSeries): string {
  const what = value.type === "counter"
    ? value.total
    : value.type === "gauge"
    ? value.value
    : value.type === "set"
    ? value.sketch.estimate()
    : value.digest.centroids().map(({ mean, weight }) => `${mean}x${weight}`);
  return `${name}[${tags}] ${isGlobal ? "global " : ""}${value.type} ${what}`;
}

Deno.test("collectForwarded() takes what a local instance leaves to a global one", () => {
  const lines = [
    "hits:2|c|#env:prod",
    "temp:21.5|g",
    "lat:40|ms|@0.5|#env:prod",
    "lat:10|ms|#env:prod",
    "solo:8|h|#veneurlocalonly",
    "uniq:a|s",
    "mine:a|s|#veneurlocalonly",
    "orders:7|c|#veneurglobalonly,shop:1",
    "level:3|g|#veneurglobalonly",
    "size:5|h|#veneurglobalonly",
  ];
  assert.deepEqual(forwardedOf(lines.join("\n")).map(shown), [
    "lat[env:prod] timer 10x1,40x2",
    "uniq[] set 1",
    "orders[shop:1] global counter 7",
    "level[] global gauge 3",
    "size[] global histogram 5x1",
  ]);
});

Deno.test("collectForwarded() forwards a global counter with a timestamp under its key", () => {
  assert.deepEqual(forwardedOf("c:1|c|T5|#veneurglobalonly\nc:2|c|#veneurglobalonly").map(shown), [
    "c[] global counter 3",
  ]);
});

Deno.test("UndeliveredForwards adds what was refused to the next forward", () => {
  const undelivered = new UndeliveredForwards();
  const lines = "c:1|c|#veneurglobalonly\ng:1|g|#veneurglobalonly\nt:10|ms\nu:a|s";
  undelivered.keep(undelivered.joinWith(forwardedOf(lines)));
  assert.equal(undelivered.size, 4);
  const next = forwardedOf("c:2|c|#veneurglobalonly\ng:5|g|#veneurglobalonly\nt:30|ms\nu:b|s\nu:a|s\nnew:1|h");
  assert.deepEqual(undelivered.joinWith(next).map(({ series }) => shown(series)), [
    "c[] global counter 3",
    "g[] global gauge 5",
    "t[] timer 10x1,30x1",
    "u[] set 2",
    "new[] histogram 1x1",
  ]);
  assert.equal(undelivered.size, 0);
});

Deno.test("UndeliveredForwards gives up and counts what three intervals could not deliver", () => {
  const undelivered = new UndeliveredForwards();
  let waiting = undelivered.joinWith(forwardedOf("c:1|c|#veneurglobalonly"));
  for (let interval = 1; interval < 3; interval++) {
    undelivered.keep(waiting);
    assert.equal(undelivered.size, 1);
    waiting = undelivered.joinWith([]);
  }
  undelivered.keep(waiting);
  assert.equal(undelivered.size, 0);
  assert.equal(undelivered.dropped, 1);
});
