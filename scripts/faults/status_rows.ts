/** What HTTP destinations answer instead of success: slow down, smaller, not this one, not you. */
import { mostAttempts, NOISE_MS, requireRecovery } from "./connection_rows.ts";
import { fastClock } from "./clocks.ts";
import { LONGEST_WAIT_MS, WAITS } from "./waits.ts";
import { answers, type Exchange, type HttpPeer, takesAll } from "./http_peer.ts";
import { BALANCED } from "./modes.ts";
import type { Row, Trial } from "./trial.ts";
import { sleep, until } from "./wait.ts";

/** Refuses a share of the requests while `on` says so. */
function bursts(trial: Trial, peers: readonly HttpPeer[], status: number, share: number, on: () => boolean): void {
  for (const peer of peers) {
    peer.script = async (exchange) => {
      if (!on() || !trial.random.chance(share)) return await takesAll(exchange);
      trial.fault();
      await answers(status)(exchange);
    };
  }
}

async function throttled(trial: Trial): Promise<void> {
  const peers = trial.peers();
  let burst = false;
  const recent: { readonly atMs: number; readonly inFlight: number }[] = [];
  for (const peer of peers) {
    peer.script = async (exchange) => {
      recent.push({ atMs: performance.now(), inFlight: peer.inFlight });
      await sleep(5);
      if (!burst || !trial.random.chance(0.7)) return await takesAll(exchange);
      trial.fault();
      await answers(429)(exchange);
    };
  }
  // Not one attempt more than one is allowed: throttling is to cost none.
  const delivery = await trial.deliver(peers, { config: { maxRetries: 0 } });
  const batches = trial.batches(10_000, { most: 20 });
  await delivery.offerAll(batches.slice(0, batches.length / 2));
  const highest = (fromMs: number) =>
    Math.max(0, ...recent.filter((one) => one.atMs >= fromMs).map((one) => one.inFlight));
  await until(() => trial.oracle.requests.length > batches.length / 8, "delivery is under way");
  const before = highest(0);
  burst = true;
  const burstMs = trial.full ? 30_000 : 2_000;
  await sleep(burstMs);
  const during = highest(performance.now() - burstMs / 4);
  burst = false;
  const clearedMs = performance.now();
  const had = trial.oracle.requests.length;
  await delivery.offerAll(batches.slice(batches.length / 2));
  await requireRecovery(trial, clearedMs, had);
  await delivery.delivered();
  const after = highest(clearedMs);
  if (trial.mode.name === "balance_async") { // the mode that asks for more until it is told to stop
    trial.require(before > 1 && during < before, `${before} requests at once before the burst, ${during} in it`);
    trial.require(after > during, `${during} requests at once in the burst, ${after} behind it`);
  }
  await delivery.finish(trial);
  trial.note(
    `requests at once on a host in ${trial.mode.name}: ${before} before, ${during} while throttled, ${after} after`,
  );
  await direct(trial, peers);
}

/** The same without a spool, where attempts are counted: throttling costs none of them. */
async function direct(trial: Trial, peers: readonly HttpPeer[]): Promise<void> {
  let burst = true;
  bursts(trial, peers, 429, 0.7, () => burst);
  const delivery = await trial.deliver(peers, { name: "direct", spool: null, config: { maxRetries: 0 } });
  await delivery.offerAll(trial.batches(2_000, { most: 50 }));
  await sleep(500);
  burst = false;
  await delivery.finish(trial);
}

/** When requests of a host began, from a moment on. */
function requestsSince(peer: HttpPeer, fromMs: number): number[] {
  return peer.requestsMs.filter((atMs) => atMs > fromMs);
}

async function toldToWait(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const waitS = trial.full ? 7 : 2;
  const [told, ...others] = peers as [HttpPeer, ...HttpPeer[]];
  let answeredMs: number | undefined;
  const wait = async (exchange: Exchange) => {
    trial.fault();
    await answers(429, { "retry-after": String(waitS) })(exchange);
    answeredMs ??= performance.now();
  };
  // Whichever host is asked first in failover is the one that is told.
  const scripts = trial.mode.mode === "failover" ? peers : [told];
  let chosen: HttpPeer | undefined;
  for (const peer of scripts) {
    peer.script = async (exchange) => {
      chosen ??= peer;
      await (peer === chosen && answeredMs === undefined ? wait(exchange) : takesAll(exchange));
    };
  }
  const delivery = await trial.deliver(peers);
  const batches = trial.batches();
  await delivery.offerAll(batches.slice(0, batches.length / 2));
  await until(() => answeredMs !== undefined, "a host asked to be left alone");
  await sleep(NOISE_MS / 5); // what was under way at that moment has come
  const quietMs = performance.now();
  await delivery.offerAll(batches.slice(batches.length / 2));
  await delivery.delivered();
  await until(() => performance.now() > answeredMs! + waitS * 1_000, "the time is over");
  const early = requestsSince(chosen!, quietMs).filter((atMs) => atMs < answeredMs! + waitS * 1_000);
  trial.require(early.length === 0, `${early.length} requests came before ${waitS} s were over`);
  if (BALANCED.includes(trial.mode.name)) {
    const busy = others.some((peer) => requestsSince(peer, quietMs).length > 0);
    trial.require(busy, "the other hosts got nothing meanwhile");
  }
  trial.require(delivery.metric("limier_retry_after_honoured_total") > 0, "the wait is not counted");
  await delivery.finish(trial);
}

