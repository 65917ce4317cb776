import assert from "node:assert/strict";
import { type Subject, T1, T2, T3, type World, type WorldOptions } from "./contract_world.ts";
import { temporaryBulkFailure } from "./failures.ts";
import { ambiguous, failing, refused, refusing, type Script, takes } from "./scripted_client.ts";
import type { Outcome } from "./signal.ts";

/** One scenario with one batch: how many attempts it has, what the clients do, and how it ends. */
export interface Row {
  readonly id: string;
  readonly mode: Subject["name"];
  readonly what: string;
  /** Attempts; 0 without end. */
  readonly budget: number;
  readonly guaranteed?: boolean;
  readonly scripts: () => Script[];
  readonly ends: Outcome["kind"];
  /** Events of the batch. @default both 1 and 10 */
  readonly size?: number;
  readonly options?: WorldOptions;
  readonly check?: (world: World, outcome: Outcome) => void;
}

/** Two clients of one kind. For tests. */
export const twice = (script: () => Script) => [script(), script()];
/** What is to be sent again on the same connection. For tests. */
export const bulk = () => temporaryBulkFailure("Cannot deliver some of the events");
const failsEvery = (times: number): NonNullable<Script["publish"]> => (batch, call) =>
  takes(batch, call % times === times - 1 ? 0 : batch.ends.length, ambiguous("timeout"));
const sends = (count: number) => (world: World) => assert.equal(world.sink.sends.length, count);

