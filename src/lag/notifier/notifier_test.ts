import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { type GroupStatus, notFound } from "../evaluator/group.ts";
import { Status } from "../evaluator/status.ts";
import type { NotifierConfig } from "./config.ts";
import { NotificationError } from "./sender.ts";
import { startNotifier } from "./notifier.ts";
import type { Notice } from "./template_data.ts";

const COMMON: NotifierConfig = {
  className: "null",
  intervalMs: 10_000,
  sendIntervalMs: 10_000,
  threshold: 2,
  filter: {},
  templateOpen: { path: "o", text: "" },
  sendClose: true,
  sendOnce: false,
  extras: {},
};

interface Told {
  readonly module: string;
  readonly group: string;
  readonly status: Status;
  readonly id: string;
  readonly isClose: boolean;
}

/** Notifiers over groups whose status is what `statuses` says at the moment. */
function setUp(configs: Readonly<Record<string, Partial<NotifierConfig>>>) {
  const clock = new FakeClock(1_700_000_000_000);
  const reporter = recordingReporter();
  const statuses = new Map<string, Status>();
  const told: Told[] = [];
  const state = { isReady: true, fails: false, disposed: 0 };
  const evaluate = (cluster: string, group: string): Promise<GroupStatus> =>
    Promise.resolve({ ...notFound(cluster, group), status: statuses.get(group) ?? Status.notFound });
  const notifier = startNotifier(
    Object.entries(configs).map(([name, config]) => ({ name, config: { ...COMMON, ...config } as NotifierConfig })),
    {
      clock,
      reporter,
      store: {
        clusters: ["c"],
        cluster: () => ({ consumers: () => [...statuses.keys()] }) as never,
      },
      evaluator: { evaluate },
      isReady: () => state.isReady,
      random: () => 0,
      groupRefreshMs: 60_000,
      newModule: ({ name, config }) => ({
        name,
        config,
        notify({ status, incidentId }: Notice, isClose: boolean) {
          if (state.fails) return Promise.reject(new NotificationError("Cannot send: it is a test"));
          told.push({ module: name, group: status.group, status: status.status, id: incidentId, isClose });
          return Promise.resolve();
        },
        [Symbol.asyncDispose]() {
          state.disposed++;
          return Promise.resolve();
        },
      }),
    },
  );
  return { notifier, clock, reporter, statuses, told, state };
}

/** Steps so that every look that is due happens. */
async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 4; i++) await clock.advance(250);
}

Deno.test("startNotifier() lists groups a minute after the start, and tells of those that are not well", async () => {
  const { notifier, clock, statuses, told, state } = setUp({ m: {} });
  statuses.set("bad", Status.err).set("good", Status.ok).set("odd", Status.notFound);
  await pass(clock, 59);
  assert.equal(told.length, 0);
  await pass(clock, 12);
  assert.equal(told.length, 1);
  const { group, status, id, isClose } = told[0]!;
  assert.deepEqual([group, status, isClose], ["bad", Status.err, false]);
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  await pass(clock, 24);
  assert.ok(told.length >= 2 && told.every((one) => one.id === id)); // again after the interval
  statuses.set("bad", Status.ok);
  await pass(clock, 12);
  assert.deepEqual([told.at(-1)!.isClose, told.at(-1)!.id], [true, id]);
  const count = told.length;
  await pass(clock, 24);
  assert.equal(told.length, count);
  await notifier[Symbol.asyncDispose]();
  assert.equal(state.disposed, 1);
});

Deno.test("startNotifier() tells once of each incident where it is to tell once, with and without its end", async () => {
  const { notifier, clock, statuses, told } = setUp({
    once: { sendOnce: true, sendClose: false },
    both: { sendOnce: true },
  });
  for (let incident = 0; incident < 2; incident++) {
    statuses.set("g", Status.warn);
    await pass(clock, 100);
    statuses.set("g", Status.ok);
    await pass(clock, 30);
  }
  assert.deepEqual(told.filter(({ module }) => module === "once").map(({ isClose }) => isClose), [false, false]);
  assert.deepEqual(told.filter(({ module }) => module === "both").map(({ isClose }) => isClose), [
    false,
    true,
    false,
    true,
  ]);
  assert.equal(new Set(told.map(({ id }) => id)).size, 2);
  await notifier[Symbol.asyncDispose]();
});

Deno.test("startNotifier() goes by thresholds and lists of groups", async () => {
  const { notifier, clock, statuses, told } = setUp({
    err: { threshold: 3, sendClose: false },
    app: { filter: { allow: /^app-/, deny: /-test$/ }, sendClose: false },
  });
  statuses.set("app-1", Status.warn).set("app-test", Status.err).set("other", Status.err);
  await pass(clock, 75);
  const groups = (
    module: string,
  ) => [...new Set(told.filter((one) => one.module === module).map(({ group }) => group))];
  assert.deepEqual(groups("err").sort(), ["app-test", "other"]);
  assert.deepEqual(groups("app"), ["app-1"]);
  await notifier[Symbol.asyncDispose]();
});

Deno.test("startNotifier() closes the incident of a group that is gone", async () => {
  const { notifier, clock, statuses, told } = setUp({ m: {}, quiet: { sendClose: false } });
  statuses.set("g", Status.err);
  await pass(clock, 75);
  const { id } = told[0]!;
  statuses.delete("g");
  await pass(clock, 61);
  const closes = told.filter(({ isClose }) => isClose);
  assert.deepEqual(closes, [{ module: "m", group: "g", status: Status.notFound, id, isClose: true }]);
  await notifier[Symbol.asyncDispose]();
});

Deno.test("startNotifier() waits until groups may be judged, and goes on when a message is not sent", async () => {
  const { notifier, clock, reporter, statuses, told, state } = setUp({ m: {} });
  statuses.set("g", Status.err);
  state.isReady = false;
  await pass(clock, 100);
  assert.equal(told.length, 0);
  state.isReady = true;
  state.fails = true;
  await pass(clock, 12);
  const failures = reporter.lines.filter(({ level }) => level === "error");
  assert.match(failures[0]!.message, /A notification is not sent: .*it is a test/);
  state.fails = false;
  await pass(clock, 12);
  assert.equal(told.length > 0, true);
  const sent = reporter.metrics.counter(
    "limier_lag_notifications_total",
    "Notifications of groups, by how they ended.",
  );
  assert.ok(sent.value({ module: "m", result: "failed" }) >= 1);
  assert.equal(sent.value({ module: "m", result: "sent" }), told.length);
  await notifier[Symbol.asyncDispose]();
});
