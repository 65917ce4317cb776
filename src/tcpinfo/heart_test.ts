import assert from "node:assert/strict";
import { answering, type MadeSocket, madeSocket, Watched } from "./heart_testing.ts";
import { At, Histogram, readHistogram } from "./stats.ts";
import { Exclusion } from "./wire_exclusion.ts";
import { Refusal } from "./wire.ts";

const a: MadeSocket = { cookie: 10n }, b: MadeSocket = { cookie: 11n };

Deno.test("Heart opens a connection with its first record and closes it after three absences in a row", () => {
  const watched = new Watched();
  assert.deepEqual(watched.cycle([a, b]), [
    "open 10",
    "snapshot 10 PreviousWasNil",
    "open 11",
    "snapshot 11 PreviousWasNil",
  ]);
  const later = [[b], [a, b], [b], [b], [b], [b]].map((sockets) => watched.cycle(sockets));
  assert.deepEqual(later, [[], [], [], [], ["close 10 absent"], []]);
});

Deno.test("Heart asks the kernel about a connection that a dump lacks", () => {
  const watched = new Watched();
  watched.cycle([a, b]);
  const complete = { inet: true, inet6: true };
  assert.deepEqual(watched.cycle([b], 0, complete, answering({ 10: 1 })), []);
  assert.deepEqual(watched.cycle([a, b], 0, complete, answering({})), []);
  assert.deepEqual(watched.cycle([b], 0, complete, answering({ 10: "gone" })), ["close 10 absent"]);
});

Deno.test("Heart takes TIME_WAIT for gone", () => {
  const watched = new Watched();
  watched.cycle([a]);
  const lookup = answering({ 10: 6 });
  assert.deepEqual(watched.cycle([], 0, { inet: true, inet6: true }, lookup), ["close 10 absent"]);
  assert.deepEqual(lookup.asked, ["10"]);
});

Deno.test("Heart waits for the third absence where the kernel does not answer", () => {
  const watched = new Watched();
  watched.cycle([a]);
  const lookup = answering({});
  const complete = { inet: true, inet6: true };
  const said = [0, 1, 2].map(() => watched.cycle([], 0, complete, lookup));
  assert.deepEqual(said, [[], [], ["close 10 absent"]]);
  assert.equal(watched.heart.stats[At.lookupFailures], 3);
});

Deno.test("Heart asks about 256 connections a cycle at most", () => {
  const watched = new Watched();
  const many = Array.from({ length: 300 }, (_, i) => ({ cookie: BigInt(i + 1) }));
  watched.cycle(many);
  const lookup = answering(Object.fromEntries(many.map(({ cookie }) => [String(cookie), "gone"] as const)));
  assert.equal(watched.cycle([], 0, { inet: true, inet6: true }, lookup).length, 256);
  assert.equal(watched.cycle([], 0, { inet: true, inet6: true }, lookup).length, 44);
});

Deno.test("Heart judges no connection by a dump that failed", () => {
  const watched = new Watched();
  watched.cycle([a, { ...b, family: 10 }]);
  const failed = { inet: false, inet6: true };
  const said = Array.from({ length: 3 }, () => watched.cycle([], 0, failed));
  assert.deepEqual(said, [[], [], ["close 11 absent"]]);
  assert.equal(watched.heart.stats[At.incompleteCycles], 3);
  const later = Array.from({ length: 3 }, () => watched.cycle([]));
  assert.deepEqual(later, [[], [], ["close 10 absent"]]);
});

Deno.test("Heart compares with the poll before, not with the record that was written", () => {
  const watched = new Watched();
  const with_ = (times: number, pacing: number): MadeSocket => ({ cookie: 1n, info: { 44: times, 104: pacing } });
  assert.equal(watched.cycle([with_(0, 0)]).length, 2);
  assert.deepEqual(watched.cycle([with_(9, 0)]), []);
  assert.deepEqual(watched.cycle([with_(9, 1)]), ["snapshot 1 StateOrCounterChange"]);
  assert.deepEqual(watched.cycle([with_(9, 0)]), ["snapshot 1 StateOrCounterChange"]);
});