async function waitsUntilDate(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const waitS = 2;
  const hour = 3_600_000;
  for (const skewMs of [hour, -hour]) {
    let answeredMs: number | undefined;
    for (const peer of peers) {
      let first = true;
      peer.script = async (exchange) => {
        if (!first) return await takesAll(exchange);
        first = false;
        trial.fault();
        const serverMs = Date.now() + skewMs;
        const headers = {
          date: new Date(serverMs).toUTCString(),
          "retry-after": new Date(serverMs + waitS * 1_000).toUTCString(),
        };
        await answers(503, headers)(exchange);
        answeredMs ??= performance.now();
      };
    }
    const had = trial.oracle.requests.length;
    // Alone in the spool, so that there is one request and no other under way.
    const delivery = await trial.deliver(peers.slice(0, 1), { name: `skewed_${skewMs}` });
    await delivery.offerAll(trial.batches(5_000).slice(0, 1));
    await delivery.delivered();
    const tookMs = trial.oracle.requests[had]!.atMs - answeredMs!;
    const holds = tookMs >= waitS * 1_000 - 5 && tookMs <= waitS * 1_000 * 1.1 + 1_000 + NOISE_MS;
    trial.require(holds, `with a server's clock ${skewMs / hour} h off, ${waitS} s were ${Math.round(tookMs)} ms`);
    await delivery.finish(trial);
  }
}

async function strangeWaits(trial: Trial): Promise<void> {
  const speed = 400;
  const peers = trial.peers({}, 1);
  const [peer] = peers as [HttpPeer];
  const said = ["86400", "-5", "soon", ""];
  const answered: { readonly said: string; readonly atMs: number }[] = [];
  peer.script = async (exchange) => {
    const next = said.shift();
    if (next === undefined) return await takesAll(exchange);
    trial.fault();
    await answers(429, { "retry-after": next })(exchange);
    answered.push({ said: next, atMs: performance.now() });
  };
  const delivery = await trial.deliver(peers, {
    clock: fastClock(speed),
    config: { timeoutMs: 3_600_000, backoff: { initMs: 1_000, maxMs: 20_000 }, breaker: {} },
  });
  const [first, ...others] = trial.batches();
  await delivery.offerAll([first!]);
  await delivery.delivered();
  for (const { said, atMs } of answered) {
    const nextMs = peer.requestsMs.find((one) => one > atMs)!;
    const tookS = (nextMs - atMs) * speed / 1_000;
    const clamped = said === "86400";
    const holds = clamped
      ? tookS >= 599 && tookS < 660 + NOISE_MS * speed / 1_000
      : tookS < 100 + NOISE_MS * speed / 1_000;
    trial.require(holds, `after Retry-After "${said}" the next request came ${Math.round(tookS)} s later`);
  }
  await delivery.offerAll(others);
  await delivery.finish(trial);
}

async function serverErrors(trial: Trial): Promise<void> {
  const peers = trial.peers();
  let burst = true;
  bursts(trial, peers, 500, 0.3, () => burst);
  const delivery = await trial.deliver(peers, { config: { maxRetries: 0 } });
  await delivery.offerAll(trial.batches(10_000, { most: 60 }));
  await sleep(trial.full ? 30_000 : 1_000);
  burst = false;
  await delivery.finish(trial);

  // Without a spool, and with one attempt, there are losses; each is counted, and there are no others.
  burst = true;
  const direct = await trial.deliver(peers, { name: "direct", spool: null, config: { maxRetries: 0 } });
  await direct.offerAll(trial.batches(2_000, { most: 50 }));
  await direct.delivered();
  const arrived = trial.oracle.arrived();
  await direct.finish(trial, { gone: new Set(direct.failedIds.filter((id) => !arrived.has(id))) });
}

async function longUnavailable(trial: Trial): Promise<void> {
  const speed = 150;
  const clock = fastClock(speed);
  const peers = trial.peers();
  let down = true;
  bursts(trial, peers, 503, 1, () => down);
  // The waits of a real configuration: 1 s to 60 s.
  const backoff = { initMs: 1_000, maxMs: 60_000 };
  const delivery = await trial.deliver(peers, {
    clock,
    config: { backoff, breaker: {}, timeoutMs: 3_600_000 },
    spool: { maxAgeMs: 86_400_000 },
  });
  await delivery.offerAll(trial.batches());
  const fromMs = clock.monotonic();
  await until(() => clock.monotonic() - fromMs >= 300_000, "five minutes have passed");
  const requests = peers.reduce((sum, peer) => sum + peer.requests, 0);
  const most = mostAttempts(clock.monotonic() - fromMs, backoff) * peers.length * trial.mode.width;
  trial.require(
    requests > 1 && requests <= most,
    `${requests} requests in five minutes; the schedule allows 2 to ${most}`,
  );
  trial.require(delivery.books.dropped === 0, `${delivery.books.dropped} events were dropped in the outage`);
  down = false;
  await requireRecovery(trial, performance.now(), 0, 60_000 / speed);
  await delivery.finish(trial);
}

