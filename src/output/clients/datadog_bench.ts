import { BatchBuilder, type Point } from "../../metric/mod.ts";
import { DatadogEncoder } from "./datadog_encode.ts";

/** A flush of 2,000 histograms with five points each, which share host and tags, and as many counters and gauges. */
const points: Point[] = [];
for (let i = 0; i < 2_000; i++) {
  const tags = [`az:eu-west-1${"abc"[i % 3]}`, "env:prod", `route:/v1/items/${i}`, "service:checkout"];
  const common = { timestamp: 1_700_000_010, host: "web1.example.com", tags } as const;
  for (const aggregate of ["max", "min", "avg", "95percentile"]) {
    points.push({ ...common, name: `http.request.duration.${aggregate}`, type: "gauge", value: i / 7 });
  }
  points.push({ ...common, name: "http.request.duration.count", type: "rate", value: i / 10, interval: 10 });
}
for (let i = 0; i < 10_000; i++) {
  const tags = ["env:prod", `shard:${i}`, "service:checkout"];
  const common = { timestamp: 1_700_000_010, host: "web1.example.com", tags } as const;
  points.push(
    i % 2 === 0
      ? { ...common, name: "queue.depth", type: "gauge", value: i }
      : { ...common, name: "queue.pushed", type: "rate", value: i / 10, interval: 10 },
  );
}

Deno.bench(`DatadogEncoder, ${points.length} points`, { group: "series", baseline: true }, () => {
  const encoder = new DatadogEncoder();
  const out = new BatchBuilder("points", 1_700_000_010);
  for (const point of points) {
    encoder.point(point, out);
    out.endEvent();
  }
  out.build();
});

Deno.bench(`JSON.stringify, ${points.length} points`, { group: "series" }, () => {
  const out = new BatchBuilder("points", 1_700_000_010);
  for (const { name, timestamp, value, tags, type, host, interval } of points) {
    out.appendText(JSON.stringify({ metric: name, points: [[timestamp, value]], tags, type, host, interval }));
    out.endEvent();
  }
  out.build();
});