Deno.test("Heart counts a cookie that a dump has twice, and does not open it again", () => {
  const watched = new Watched();
  assert.deepEqual(watched.cycle([a, a]), ["open 10", "snapshot 10 PreviousWasNil"]);
  const { stats } = watched.heart;
  assert.equal(stats[At.duplicates], 1);
  assert.equal(stats[At.messages], stats[At.archived]! + stats[At.duplicates]!);
});

Deno.test("Heart.observe() refuses what it cannot follow, and counts each message once", () => {
  const watched = new Watched({
    maxConnections: 2,
    exclusion: new Exclusion({ local: true, sourcePorts: [22], destinations: ["203.0.113.9"] }),
  });
  const excluded = madeSocket();
  excluded.set([203, 0, 113, 9], 24);
  const local = madeSocket();
  local.set([127, 0, 0, 1], 24);
  const torn = madeSocket({ attributes: { 5: "10" } });
  torn[72] = 3;
  const rows: [bytes: Uint8Array, outcome: unknown, at: number][] = [
    [madeSocket({ cookie: 1n }), Refusal.none, At.archived],
    [madeSocket({ cookie: 1n }).subarray(0, 71), Refusal.short, At.rejectedShort],
    [torn, Refusal.attribute, At.rejectedAttribute],
    [madeSocket({ cookie: 0n }), "cookie", At.rejectedCookie],
    [madeSocket({ sourcePort: 22 }), Refusal.none, At.excludedSourcePort],
    [local, Refusal.none, At.excludedLocal],
    [excluded, Refusal.none, At.excludedDestination],
    [madeSocket({ cookie: 2n, family: 10 }), Refusal.none, At.archived],
    [madeSocket({ cookie: 3n }), "bound", At.rejectedBound],
    [madeSocket({ cookie: 1n }), Refusal.none, At.duplicates],
  ];
  const { stats } = watched.heart;
  watched.heart.beginCycle();
  for (const [i, [bytes, outcome, at]] of rows.entries()) {
    const before = stats[at]!;
    assert.equal(watched.observe(bytes), outcome, `row ${i}`);
    assert.equal(stats[at], before + 1, `row ${i}`);
  }
  const outcomes = [
    At.archived,
    At.unchanged,
    At.duplicates,
    At.excludedSourcePort,
    At.excludedLocal,
    At.excludedDestination,
    At.rejectedShort,
    At.rejectedAttribute,
    At.rejectedCookie,
    At.rejectedBound,
  ];
  assert.equal(stats[At.messages], outcomes.reduce((sum, at) => sum + stats[at]!, 0));
});

Deno.test("Heart's totals pass from an open connection to a mini-socket to a closed one without falling", () => {
  const watched = new Watched();
  const { stats } = watched.heart;
  const totals: number[] = [];
  const cycle = (...sockets: MadeSocket[]) => {
    watched.cycle(sockets);
    totals.push(stats[At.sentBytes]!);
  };
  cycle({ sent: 900 });
  cycle({ sent: 1000, state: 4 });
  cycle({ state: 5, infoBytes: 0, attributes: { 15: "00000000" } });
  cycle();
  cycle();
  cycle();
  cycle({ cookie: 2n, sent: 5 });
  assert.deepEqual(totals, [900, 1000, 1000, 1000, 1000, 1000, 1005]);
  assert.equal(watched.closed_[0]?.summary.sentBytes, 1000);
});

Deno.test("Heart writes a mini-socket once", () => {
  const watched = new Watched();
  watched.cycle([{ state: 4 }]);
  const mini: MadeSocket = { state: 5, infoBytes: 0 };
  assert.deepEqual(watched.cycle([mini]), ["snapshot 1 IDiagStateChange"]);
  assert.deepEqual(watched.cycle([mini]), []);
});

