import { newStats } from "./stats.ts";
import { Heart } from "./heart.ts";
import { newMetricLine } from "./metric_line.ts";
import { parseCommon, READ_AHEAD } from "./metric_scan.ts";
import { parseLine } from "./metric_wire.ts";

// Times are of so many lines at once: 4 counters, 2 gauges, 3 timers and 1 set in ten, over 1,000 series.
const LINES = 10_000;

function line(i: number): string {
  const series = String(i % 1_000).padStart(4, "0");
  const tags = `|#env:prod,route:r${i % 7}`;
  switch (i % 10) {
    case 0:
    case 1:
    case 2:
    case 3:
      return `web.requests.${series}:${1 + i % 9}|c${tags}`;
    case 4:
    case 5:
      return `web.inflight.${series}:${i % 50}.${i % 10}|g${tags}`;
    case 6:
    case 7:
    case 8:
      return `web.latency.${series}:${i % 90}.${i % 10}|ms${tags}`;
    default:
      return `web.users.${series}:u${i % 500}|s${tags}`;
  }
}

const text = new TextEncoder().encode(Array.from({ length: LINES }, (_, i) => line(i) + "\n").join(""));
const buffer = new Uint8Array(text.length + 1 + READ_AHEAD);
buffer.set(text);
const words = new DataView(buffer.buffer);
const record = newMetricLine();
const group = `${LINES} lines of ${Math.round(text.length / LINES)} bytes`;

Deno.bench("floor: find the end of each line", { group, baseline: true }, () => {
  for (let at = 0; at < text.length;) at = buffer.indexOf(0x0a, at) + 1;
});

Deno.bench("parseCommon()", { group }, () => {
  for (let at = 0; at < text.length; at = record.lineEnd + 1) {
    if (!parseCommon(buffer, words, at, record)) throw new Error("not common");
  }
});

Deno.bench("parseLine(), which any line may need", { group }, () => {
  for (let at = 0; at < text.length;) {
    const end = buffer.indexOf(0x0a, at);
    parseLine(buffer, at, end, record);
    at = end + 1;
  }
});

const heart = new Heart(
  { extendTags: [], maxSeries: 1e6, maxTagsPerMetric: 0, isLocal: false, metricMaxLength: 1e9, maxEvents: 1 },
  new Int32Array(1),
  newStats(),
);
Deno.bench("Heart.ingestDatagram(): parse, look up, sample", { group }, () => {
  heart.ingestDatagram(buffer, 0, text.length);
});

const decoder = new TextDecoder();
Deno.bench("the same lines by split() and Number()", { group }, () => {
  const seen = new Map<string, number>();
  for (const one of decoder.decode(text).split("\n")) {
    const [name, rest] = one.split(":", 2);
    if (rest === undefined) continue;
    const [value, type, tags] = rest.split("|");
    const key = `${name}${type}${tags}`;
    seen.set(key, (seen.get(key) ?? 0) + Number(value));
  }
});
