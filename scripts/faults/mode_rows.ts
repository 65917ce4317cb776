/** Faults of the program's own parts: clients, receivers of signals, clocks, closing at the wrong moment. */
import { type Batch, BatchBuilder } from "../../src/metric/mod.ts";
import {
  type AsyncClient,
  DeliveryError,
  type DestinationClient,
  destinationOf,
  type ModeOutcome,
  OutputEncoder,
} from "../../src/output/mod.ts";
import { SteppedClock } from "./clocks.ts";
import { bareMode, smallBatch } from "./closing_rows.ts";
import { mostAttempts, requireTimeouts, timedFetch } from "./connection_rows.ts";
import { eventText } from "./events.ts";
import { FramedClient, framedDestination } from "./framed_client.ts";
import { stalls, takesAll } from "./http_peer.ts";
import { BALANCED } from "./modes.ts";
import { sumOf } from "./page.ts";
import { deliverFramed } from "./reply_rows.ts";
import type { Row, Trial } from "./trial.ts";
import { inTime, sleep, until } from "./wait.ts";

async function steppedClock(trial: Trial): Promise<void> {
  const clock = new SteppedClock();
  const peers = trial.peers();
  let stallsLeft = 3;
  for (const peer of peers) {
    peer.script = async (exchange) => {
      await sleep(2);
      await (stallsLeft > 0 && exchange.number % 10 === 5 && stallsLeft-- > 0 ? stalls(exchange) : takesAll(exchange));
    };
  }
  const hour = 3_600_000;
  const stepper = setInterval(() => {
    clock.step(trial.random.chance(0.5) ? hour : -hour);
    trial.fault();
  }, 15);
  const tookMs: number[] = [];
  // Were ages taken by the wall clock, everything would be too old with the first step forward.
  const delivery = await trial.deliver(peers, {
    clock,
    spool: { maxAgeMs: 600_000 },
    config: { timeoutMs: 1_000 },
    fetch: timedFetch(tookMs),
  });
  const fromMs = performance.now();
  for (const batch of trial.batches()) {
    void delivery.offer(batch);
    await sleep(5);
  }
  await delivery.delivered();
  const age = delivery.metric("limier_oldest_pending_age_seconds");
  clearInterval(stepper);
  trial.require(age >= 0 && age < 60, `the oldest event is ${age} s old`);
  const wholeMs = performance.now() - fromMs;
  trial.require(
    wholeMs < hour / 6,
    `all of it took ${Math.round(wholeMs)} ms: a wait followed the wall clock`,
  );
  await delivery.finish(trial, { repeats: "unanswered" });
  requireTimeouts(trial, tookMs, 1);
}

const NO_ERROR = { progress: () => {} };

/** A client that now and then does what no client may. */
function misbehaving(trial: Trial, inner: FramedClient, faulty: () => boolean): DestinationClient {
  return {
    concurrency: inner.concurrency,
    get isConnected() {
      return inner.isConnected;
    },
    connect: () => inner.connect(),
    close: () => inner.close(),
    publish: (batch, signal) => {
      if (!faulty()) return inner.publish(batch, signal);
      switch (trial.random.below(4)) {
        case 0:
          throw new TypeError("a client that throws");
        case 1:
          return Promise.reject(new TypeError("a client that rejects"));
        case 2:
          return new Promise(() => {}); // and never tells
        default: // tells of more than there was
          return Promise.resolve({ remaining: smallBatch(900_000_000, batch.ends.length + 1).batch });
      }
    },
  };
}

/** The same of the asynchronous contract. */
function misreporting(trial: Trial, inner: FramedClient, faulty: () => boolean): AsyncClient {
  return {
    get isConnected() {
      return inner.isConnected;
    },
    connect: () => inner.connect(),
    close: () => inner.close(),
    send(batch: Batch, reports, signal) {
      if (!faulty()) return inner.send(batch, reports, signal);
      switch (trial.random.below(5)) {
        case 0:
          throw new TypeError("a client that throws");
        case 1: // twice
          return inner.send(batch, {
            ...reports,
            done: (result) => {
              reports.done(result);
              reports.done(result);
            },
          }, signal);
        case 2: // never
          inner.send(batch, { ...NO_ERROR, done: () => {} }, signal);
          return undefined;
        case 3: { // an error, and a report of success behind it
          inner.send(batch, reports, signal);
          return new DeliveryError("ambiguous", "Cannot deliver: so it says");
        }
        default: // first success, and then that it was none
          return inner.send(batch, {
            ...reports,
            done: (result) => {
              reports.done(result);
              reports.done({ remaining: batch, error: new DeliveryError("retry", "Cannot deliver: so it says") });
            },
          }, signal);
      }
    },
  };
}