/** The scenarios with one batch, each for one mode. For tests. */
export const ROWS: readonly Row[] = [
  {
    id: "SC-8",
    mode: "single",
    what: "connected, publish ok: no connect",
    budget: 3,
    scripts: () => [{ connected: "at_first" }],
    ends: "completed",
    check: ({ sink }) => {
      assert.equal(sink.sends.length, 1);
      assert.equal(sink.connects.length, 0);
    },
  },
  {
    id: "SC-9",
    mode: "single",
    what: "connect fails 2, then ok",
    budget: 3,
    scripts: () => [{ connect: refusing(2), connected: "never" }],
    ends: "completed",
    check: ({ sink }) => {
      assert.equal(sink.connects.length, 3);
      assert.equal(sink.sends.length, 1);
    },
  },
  {
    id: "SC-10",
    mode: "single",
    what: "connect always fails: 3 connects, 2 waits",
    budget: 3,
    scripts: () => [{ connect: refusing(Infinity) }],
    ends: "failed",
    check: ({ sink, outcomes }, { cause }) => {
      assert.equal(sink.connects.length, 3);
      assert.equal(new Set(sink.connects.map(({ atMs }) => atMs)).size, 3);
      assert.equal(outcomes[0]!.atMs, sink.connects[2]!.atMs); // the last failure is followed by no wait
      assert.equal(cause?.failure, "connection");
    },
  },
  {
    id: "SC-11",
    mode: "single",
    what: "publish fails 2",
    budget: 3,
    scripts: () => [{ publish: failing(2) }],
    ends: "completed",
    check: sends(3),
  },
  {
    id: "SC-12",
    mode: "single",
    what: "publish fails 3: the cause is told",
    budget: 3,
    scripts: () => [{ publish: failing(3) }],
    ends: "failed",
    check: (world, { cause, reason }) => {
      sends(3)(world);
      assert.equal(cause?.label, "timeout");
      assert.equal(reason, "timeout");
    },
  },
  ...[25, 50].map((times): Row => ({
    id: "SC-13",
    mode: "single",
    what: `publish fails ${times}: no wait above 10 ms`,
    budget: 0,
    scripts: () => [{ publish: failing(times) }],
    ends: "completed",
    check: (world) => {
      sends(times + 1)(world);
      const at = world.sink.sends.map(({ atMs }) => atMs);
      for (let i = 1; i < at.length; i++) assert.ok(at[i]! - at[i - 1]! <= 10);
    },
  })),
  {
    id: "SC-14",
    mode: "single",
    what: "guaranteed, publish fails 25",
    budget: 3,
    guaranteed: true,
    scripts: () => [{ publish: failing(25) }],
    ends: "completed",
    check: sends(26),
  },
  {
    id: "SC-15",
    mode: "failover",
    what: "both offline, all ok: one client sends",
    budget: 3,
    scripts: () => twice(() => ({ connected: "never" })),
    ends: "completed",
    options: { ...T1, backoff: { initMs: 0, maxMs: 10 } },
    check: sends(1),
  },
  ...[0, 0.9].map((random): Row => ({
    id: "SC-16",
    mode: "failover",
    what: `${random === 0 ? "a" : "b"} first; connects fail 2 and 1, publishes now and then`,
    budget: 3,
    scripts: () => [
      { connect: refusing(2), publish: failsEvery(2) },
      { connect: refusing(1), publish: failsEvery(3) },
    ],
    options: { random: () => random },
    ends: "completed",
    check: ({ sink }) => assert.equal(sink.connects[0]!.host, random === 0 ? "a" : "b"),
  })),
  {
    id: "SC-17",
    mode: "failover",
    what: "both connects always fail: both hosts tried",
    budget: 3,
    scripts: () => twice(() => ({ connect: refusing(Infinity) })),
    ends: "failed",
    check: ({ sink }) => {
      assert.deepEqual([...new Set(sink.connects.map(({ host }) => host))].sort(), ["a", "b"]);
      assert.equal(sink.connects.length, 6); // three rounds of two
    },
  },
  {
    id: "SC-18",
    mode: "failover",
    what: "each publish fails 1: X fails, Y fails, X delivers",
    budget: 3,
    scripts: () => twice(() => ({ publish: failing(1) })),
    ends: "completed",
    check: ({ sink }) => {
      const hosts = sink.sends.map(({ host }) => host);
      assert.equal(hosts.length, 3);
      assert.equal(hosts[0], hosts[2]);
      assert.notEqual(hosts[0], hosts[1]);
    },
  },
  {
    id: "SC-19",
    mode: "failover",
    what: "each publish fails 2",
    budget: 3,
    scripts: () => twice(() => ({ publish: failing(2) })),
    ends: "failed",
    check: sends(3),
  },
  ...[["SC-20", 0, false] as const, ["SC-21", 3, true] as const].map(([id, budget, guaranteed]): Row => ({
    id,
    mode: "failover",
    what: `${guaranteed ? "guaranteed, " : ""}each publish fails 50: swaps on every failure`,
    budget,
    guaranteed,
    scripts: () => twice(() => ({ publish: failing(50) })),
    ends: "completed",
    check: ({ sink }) => {
      const hosts = sink.sends.map(({ host }) => host);
      assert.equal(hosts.length, 101);
      for (let i = 1; i < hosts.length; i++) assert.notEqual(hosts[i], hosts[i - 1]);
    },
  })),
  {
    id: "SC-23",
    mode: "load_balance",
    what: "connects always fail: over after two hand-off timeouts, nothing sent",
    budget: 2,
    size: 2,
    scripts: () => twice(() => ({ connect: refusing(Infinity) })),
    ends: "failed",
    check: (world, { reason }) => {
      sends(0)(world);
      assert.equal(world.outcomes[0]!.atMs, 2);
      assert.equal(reason, "hand_off_timeout");
    },
  },
  {
    id: "SC-24",
    mode: "load_balance",
    what: "one client, at first offline",
    budget: 2,
    scripts: () => [{ connected: "later" }],
    ends: "completed",
    check: sends(1),
  },
  {
    id: "SC-25",
    mode: "load_balance",
    what: "two clients, each publish fails 1",
    budget: 3,
    scripts: () => twice(() => ({ publish: failing(1) })),
    ends: "completed",
    check: ({ sink }) => assert.ok(sink.sends.length <= 3),
  },
  {
    id: "SC-26",
    mode: "load_balance",
    what: "two clients, each publish fails 3",
    budget: 3,
    scripts: () => twice(() => ({ publish: failing(3) })),
    ends: "failed",
    check: sends(3),
  },
  {
    id: "SC-27",
    mode: "load_balance",
    what: "a temporary bulk failure: same client, same connection",
    budget: 3,
    scripts: () => [{ publish: failing(1, bulk) }],
    ends: "completed",
    check: (world) => {
      sends(2)(world);
      assert.equal(world.sink.connects.length, 1);
    },
  },
  {
    id: "SC-28",
    mode: "load_balance",
    what: "two clients, temporary bulk failures three times each",
    budget: 3,
    scripts: () => twice(() => ({ publish: failing(3, bulk) })),
    ends: "failed",
    check: sends(3),
  },
  ...[
    ["SC-29", 0, false, undefined] as const,
    ["SC-30", 0, false, bulk] as const,
    ["SC-31", 3, true, undefined] as const,
    ["SC-32", 3, true, bulk] as const,
  ].map(([id, budget, guaranteed, error]): Row => ({
    id,
    mode: "load_balance",
    what: `${guaranteed ? "guaranteed, " : ""}25 ${error === undefined ? "failures" : "temporary bulk failures"} each`,
    budget,
    guaranteed,
    scripts: () => twice(() => ({ publish: failing(25, error) })),
    ends: "completed",
    check: ({ sink, outcomes }) => {
      assert.ok(sink.sends.length <= 51);
      assert.ok(outcomes[0]!.atMs <= 51 * 10); // no backoff above its ceiling
    },
  })),
  {
    id: "SC-34",
    mode: "async_balance",
    what: "connects always fail: over after two hand-off timeouts",
    budget: 2,
    size: 2,
    scripts: () => twice(() => ({ connect: refusing(Infinity) })),
    options: T2,
    ends: "failed",
    check: (world) => {
      sends(0)(world);
      assert.equal(world.outcomes[0]!.atMs, 200);
    },
  },
  {
    id: "SC-35",
    mode: "async_balance",
    what: "one client acknowledges at once",
    budget: 2,
    scripts: () => [{}],
    options: T2,
    ends: "completed",
    check: sends(1),
  },
  {
    id: "SC-36",
    mode: "async_balance",
    what: "each send call errors once",
    budget: 3,
    scripts: () => twice(() => ({ call: (call) => call === 0 ? refused() : undefined })),
    options: T2,
    ends: "completed",
    check: ({ sink }) => assert.ok(sink.sends.length <= 3),
  },
  {
    id: "SC-37",
    mode: "async_balance",
    what: "each reports an error 3 times",
    budget: 3,
    scripts: () => twice(() => ({ publish: failing(3) })),
    options: T2,
    ends: "failed",
    check: sends(3),
  },
  {
    id: "SC-38",
    mode: "async_balance",
    what: "one client, a temporary bulk failure once",
    budget: 3,
    scripts: () => [{ publish: failing(1, bulk) }],
    options: T2,
    ends: "completed",
    check: (world) => {
      sends(2)(world);
      assert.equal(world.sink.connects.length, 1);
    },
  },
  {
    id: "SC-39",
    mode: "async_balance",
    what: "two clients, temporary bulk failures 3 times each",
    budget: 3,
    scripts: () => twice(() => ({ publish: failing(3, bulk) })),
    options: T2,
    ends: "failed",
    check: sends(3),
  },
  ...[["SC-40", 0, false] as const, ["SC-41", 3, true] as const].flatMap(([id, budget, guaranteed]): Row[] => {
    const common = { id, mode: "async_balance" as const, budget, guaranteed, options: T3, ends: "completed" as const };
    const what = guaranteed ? "guaranteed, " : "";
    return [
      { ...common, what: `${what}50 errors reported`, scripts: () => [{ publish: failing(50) }], check: sends(51) },
      {
        ...common,
        what: `${what}50 calls error`,
        scripts: () => [{ call: (call) => call < 50 ? refused() : undefined }],
        check: sends(51),
      },
    ];
  }),
];
