import assert from "node:assert/strict";
import { Status } from "../evaluator/status.ts";
import { decide, type Decision } from "./decision.ts";

const { ok, warn, err } = Status;
const LONG_AGO = 0;
const NOW = 1_000_000;

interface Row {
  readonly threshold: number;
  readonly status: Status;
  readonly open: boolean;
  readonly sendClose?: boolean;
  readonly sendOnce?: boolean;
  readonly last?: number;
  readonly decision: Decision;
}

const rows: readonly Row[] = [
  { threshold: 1, status: ok, open: false, sendClose: true, decision: "open" },
  { threshold: 1, status: ok, open: true, decision: "open" },
  { threshold: 1, status: ok, open: true, sendClose: true, sendOnce: true, decision: "close" },
  { threshold: 1, status: warn, open: true, decision: "open" },
  { threshold: 1, status: warn, open: true, sendClose: true, sendOnce: true, last: LONG_AGO, decision: "nothing" },
  { threshold: 3, status: warn, open: true, sendClose: true, decision: "nothing" },
  { threshold: 2, status: ok, open: false, sendClose: true, decision: "nothing" },
  { threshold: 2, status: ok, open: true, decision: "nothing" },
  { threshold: 2, status: ok, open: true, sendClose: true, decision: "close" },
  { threshold: 3, status: ok, open: true, sendClose: true, decision: "close" }, // though none was opened
  { threshold: 2, status: err, open: true, last: NOW - 60_000, decision: "nothing" }, // not more than the interval
  { threshold: 2, status: err, open: true, last: NOW - 60_001, decision: "open" },
  { threshold: 2, status: err, open: true, sendOnce: true, last: NOW - 60_001, decision: "nothing" },
];

for (const { threshold, status, open, sendClose = false, sendOnce = false, last, decision } of rows) {
  Deno.test(`decide() of ${JSON.stringify({ threshold, status, open, sendClose, sendOnce, last })}: ${decision}`, () => {
    const settings = { threshold, sendClose, sendOnce, sendIntervalMs: 60_000 };
    assert.equal(decide(settings, status, open, last, NOW), decision);
  });
}