async function misbehavingClient(trial: Trial): Promise<void> {
  const peers = trial.framedPeers();
  const { width } = trial.mode;
  const faulty = trial.chooser(0.15, 15);
  const delivery = await deliverFramed(trial, peers, {
    config: { timeoutMs: 500 },
    destination: framedDestination(width, (client) => misbehaving(trial, client, faulty)),
    ...(trial.mode.name === "balance_async"
      ? { reporting: (host: string) => misreporting(trial, new FramedClient(host, width), faulty) }
      : {}),
  });
  await delivery.offerAll(trial.batches());
  await delivery.finish(trial, { repeats: "any" });
  const { duplicates } = trial.oracle;
  const ambiguous = delivery.attempts("ambiguous") + delivery.attempts("connection");
  trial.require(duplicates <= 500 * ambiguous, `${duplicates} events came again after ${ambiguous} failures`);
}

async function badReceivers(trial: Trial): Promise<void> {
  const peers = trial.framedPeers();
  const { mode, page } = bareMode(
    trial,
    peers.map(({ url }) => url),
    (host) => new FramedClient(host, trial.mode.width),
  );
  let threw = 0;
  let others = 0;
  let wanted = 0;
  const batches = trial.batches();
  const blocked = Promise.withResolvers<void>(); // until all the others have been told
  const published = batches.map(({ batch, ids }, number) => {
    trial.oracle.publish(number);
    trial.oracle.accept(ids);
    const kind = number % 5;
    if (kind < 3) trial.fault();
    else wanted++;
    const receiver = (outcome: ModeOutcome): void | Promise<void> => {
      trial.oracle.signal(number, outcome.kind);
      if (kind === 0 || kind === 1) threw++;
      if (kind === 0) throw new Error("a receiver that throws");
      if (kind === 1) return Promise.reject(new Error("a receiver that rejects"));
      if (kind === 2) return blocked.promise;
      others++;
    };
    return mode.publish(batch, { receiver: receiver as (outcome: ModeOutcome) => void });
  });
  await until(() => others === wanted, "the other receivers are told while some block");
  blocked.resolve();
  const outcomes = await inTime(Promise.all(published), "the publishes to end");
  await mode.close();
  await sleep(0); // a rejection is heard of one turn later
  trial.find(trial.oracle.findings());
  trial.require(outcomes.every(({ kind }) => kind === "completed"), "a batch did not complete");
  const counted = sumOf(page(), "limier_signal_receiver_errors_total");
  trial.require(counted === threw, `${counted} failures of receivers are counted, and ${threw} were`);
}

async function noProgress(trial: Trial): Promise<void> {
  const peers = trial.framedPeers();
  let takes = false;
  let calls = 0;
  const wrap = (client: FramedClient): DestinationClient => ({
    concurrency: trial.mode.width,
    get isConnected() {
      return client.isConnected;
    },
    connect: () => client.connect(),
    close: () => client.close(),
    publish: (batch, signal) => {
      if (takes) return client.publish(batch, signal);
      calls++;
      trial.fault();
      return Promise.resolve({ remaining: batch });
    },
  });
  const destination = framedDestination(trial.mode.width, wrap);
  const delivery = await trial.deliver(peers, { destination });
  const fromMs = performance.now();
  await delivery.offerAll(trial.batches());
  await sleep(trial.full ? 10_000 : 1_000);
  const most = mostAttempts(performance.now() - fromMs) * peers.length * trial.mode.width;
  trial.require(calls > 1 && calls <= most, `${calls} calls without progress; the schedule allows 2 to ${most}`);
  takes = true;
  await delivery.finish(trial);

  takes = false;
  const direct = await trial.deliver(peers, { name: "direct", spool: null, destination, config: { maxRetries: 2 } });
  const outcome = await direct.offer(trial.batches(100, { most: 1 })[0]!);
  trial.require(outcome.cause === "no_progress", `a batch that makes no progress is given up as ${outcome.cause}`);
}

/** Bytes of an event that no spool takes. */
const OVERSIZED = 5 * 2 ** 20;

async function badEvents(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const delivery = await trial.deliver(peers);
  const batches = trial.batches();
  const oversized = new Set<number>();
  for (const batch of batches) {
    const id = batch.ids.find(() => oversized.size < 3 && batch.ids.length > 10);
    if (id === undefined) {
      void delivery.offer(batch);
      continue;
    }
    oversized.add(id);
    trial.fault();
    const builder = new BatchBuilder("points", batch.batch.timestamp);
    for (const each of batch.ids) {
      builder.appendText(eventText(each, each === id ? "x".repeat(OVERSIZED) : "x"));
      builder.endEvent();
    }
    void delivery.offer({ batch: builder.build(), ids: batch.ids });
  }
  await delivery.finish(trial, { gone: oversized });
  const rejected = delivery.metric("limier_events_rejected_total", 'reason="too_large"');
  trial.require(rejected === oversized.size, `${rejected} events are counted as too large, and ${oversized.size} are`);

  // What has no form at the destination is left out where it is encoded, and its neighbours are not.
  const kind = delivery.config.kind;
  const encoder = new OutputEncoder(delivery.config, destinationOf(kind).newEncoder(delivery.config.own));
  const point = { name: "a", type: "gauge", value: 1, timestamp: 1_700_000_010, tags: [] } as const;
  const made = encoder.points([point, { ...point, name: "", value: NaN }, { ...point, name: "b" }], point.timestamp);
  const events = made.reduce((sum, { ends }) => sum + ends.length, 0);
  trial.fault();
  if (kind === "influxdb") trial.require(events === 2 && encoder.rejected === 1, `${events} of 2 points were encoded`);
}