Deno.test("Heart does not count the bytes of a connection again that reappears after it was closed", () => {
  const watched = new Watched();
  watched.cycle([{ sent: 700 }]);
  for (let i = 0; i < 3; i++) watched.cycle([]);
  assert.deepEqual(watched.cycle([{ sent: 800 }]), ["open 1", "snapshot 1 PreviousWasNil"]);
  assert.equal(watched.heart.stats[At.sentBytes], 800);
});

Deno.test("Heart.notified() records the final counters of a connection at once, and closes it when a dump lacks it", () => {
  const watched = new Watched();
  watched.cycle([{ sent: 100, received: 10 }]);
  assert.deepEqual(watched.notified({ sent: 500, received: 60 }), ["snapshot 1 IDiagStateChange"]);
  assert.equal(watched.heart.stats[At.sentBytes], 500);
  assert.deepEqual(watched.cycle([{ state: 5, infoBytes: 0 }]), ["snapshot 1 IDiagStateChange"]);
  assert.deepEqual(watched.cycle([]), ["close 1 destroyed"]);
  assert.equal(watched.closed_[0]?.summary.receivedBytes, 60);
});

Deno.test("Heart.notified() keeps a connection's counters and addresses when the kernel has cleared them", () => {
  const watched = new Watched();
  watched.cycle([{ sent: 100, received: 10 }]);
  assert.deepEqual(watched.notified({ destinationPort: 0, sent: 0, received: 0 }), []);
  assert.deepEqual(watched.cycle([]), ["close 1 destroyed"]);
  assert.equal(watched.closed_[0]?.summary.sentBytes, 100);
});

Deno.test("Heart.notified() opens a connection that lived between two polls, and a dump that lacks it closes it", () => {
  const watched = new Watched();
  watched.cycle([]);
  assert.deepEqual(watched.notified({ sent: 70 }), ["open 1", "snapshot 1 PreviousWasNil"]);
  assert.equal(watched.heart.stats[At.missed], 1);
  assert.deepEqual(watched.cycle([]), ["close 1 destroyed"]);
});

Deno.test("Heart.notified() within a cycle is not judged by that cycle's dump", () => {
  const watched = new Watched();
  watched.heart.beginCycle();
  watched.notified({ sent: 70 });
  watched.heart.endCycle({ inet: true, inet6: true }, 0, 0);
  assert.deepEqual(watched.said(), []);
  assert.deepEqual(watched.cycle([]), ["close 1 destroyed"]);
});

Deno.test("Heart.notified() only counts what lived between two polls where that is not archived", () => {
  const watched = new Watched({ missed: false });
  assert.deepEqual(watched.notified({ sent: 70 }), []);
  watched.cycle([]);
  assert.equal(watched.heart.stats[At.missed], 1);
  assert.equal(watched.heart.stats[At.sentBytes], 70);
});

const ignored: [why: string, socket: MadeSocket][] = [
  ["a listener", { destinationPort: 0 }],
  ["a socket that was never bound", { sourcePort: 0 }],
  ["a cookie of 0", { cookie: 0n }],
];
for (const [why, socket] of ignored) {
  Deno.test(`Heart.notified() ignores ${why}`, () => {
    const watched = new Watched();
    assert.deepEqual(watched.notified(socket), []);
    assert.equal(watched.heart.stats[At.ignored], 1);
    assert.equal(watched.heart.stats[At.missed], 0);
  });
}

Deno.test("Heart waits for a notification that is on its way", () => {
  const watched = new Watched({ graceMs: 100 });
  watched.cycle([{ sent: 5 }], 0);
  const lookup = answering({ 1: "gone" });
  const complete = { inet: true, inet6: true };
  for (const timeMs of [10, 20, 30, 40]) assert.deepEqual(watched.cycle([], timeMs, complete, lookup), []);
  assert.deepEqual(lookup.asked, ["1"], "it is asked about once");
  assert.deepEqual(watched.notified({ sent: 9 }, 50), ["snapshot 1 IDiagStateChange"]);
  assert.deepEqual(watched.cycle([], 60), ["close 1 destroyed"]);
  assert.equal(watched.heart.stats[At.sentBytes], 9);
});

