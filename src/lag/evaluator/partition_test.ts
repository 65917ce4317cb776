import assert from "node:assert/strict";
import type { CommitEntry } from "../storage/window_store.ts";
import type { Int64 } from "../wire/int64.ts";
import { type Judgement, judgePartition } from "./partition.ts";
import { Status, statusText } from "./status.ts";

const RULES: Judgement = { minimumComplete: 0, minimumCommits: 1, allowedLag: 0, stopAfterMs: 0 };

/** A window with times 1000 s, 1060 s and so on; the end was measured before each commit, unless `fresh` says otherwise. */
function windowOf(
  offsets: readonly Int64[],
  lags: readonly (Int64 | null)[],
  fresh: readonly number[] = [],
): CommitEntry[] {
  return offsets.map((offset, i) => {
    const timestamp = 1_000_000 + 60_000 * i;
    const isFresh = fresh.length === 0 || fresh.includes(i);
    return { offset, order: i, timestamp, observedAt: timestamp, lag: lags[i]!, fresh: isFresh };
  });
}

const RISING = [100, 110, 120, 130, 140];
const BIG = 2n ** 60n;

const judged: [
  what: string,
  window: CommitEntry[],
  ends: Int64[],
  lag: Int64,
  nowS: number,
  status: keyof typeof Status,
][] = [
  ["unknown lags are passed over", windowOf(RISING, [null, 10, null, 12, null]), [160], 20, 1300, "warn"],
  [
    "all lags unknown are no proof of progress",
    windowOf(RISING, [null, null, null, null, null]),
    [160],
    20,
    1300,
    "warn",
  ],
  ["an unknown lag between two that fall", windowOf(RISING, [20, null, 10, null, null]), [160], 20, 1300, "ok"],
  [
    "lags beyond 2^53 that grow by one",
    windowOf(RISING, [BIG, BIG + 1n, BIG + 2n, BIG + 3n, BIG + 4n]),
    [160],
    20,
    1300,
    "warn",
  ],
  ["lags beyond 2^53 that fall by one", windowOf(RISING, [BIG + 2n, BIG + 1n, BIG, BIG, BIG]), [160], 20, 1300, "ok"],
  [
    "offsets beyond 2^53 that go back by one",
    windowOf([BIG, BIG + 2n, BIG + 1n], [5, 5, 5]),
    [BIG * 2n],
    20,
    1100,
    "rewind",
  ],
  ["a stop is measured in whole seconds", windowOf(RISING, [5, 6, 7, 8, 9]), [160], 20, 1480.999, "warn"],
  [
    "two stretches, lag falling in each, growing from one to the next",
    windowOf(RISING, [30, 20, 40, 35, 31], [0, 2]),
    [130, 171],
    31,
    1300,
    "warn",
  ],
  [
    "two stretches, lag falling from one to the next",
    windowOf(RISING, [30, 20, 40, 35, 19], [0, 2]),
    [130, 159],
    19,
    1300,
    "ok",
  ],
  ["one stretch", windowOf(RISING, [50, 40, 30, 20, 10], [0]), [140, 150], 10, 1300, "warn"],
  ["one stretch of an end that was measured once", windowOf(RISING, [50, 40, 30, 20, 10], [0]), [150], 10, 1300, "ok"],
  ["the last known lag of a stretch", windowOf(RISING, [50, null, 60, 49, null], [0, 2]), [140, 150], 10, 1300, "ok"],
];
for (const [what, window, ends, lag, nowS, status] of judged) {
  Deno.test(`judgePartition() says ${status}: ${what}`, () => {
    const state = { offsets: window, brokerOffsets: ends, currentLag: lag };
    assert.equal(statusText(judgePartition(state, nowS * 1000, RULES).status), statusText(Status[status]));
  });
}

Deno.test("judgePartition() finds nothing in a window without commits", () => {
  const empty = { brokerOffsets: [5], currentLag: 5 };
  const nothing = { status: Status.ok, complete: 0, start: null, end: null };
  assert.deepEqual(judgePartition({ ...empty, offsets: [] }, 0, RULES), nothing);
  assert.deepEqual(judgePartition({ ...empty, offsets: [null, null, null] }, 0, RULES), nothing);
});

Deno.test("judgePartition() holds how much is filled against its minimum as float32", () => {
  const offsets = [...Array(3).fill(null), ...windowOf([1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7])];
  const state = { offsets, brokerOffsets: [100], currentLag: 93 };
  assert.equal(judgePartition(state, 1_400_000, { ...RULES, minimumComplete: 0.7 }).status, Status.warn);
  assert.equal(judgePartition(state, 1_400_000, { ...RULES, minimumComplete: 0.71 }).status, Status.ok);
  assert.equal(judgePartition(state, 1_400_000, RULES).complete, Math.fround(0.7));
});

Deno.test("statusText() has a word for any number", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7, -1].map(statusText), [
    "NOTFOUND",
    "OK",
    "WARN",
    "ERR",
    "STOP",
    "STALL",
    "REWIND",
    "UNKNOWN",
    "UNKNOWN",
  ]);
});
