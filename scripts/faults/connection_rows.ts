/** Faults of connections: refused, closed, reset, stalled, cut in the middle. */
import { LONGEST_WAIT_MS, WAITS } from "./waits.ts";
import type { HttpPeer } from "./http_peer.ts";
import { stalls, takesAll } from "./http_peer.ts";
import { SEVERAL_HOSTS } from "./modes.ts";
import type { Row, Trial } from "./trial.ts";
import { sleep, until } from "./wait.ts";

/** What a busy machine may add to anything. */
export const NOISE_MS = 2_500;

/** An attempt is over after this, where the row is about that. */
const TIMEOUT_MS = 1_000;

/** Attempts on one connection in `ms` at most, as half of each backoff is certain. */
export function mostAttempts(ms: number, { initMs, maxMs }: { initMs: number; maxMs: number } = WAITS.backoff): number {
  let count = 1;
  for (let atMs = 0, k = 0; atMs <= ms; k++) {
    atMs += Math.min(maxMs, initMs * 2 ** Math.min(k, 30)) / 2;
    count++;
  }
  return count;
}

/** Looks that delivering goes on soon after the fault has ended. */
export async function requireRecovery(
  trial: Trial,
  clearedMs: number,
  before: number,
  waitMs = LONGEST_WAIT_MS,
): Promise<void> {
  await until(() => trial.oracle.requests.length > before, "delivery goes on after the fault");
  const tookMs = trial.oracle.requests[before]!.atMs - clearedMs;
  trial.require(
    tookMs <= 2 * waitMs + NOISE_MS,
    `delivery went on only ${Math.round(tookMs)} ms after the fault had ended`,
  );
}

function startAll(peers: readonly HttpPeer[]): void {
  for (const peer of peers) peer.start();
}

async function refused(trial: Trial): Promise<void> {
  const outageMs = trial.full ? 10_000 : 1_500;
  const peers = trial.peers();
  for (const peer of peers) await peer.stop();
  const delivery = await trial.deliver(peers);
  const fromMs = performance.now();
  await delivery.offerAll(trial.batches());
  await sleep(outageMs);
  const attempts = delivery.attempts("connection");
  const most = mostAttempts(performance.now() - fromMs) * peers.length * trial.mode.width;
  trial.fault(attempts);
  trial.require(
    attempts > 1 && attempts <= most,
    `${attempts} attempts while refused; the schedule allows 2 to ${most}`,
  );
  startAll(peers);
  await requireRecovery(trial, performance.now(), 0);
  await delivery.finish(trial);
}

async function oneRefused(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const [dead, ...others] = peers;
  await dead!.stop();
  const fromMs = performance.now();
  const delivery = await trial.deliver(peers);
  await delivery.offerAll(trial.batches(10_000, { most: 100 }));
  await delivery.delivered();
  const attempts = delivery.attempts("connection");
  trial.fault(attempts);
  const most = mostAttempts(performance.now() - fromMs) * trial.mode.width;
  trial.require(attempts <= most, `the dead host was tried ${attempts} times; the schedule allows ${most}`);
  trial.require(others.some(({ requests }) => requests > 0), "the other hosts got nothing");
  await delivery.finish(trial);
}

async function closedAtOnce(trial: Trial): Promise<void> {
  const peers = trial.peers();
  let closing = true;
  for (const peer of peers) peer.admits = () => closing ? "close" : "serve";
  const delivery = await trial.deliver(peers);
  const fromMs = performance.now();
  await delivery.offerAll(trial.batches());
  await sleep(trial.full ? 10_000 : 1_500);
  const connects = peers.reduce((sum, peer) => sum + peer.connects, 0);
  const most = 2 * mostAttempts(performance.now() - fromMs) * peers.length * trial.mode.width;
  trial.fault(connects);
  trial.require(connects > 1 && connects <= most, `${connects} connects; the schedule allows 2 to ${most}`);
  closing = false;
  await requireRecovery(trial, performance.now(), 0);
  await delivery.finish(trial);
}

async function resetAfterHead(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const faulty = trial.chooser(0.3, 40);
  for (const peer of peers) peer.script = async (exchange) => faulty() ? exchange.cut() : await takesAll(exchange);
  const delivery = await trial.deliver(peers);
  await delivery.offerAll(trial.batches());
  await delivery.finish(trial, { repeats: "unanswered" });
}

/** A `fetch` that remembers how long the requests took that failed. */
export function timedFetch(failedMs: number[]): typeof fetch {
  return async (url, init) => {
    const fromMs = performance.now();
    try {
      return await fetch(url, init);
    } catch (error) {
      failedMs.push(performance.now() - fromMs);
      throw error;
    }
  };
}

/** An attempt that nobody answers ends when its time is over, and neither much earlier nor much later. */
export function requireTimeouts(trial: Trial, tookMs: readonly number[], least: number): void {
  const timeouts = tookMs.filter((ms) => ms > TIMEOUT_MS * 0.5);
  trial.require(timeouts.length >= least, `${timeouts.length} attempts took their time, and ${least} had to`);
  const wrong = timeouts.filter((ms) => ms < TIMEOUT_MS * 0.9 - 100 || ms > TIMEOUT_MS * 1.1 + NOISE_MS);
  trial.require(wrong.length === 0, `attempts of ${TIMEOUT_MS} ms took ${wrong.map(Math.round).join(", ")} ms`);
}

async function stalled(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const faulty = trial.chooser(0.1, 4);
  for (const peer of peers) peer.script = (exchange) => faulty() ? stalls(exchange) : takesAll(exchange);
  const tookMs: number[] = [];
  const delivery = await trial.deliver(peers, { config: { timeoutMs: TIMEOUT_MS }, fetch: timedFetch(tookMs) });
  await delivery.offerAll(trial.batches());
  await delivery.finish(trial, { repeats: "unanswered" });
  requireTimeouts(trial, tookMs, trial.faults);
}

