import assert from "node:assert/strict";
import { booksOf, settledBooks } from "./books.ts";

const page = (received: number, drops: number) => ({
  limier_statsd_datagrams_received_total: received,
  limier_statsd_datagrams_dropped_total: drops,
  limier_statsd_lines_seen_total: 9,
  limier_statsd_lines_accepted_total: 4,
  limier_statsd_lines_empty_total: 2,
  'limier_statsd_lines_rejected_total{reason="no_colon"}': 2,
  'limier_statsd_lines_rejected_total{reason="toolong"}': 1,
  limier_statsd_samples_accepted_total: 5,
  limier_statsd_samples_aggregated_total: 3,
  limier_statsd_samples_refused_total: 2,
});

Deno.test("booksOf() reads the page, and sums what was rejected", () => {
  assert.deepEqual(booksOf(page(7, 1)), {
    received: 7,
    drops: 1,
    lines: 9,
    accepted: 4,
    rejected: 3,
    reasons: { no_colon: 2, toolong: 1 },
    empty: 2,
    samples: 5,
    aggregated: 3,
    refused: 2,
  });
});

Deno.test("booksOf() gives no number for what the page has not", () => {
  assert.equal(booksOf({}).received, NaN);
});

Deno.test("settledBooks() waits until everything sent is accounted for", async () => {
  const pages = [page(5, 0), page(7, 0), page(7, 1), page(8, 1)];
  const books = await settledBooks({ metrics: () => Promise.resolve(pages.shift()!) }, 8);
  assert.deepEqual([books.received, books.drops, pages.length], [7, 1, 1]);
});
