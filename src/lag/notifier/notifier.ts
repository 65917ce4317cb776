/** Looks at every group now and then, and tells people of those that are not well. */
import type { Clock, Running } from "../../clock/mod.ts";
import { errorText, type Reporter } from "../../telemetry/mod.ts";
import type { Named } from "../config.ts";
import type { Evaluator } from "../evaluator/caching.ts";
import { type GroupStatus, notFound } from "../evaluator/group.ts";
import { Status } from "../evaluator/status.ts";
import { accepts } from "../storage/group_filter.ts";
import type { LagStore } from "../storage/lag_store.ts";
import type { NotifierConfig } from "./config.ts";
import { decide } from "./decision.ts";
import { newNotifierModule, type NotifierModule } from "./module.ts";
import type { Notice } from "./template_data.ts";

/** What notifiers are handed. */
export interface NotifierDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly store: Pick<LagStore, "clusters" | "cluster">;
  readonly evaluator: Pick<Evaluator, "evaluate">;
  /** Whether groups may be looked at: commits have been read up to now. */
  readonly isReady: () => boolean;
  /** From 0 to 1, without 1. @default Math.random */
  readonly random?: () => number;
  /** How often the groups are listed. */
  readonly groupRefreshMs: number;
  /** Makes the modules; replaced in tests. */
  readonly newModule?: (named: Named<NotifierConfig>, clock: Clock) => NotifierModule;
}

/** What is known of a group between two looks. */
interface GroupState {
  readonly cluster: string;
  readonly group: string;
  /** Monotonic milliseconds. */
  lastEvalMs: number;
  /** "" where no incident is open. */
  incidentId: string;
  startMs: number | null;
  /** By module, Unix milliseconds. */
  readonly lastNotifyMs: Map<string, number>;
}

/** How often it is looked who is due. */
const TICK_MS = 250;
/** Messages that wait for one module; what comes later is lost, and counted. */
const MOST_WAITING = 1_000;

/** Starts the notifiers. */
export function startNotifier(configs: readonly Named<NotifierConfig>[], deps: NotifierDeps): Running {
  return new Notifier(configs, deps);
}

class Notifier implements Running {
  readonly done: Promise<void>;
  readonly #deps: NotifierDeps;
  readonly #modules: readonly NotifierModule[];
  readonly #minIntervalMs: number;
  readonly #groups = new Map<string, GroupState>();
  /** By module: the last message, behind those before it. */
  readonly #queues = new Map<string, { last: Promise<void>; waiting: number }>();
  readonly #stop = new AbortController();
  readonly #sent;