async function oneStalled(trial: Trial): Promise<void> {
  const batches = trial.batches(10_000, { most: 60 });
  const serviceMs = 8;
  // The same load over three healthy hosts, and over these and one that stalls.
  const runs: number[] = [];
  for (const stalled of [false, true]) {
    const oracleBefore = trial.oracle.requests.length;
    const peers = trial.peers({}, stalled ? 4 : 3);
    for (const [i, peer] of peers.entries()) {
      peer.script = async (exchange) => {
        if (i === 3) {
          trial.fault();
          return await stalls(exchange);
        }
        await sleep(serviceMs);
        await takesAll(exchange);
      };
    }
    const load = stalled ? trial.batches(10_000, { most: 60 }) : batches;
    const delivery = await trial.deliver(peers, {
      name: stalled ? "stalled" : "healthy",
      config: { timeoutMs: 1_500 },
    });
    const fromMs = performance.now();
    await delivery.offerAll(load);
    await delivery.finish(trial, { repeats: "unanswered" });
    // What the stalled host held is delivered by another when its time is over; the rate is that of the others.
    const requests = trial.oracle.requests.slice(oracleBefore);
    const most = requests[Math.max(0, Math.floor(requests.length * 0.8) - 1)]!;
    runs.push((most.atMs - fromMs) / (requests.length * 0.8));
  }
  const [healthy, stalled] = runs as [number, number];
  const share = healthy / stalled;
  trial.require(
    share >= 0.7 || (stalled - healthy) * 100 < 200,
    `with one host of four stalled the rate is ${Math.round(share * 100)} % of three healthy ones'`,
  );
  trial.note(`with one host of four stalled, ${trial.mode.name} has ${Math.round(share * 100)} % of the rate of three`);
}

async function retryStorm(trial: Trial): Promise<void> {
  const peers = trial.framedPeers(Math.min(2, trial.mode.hosts));
  const failures = new Map<number, number>();
  const each = trial.full ? 100 : 20;
  for (const peer of peers) {
    peer.script = async (send) => {
      const first = send.ids[0]!;
      const count = (failures.get(first) ?? 0) + 1;
      failures.set(first, count);
      if (count > each) {
        send.store();
        return await send.statuses(send.ids.map(() => 200));
      }
      trial.fault();
      if (count % 5 === 0) return send.cut();
      await send.statuses(send.ids.map(() => 503));
    };
  }
  const config = { maxRetries: -1, backoff: { initMs: 1, maxMs: 2 }, breaker: null, closeTimeoutMs: 500 };
  const gone = new Set<number>();
  for (const closes of [true, false]) {
    const delivery = await deliverFramed(trial, peers, {
      name: closes ? "closed" : "finished",
      spool: null,
      config,
      drainMs: closes ? 0 : 60_000,
    });
    const batches = trial.batches(10_000, { most: 100 }).slice(0, 100);
    const accepted = batches.flatMap(({ ids }) => ids);
    await delivery.offerAll(batches);
    if (closes) {
      await sleep(300);
      await inTime(delivery.close(), "closing in the middle of a storm", 20_000);
    } else await delivery.delivered();
    await delivery.close();
    const arrived = trial.oracle.arrived();
    const missing = accepted.filter((id) => !arrived.has(id));
    if (closes) { for (const id of missing) gone.add(id); }
    trial.find(trial.oracle.findings({ gone, repeats: "any" }));
    trial.find(delivery.signalFindings());
    trial.require(
      delivery.books.pending === 0 && delivery.books.dropped >= missing.length,
      `${missing.length} events did not arrive, ${delivery.books.dropped} are counted as dropped`,
    );
  }
}

export const modeRows: readonly Row[] = [
  { id: "FI-35", fault: "wall clock set by an hour, again and again", once: "single_sync", run: steppedClock },
  { id: "FI-38", fault: "misbehaving client", once: "balance_async", run: misbehavingClient },
  { id: "FI-39", fault: "receivers of signals that throw or block", once: "failover_sync", run: badReceivers },
  { id: "FI-40", fault: "no progress, no error", once: "single_async", run: noProgress },
  { id: "FI-41", fault: "oversized and unencodable events", once: "balance_sync", run: badEvents },
  { id: "FI-42", fault: "one stalled host of four", modes: BALANCED, once: "balance_sync", run: oneStalled },
  { id: "FI-48", fault: "retry storm, closed in the middle", once: "balance_async", run: retryStorm },
];