async function slowReader(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const faulty = trial.chooser(0.1, 3);
  for (const peer of peers) {
    peer.script = async (exchange) => {
      if (!faulty()) return await takesAll(exchange);
      for (let bytes = 1_024; bytes < exchange.length; bytes += 1_024) { // 1 KiB/s
        await exchange.read(bytes);
        await sleep(1_000);
      }
      await exchange.gone();
    };
  }
  const tookMs: number[] = [];
  const delivery = await trial.deliver(peers, { config: { timeoutMs: TIMEOUT_MS }, fetch: timedFetch(tookMs) });
  let most = 0;
  const sampler = setInterval(() => most = Math.max(most, delivery.metric("limier_in_flight_batches")), 20);
  await delivery.offerAll(trial.batches(10_000, { paddingBytes: 400 }));
  await delivery.delivered();
  clearInterval(sampler);
  const bound = 2 * peers.length * trial.mode.width;
  trial.require(most <= bound, `${most} batches were in memory at once, and the connections have use for ${bound}`);
  await delivery.finish(trial, { repeats: "unanswered" });
  requireTimeouts(trial, tookMs, trial.faults);
}

async function halfRead(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const faulty = trial.chooser(0.3, 40);
  for (const peer of peers) {
    peer.script = async (exchange) => {
      if (!faulty()) return await takesAll(exchange);
      await exchange.read(Math.floor(exchange.length / 2));
      exchange.cut();
    };
  }
  const delivery = await trial.deliver(peers);
  await delivery.offerAll(trial.batches());
  await delivery.finish(trial, { repeats: "unanswered" });
}

async function lostAnswer(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const faulty = trial.chooser(0.2, 25);
  let unanswered = 0;
  for (const peer of peers) {
    peer.script = async (exchange) => {
      if (!faulty()) return await takesAll(exchange);
      const ids = await exchange.store();
      unanswered += ids.length;
      exchange.cut();
    };
  }
  const delivery = await trial.deliver(peers);
  await delivery.offerAll(trial.batches());
  await delivery.finish(trial, { repeats: "unanswered" });
  const { duplicates } = trial.oracle;
  trial.require(duplicates === unanswered, `${duplicates} events came again, and ${unanswered} had no answer`);
}

async function flapping(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const delivery = await trial.deliver(peers);
  const batches = trial.batches(10_000, { most: 60 });
  let flaps = true;
  const flap = async (peer: HttpPeer, i: number) => {
    await sleep(200 * i / peers.length); // out of phase
    while (flaps) {
      await peer.stop();
      trial.fault();
      await sleep(200);
      peer.start();
      await sleep(200);
    }
  };
  const flapped = Promise.all(peers.map(flap));
  const fromMs = performance.now();
  for (const batch of batches) {
    void delivery.offer(batch);
    await sleep(8);
  }
  flaps = false;
  await flapped;
  const refused = delivery.attempts("connection");
  const most = mostAttempts(performance.now() - fromMs) * peers.length * trial.mode.width;
  trial.require(refused <= most, `${refused} attempts were refused; breaker and backoff allow ${most}`);
  await delivery.finish(trial, { repeats: "unanswered" });
}

async function oneWay(trial: Trial): Promise<void> {
  const peers = trial.peers();
  let partitioned = true;
  for (const peer of peers) {
    peer.script = async (exchange) => {
      if (!partitioned) return await takesAll(exchange);
      trial.fault();
      await exchange.store(); // the request passes, and its answer does not
      await exchange.gone();
    };
  }
  const timeoutMs = 200;
  const delivery = await trial.deliver(peers, { config: { timeoutMs } });
  const fromMs = performance.now();
  await delivery.offerAll(trial.batches());
  await sleep(trial.full ? 10_000 : 2_500);
  // Each attempt takes its time, and after five in a row a host gets one probe at a time.
  const requests = peers.reduce((sum, peer) => sum + peer.requests, 0);
  const rounds = Math.ceil((performance.now() - fromMs) / timeoutMs);
  const most = peers.length * (rounds + 5 * trial.mode.width + 32);
  trial.require(requests <= most, `${requests} requests into the partition; timeouts and the breaker allow ${most}`);
  const unanswered = trial.oracle.requests.length;
  trial.require(unanswered > 0, "nothing was sent into the partition");
  partitioned = false;
  // Those that are waiting for an answer get none: their time has to be over first.
  await requireRecovery(trial, performance.now(), unanswered, timeoutMs + LONGEST_WAIT_MS);
  await delivery.finish(trial, { repeats: "unanswered" });
}

export const connectionRows: readonly Row[] = [
  { id: "FI-1", fault: "refused connect, all hosts", once: "failover_sync", run: refused },
  { id: "FI-2", fault: "refused on one host", modes: SEVERAL_HOSTS, once: "balance_sync", run: oneRefused },
  { id: "FI-3", fault: "accept, then close at once", once: "single_sync", run: closedAtOnce },
  { id: "FI-4", fault: "reset after the request's head", once: "failover_async", run: resetAfterHead },
  { id: "FI-5", fault: "half-open stall", once: "balance_async", run: stalled },
  { id: "FI-7", fault: "slow reader, 1 KiB/s", once: "balance_sync", run: slowReader },
  { id: "FI-8", fault: "half of the body read, then reset", once: "single_async", run: halfRead },
  { id: "FI-10", fault: "lost acknowledgement", once: "failover_sync", run: lostAnswer },
  { id: "FI-43", fault: "flapping hosts", once: "balance_async", run: flapping },
  { id: "FI-46", fault: "one-way partition", once: "failover_async", run: oneWay },
];
