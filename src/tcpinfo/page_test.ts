import assert from "node:assert/strict";
import { newPageReader } from "./page_testing.ts";
import { metricsPage } from "./page.ts";
import { At, Histogram, newStats, observe } from "./stats.ts";

const { line, bounds } = newPageReader((stats) => metricsPage(stats, { slowClients: 2 }));

Deno.test("metricsPage() has the counters of tcp-info by its names", () => {
  const stats = newStats();
  stats[At.opened] = 5;
  stats[At.closedAbsent] = 1;
  stats[At.closedDestroyed] = 2;
  stats[At.files] = 1_234_567;
  stats[At.wrongSequence] = 3;
  const want = [
    'tcpinfo_flow_events_total{event="open"} 5',
    'tcpinfo_flow_events_total{event="close"} 3',
    "tcpinfo_new_file_total 1.234567e+06",
    'tcpinfo_error_total{type="wrong seq num"} 3',
    'tcpinfo_error_total{type="slow client"} 2',
    'git_short_commit{commit="No commit specified"} 0',
  ];
  for (const text of want) assert.ok(line(stats, text), text);
});

Deno.test("metricsPage() has tcp-info's buckets, their bounds as Go writes them", () => {
  const stats = newStats();
  observe(stats, Histogram.sendRate, 0);
  observe(stats, Histogram.sendRate, 816_000);
  assert.ok(line(stats, 'tcpinfo_send_rate_histogram_bucket{le="0"} 1'));
  assert.ok(line(stats, 'tcpinfo_send_rate_histogram_bucket{le="1e+06"} 2'));
  assert.ok(line(stats, 'tcpinfo_send_rate_histogram_bucket{le="+Inf"} 2'));
  assert.ok(line(stats, "tcpinfo_send_rate_histogram_sum 816000"));
  assert.equal(bounds(stats, "tcpinfo_send_rate_histogram").length, 4 + 5 * 6 + 10 + 1 + 1);
  assert.deepEqual(bounds(stats, "tcpinfo_polling_interval_histogram").slice(0, 3), ["0", "0.001", "0.002"]);
  assert.equal(bounds(stats, "tcpinfo_polling_interval_histogram").length, 31);
  const syscall = bounds(stats, 'tcpinfo_syscall_time_histogram{af="ipv4"}');
  assert.deepEqual(syscall.slice(0, 4), ["0.001", "0.00125", "0.0016", "0.002"]);
  assert.deepEqual(syscall.slice(-3), ["0.16", "0.2", "+Inf"]);
  const cache = bounds(stats, "tcpinfo_cache_count_histogram");
  assert.deepEqual(cache.slice(0, 9), ["1", "2", "3", "4", "5", "6", "8", "10", "12.5"]);
  assert.deepEqual(cache.slice(-3), ["79000", "1e+07", "+Inf"]);
});