/** Events that a request may have. */
const MOST_EVENTS = 100;

async function tooManyEvents(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const refusedAt: number[] = [];
  for (const peer of peers) {
    peer.script = async (exchange) => {
      const ids = await exchange.ids();
      if (ids.length <= MOST_EVENTS) return await takesAll(exchange);
      trial.fault();
      refusedAt.push(trial.oracle.requests.length);
      await exchange.reply(413);
    };
  }
  const delivery = await trial.deliver(peers);
  await delivery.offerAll(trial.batches());
  await delivery.delivered();
  // One client a host, which halves 500 to 63 in three steps; with several under way, each may have to learn it.
  const most = peers.length * trial.mode.width * 7;
  trial.require(
    trial.faults > 0 && trial.faults <= most,
    `${trial.faults} requests were too large; ${most} teach the size`,
  );
  await delivery.finish(trial);
}

async function tooLargeEvent(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const batches = trial.batches();
  const poison = batches.find(({ ids }) => ids.length > 50)!.ids[20]!;
  for (const peer of peers) {
    peer.script = async (exchange) => {
      if (!(await exchange.ids()).includes(poison)) return await takesAll(exchange);
      trial.fault();
      await exchange.reply(413);
    };
  }
  const delivery = await trial.deliver(peers);
  await delivery.offerAll(batches);
  await delivery.finish(trial, { gone: new Set([poison]) });
  const { rejected } = delivery.books;
  trial.require(rejected === 1, `${rejected} events were rejected, and one is too large`);
  const requests = peers.reduce((sum, peer) => sum + peer.requests, 0);
  // To find one event among 500 takes two requests a halving, on each connection that the batch comes to.
  const most = batches.length + 4 * (2 * Math.log2(500) + 2);
  trial.require(requests <= most, `${requests} requests for ${batches.length} batches, one of them with a large event`);
}

async function poisonEvent(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const batches = trial.batches();
  const large = batches.find(({ ids }) => ids.length > 200)!;
  const poison = large.ids[trial.random.below(large.ids.length)]!;
  for (const peer of peers) {
    peer.script = async (exchange) => {
      if (!(await exchange.ids()).includes(poison)) return await takesAll(exchange);
      trial.fault();
      await exchange.reply(400);
    };
  }
  const delivery = await trial.deliver(peers);
  await delivery.offerAll(batches);
  await delivery.finish(trial, { gone: new Set([poison]) });
  const extra = peers.reduce((sum, peer) => sum + peer.requests, 0) - batches.length;
  const most = 2 * Math.log2(large.ids.length) + 2;
  trial.require(extra <= most, `${extra} requests more than batches; ${most} find one event among ${large.ids.length}`);
}

async function refusedKey(trial: Trial): Promise<void> {
  const peers = trial.peers();
  let refuses = true;
  bursts(trial, peers, 401, 1, () => refuses);
  const delivery = await trial.deliver(peers);
  const fromMs = performance.now();
  await delivery.offerAll(trial.batches());
  await sleep(trial.full ? 60_000 : 1_500);
  const probes = peers.reduce((sum, peer) => sum + peer.requests, 0);
  const most = peers.length * (trial.mode.width + 1 + Math.ceil((performance.now() - fromMs) / WAITS.holdMs));
  trial.require(probes > 1 && probes <= most, `${probes} requests while the key was refused; ${most} are probes`);
  refuses = false;
  await requireRecovery(trial, performance.now(), 0, Math.max(WAITS.holdMs, LONGEST_WAIT_MS));
  await delivery.finish(trial);
}

export const statusRows: readonly Row[] = [
  { id: "FI-13", fault: "429 in bursts, no Retry-After", once: "balance_async", run: throttled },
  { id: "FI-14", fault: "429 with Retry-After", once: "balance_sync", run: toldToWait },
  { id: "FI-15", fault: "Retry-After as a date, clocks 1 h off", once: "single_sync", run: waitsUntilDate },
  { id: "FI-16", fault: "Retry-After 86400, -5, soon, empty", once: "single_async", run: strangeWaits },
  { id: "FI-17", fault: "500 in bursts", once: "failover_async", run: serverErrors },
  { id: "FI-18", fault: "503 everywhere for 5 min", once: "failover_sync", run: longUnavailable },
  { id: "FI-19", fault: "413 above 100 events", once: "balance_async", run: tooManyEvents },
  { id: "FI-20", fault: "413 for one event", once: "single_sync", run: tooLargeEvent },
  { id: "FI-21", fault: "400 for any batch with one event", once: "balance_sync", run: poisonEvent },
  { id: "FI-22", fault: "401, then ok", once: "failover_sync", run: refusedKey },
];