Deno.test("Heart waits no longer than it is told for a notification, and counts the bytes of a late one", () => {
  const watched = new Watched({ graceMs: 100 });
  watched.cycle([{ sent: 5 }], 0);
  const lookup = answering({ 1: "gone" });
  const complete = { inet: true, inet6: true };
  assert.deepEqual(watched.cycle([], 10, complete, lookup), []);
  assert.deepEqual(watched.cycle([], 110, complete, lookup), ["close 1 absent"]);
  assert.deepEqual(watched.notified({ sent: 9 }, 120), []);
  watched.cycle([], 130);
  assert.equal(watched.heart.stats[At.late], 1);
  assert.equal(watched.heart.stats[At.sentBytes], 9);
});

Deno.test("Heart.stop() closes what is open, and opened is open and closed at any time", () => {
  const watched = new Watched();
  watched.cycle([a, b]);
  watched.heart.stop(5);
  assert.deepEqual(watched.said(), ["close 10 shutdown", "close 11 shutdown"]);
  const { stats } = watched.heart;
  assert.equal(stats[At.opened], 2);
  assert.equal(stats[At.open], 0);
  assert.equal(stats[At.closedShutdown], 2);
  assert.equal(watched.closed_[0]?.uuid, "h_1_000000000000000A");
});

Deno.test("Heart tells the traffic of each second in bits, and leaves out what cannot be", () => {
  const watched = new Watched();
  const blocks: [timeMs: number, sockets: MadeSocket[]][] = [
    [0, [{ ...a, sent: 1000, received: 100 }, { ...b, sent: 500, received: 50 }]],
    [401, [{ ...a, sent: 1000, received: 100 }]],
    [802, [{ ...a, sent: 1000, received: 100, info: { 20: 1 } }]],
    [1203, [{ ...a, sent: 50_000, received: 10_000, info: { 20: 1 } }]],
    [1604, [{ ...a, sent: 101_500, received: 20_950, info: { 20: 1 } }]],
    [2005, []],
  ];
  for (const [timeMs, sockets] of blocks) watched.cycle(sockets, timeMs);
  const { stats } = watched.heart;
  const sent = readHistogram(stats, Histogram.sendRate), received = readHistogram(stats, Histogram.receiveRate);
  assert.deepEqual([sent.count, sent.sum], [3, 816_000]);
  assert.deepEqual([received.count, received.sum], [3, 168_000]);
  watched.cycle([{ cookie: 5n, sent: 13e9 }], 3000);
  assert.equal(stats[At.sentBeyond], 1);
  watched.cycle([{ cookie: 5n, sent: 13e9 + 10 }], 4000);
  assert.equal(readHistogram(stats, Histogram.sendRate).sum, 816_080, "it goes on from there");
});

Deno.test("Heart follows any number of connections that come and go", () => {
  const watched = new Watched({ maxConnections: 100_000 });
  const alive = new Set<bigint>();
  let seed = 1;
  for (let cycle = 0; cycle < 40; cycle++) {
    for (let i = 0; i < 60; i++) {
      seed = seed * 48_271 % 2_147_483_647;
      const cookie = BigInt(seed % 500) << 30n | BigInt(seed % 500 + 1);
      if (!alive.delete(cookie)) alive.add(cookie);
    }
    const complete = { inet: true, inet6: true };
    const gone = { find: () => "gone" as const, bytes: new Uint8Array(72), start: 0 };
    watched.cycle([...alive].map((cookie) => ({ cookie })), cycle, complete, gone);
    const { stats } = watched.heart;
    assert.equal(watched.heart.open, alive.size);
    assert.equal(stats[At.opened], stats[At.open]! + stats[At.closedAbsent]!);
  }
});