  constructor(configs: readonly Named<NotifierConfig>[], deps: NotifierDeps) {
    this.#deps = deps;
    this.#modules = configs.map((named) => (deps.newModule ?? newNotifierModule)(named, deps.clock));
    this.#minIntervalMs = Math.min(...configs.map(({ config }) => config.intervalMs));
    this.#sent = deps.reporter.metrics.counter(
      "limier_lag_notifications_total",
      "Notifications of groups, by how they ended.",
    );
    this.done = this.#run();
  }

  async #run(): Promise<void> {
    const { clock, isReady, groupRefreshMs } = this.#deps;
    const { signal } = this.#stop;
    let refreshAtMs = clock.monotonic() + groupRefreshMs;
    while (!signal.aborted) {
      await clock.sleep(Math.min(TICK_MS, groupRefreshMs), signal);
      if (signal.aborted) break;
      if (!isReady()) continue;
      if (clock.monotonic() >= refreshAtMs) {
        this.#refresh();
        refreshAtMs = clock.monotonic() + groupRefreshMs;
      }
      await this.#evaluateDue();
    }
    await Promise.all([...this.#queues.values()].map(({ last }) => last));
    for (const one of this.#modules) await one[Symbol.asyncDispose]();
  }

  /** Lists the groups anew. */
  #refresh(): void {
    const { clock, store, random = Math.random } = this.#deps;
    const listed = new Set<string>();
    for (const cluster of store.clusters) {
      for (const group of store.cluster(cluster)?.consumers() ?? []) {
        const key = JSON.stringify([cluster, group]);
        listed.add(key);
        if (this.#groups.has(key)) continue;
        // Spread out, so that not all are looked at in the same moment.
        const lastEvalMs = clock.monotonic() - random() * this.#minIntervalMs;
        this.#groups.set(key, {
          cluster,
          group,
          lastEvalMs,
          incidentId: "",
          startMs: null,
          lastNotifyMs: new Map(),
        });
      }
    }
    for (const [key, state] of this.#groups) {
      if (listed.has(key)) continue;
      this.#groups.delete(key);
      if (state.incidentId !== "") this.#closeVanished(state);
    }
  }

  /** A group that is gone with its incident open. */
  #closeVanished(state: GroupState): void {
    for (const one of this.#modules) {
      if (!one.config.sendClose || !accepts(one.config.filter, state.group)) continue;
      this.#send(one, noticeOf(state, notFound(state.cluster, state.group)), true);
    }
  }

  async #evaluateDue(): Promise<void> {
    const { clock, evaluator, reporter } = this.#deps;
    for (const state of this.#groups.values()) {
      if (this.#stop.signal.aborted) return;
      if (clock.monotonic() - state.lastEvalMs <= this.#minIntervalMs) continue;
      state.lastEvalMs = clock.monotonic();
      try {
        this.#judged(state, await evaluator.evaluate(state.cluster, state.group, false));
      } catch (error) {
        // One group that can't be judged must not keep the others from being told of.
        reporter.error("Cannot judge a group for its notifications", { ...placeOf(state), error });
      }
    }
  }

  #judged(state: GroupState, status: GroupStatus): void {
    if (status.status === Status.notFound) return;
    const nowMs = this.#deps.clock.now();
    const wasOpen = state.incidentId !== "";
    if (!wasOpen && status.status > Status.ok) {
      state.incidentId = crypto.randomUUID();
      state.startMs = nowMs;
    }
    for (const one of this.#modules) {
      if (!accepts(one.config.filter, state.group)) continue;
      const isOpen = state.incidentId !== "";
      const decision = decide(one.config, status.status, isOpen, state.lastNotifyMs.get(one.name), nowMs);
      if (decision === "nothing") continue;
      this.#send(one, noticeOf(state, status), decision === "close");
      if (decision === "close") state.lastNotifyMs.delete(one.name);
      else state.lastNotifyMs.set(one.name, nowMs);
    }
    if (status.status !== Status.ok || state.incidentId === "") return;
    state.incidentId = "";
    state.startMs = null;
    state.lastNotifyMs.clear();
  }

  /** In the order of the decisions; whoever decides does not wait. */
  #send(one: NotifierModule, notice: Notice, isClose: boolean): void {
    const { reporter } = this.#deps;
    const fields = { module: one.name, ...placeOf(notice.status), close: isClose };
    const queue = this.#queues.get(one.name) ?? { last: Promise.resolve(), waiting: 0 };
    this.#queues.set(one.name, queue);
    if (queue.waiting >= MOST_WAITING) {
      this.#sent.inc(1, { module: one.name, result: "lost" });
      reporter.error("A notification is lost: too many wait for their turn", fields);
      return;
    }
    queue.waiting++;
    queue.last = queue.last.then(() => one.notify(notice, isClose)).then(
      () => {
        this.#sent.inc(1, { module: one.name, result: "sent" });
        reporter.debug("notification sent", fields);
      },
      (error) => {
        this.#sent.inc(1, { module: one.name, result: "failed" });
        reporter.error(`A notification is not sent: ${errorText(error)}`, fields);
      },
    ).finally(() => queue.waiting--);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.done;
  }
}

function noticeOf({ incidentId, startMs }: GroupState, status: GroupStatus): Notice {
  return { status, incidentId, startMs };
}

function placeOf({ cluster, group }: { cluster: string; group: string }): { cluster: string; group: string } {
  return { cluster, group };
}
