/** Faults of answers: late, twice, too many, by half, for some events only, in another order. */
import { FramedClient, framedDestination } from "./framed_client.ts";
import type { FramedPeer, Send } from "./framed_peer.ts";
import { acknowledges } from "./framed_peer.ts";
import { takesAll } from "./http_peer.ts";
import type { Delivery, DeliveryOptions } from "./delivery.ts";
import type { Row, Trial } from "./trial.ts";
import { sleep } from "./wait.ts";

/** Delivery by the framed protocol; where several sends are outstanding, by clients that report progress. */
export async function deliverFramed(
  trial: Trial,
  peers: readonly FramedPeer[],
  options: DeliveryOptions = {},
): Promise<Delivery> {
  const { width, name } = trial.mode;
  const reporting = name === "balance_async" ? { reporting: (host: string) => new FramedClient(host, width) } : {};
  return await trial.deliver(peers, { destination: framedDestination(width), ...reporting, ...options });
}

async function keptAlive(trial: Trial): Promise<void> {
  const peers = trial.framedPeers();
  const faulty = trial.chooser(0.1, 3);
  const keptMs: number[] = [];
  for (const peer of peers) {
    peer.script = async (send) => {
      if (!faulty()) return await acknowledges(send);
      const fromMs = performance.now();
      // For ever, as far as it goes: the sender has to end it.
      while (send.isOpen && performance.now() - fromMs < 30_000) {
        await send.taken(0);
        await sleep(20);
        if (trial.mode.name === "balance_async" && performance.now() - fromMs > 6_000) break;
      }
      keptMs.push(performance.now() - fromMs);
    };
  }
  const config = { timeoutMs: 1_000, progressTimeoutMs: 2_000 };
  const delivery = await deliverFramed(trial, peers, { config });
  await delivery.offerAll(trial.batches());
  await delivery.finish(trial, { repeats: "unanswered" });
  const ended = delivery.attempts("ambiguous");
  trial.require(
    ended >= trial.faults && trial.faults > 0,
    `${ended} attempts were ended, and ${trial.faults} were kept alive`,
  );
}

async function truncatedHttp(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const faulty = trial.chooser(0.25, 25);
  for (const peer of peers) {
    peer.script = async (exchange) => {
      if (!faulty()) return await takesAll(exchange);
      await exchange.store();
      // The status line alone; or all of the head, and half of what it promises.
      if (trial.random.chance(0.5)) await exchange.write("HTTP/1.1 200 OK\r\n");
      else await exchange.write('HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"status":');
      exchange.cut();
    };
  }
  const delivery = await trial.deliver(peers);
  await delivery.offerAll(trial.batches());
  await delivery.finish(trial, { repeats: "unanswered" });
}

async function truncatedList(trial: Trial): Promise<void> {
  const peers = trial.framedPeers();
  const faulty = trial.chooser(0.25, 25);
  for (const peer of peers) {
    peer.script = async (send) => {
      if (!faulty()) return await acknowledges(send);
      send.store();
      const line = JSON.stringify({ send: send.number, statuses: send.ids.map(() => 200) });
      await send.write(line.slice(0, line.length / 2)); // the line end makes it a list that can't be read
      send.cut();
    };
  }
  const delivery = await deliverFramed(trial, peers, { name: "framed" });
  await delivery.offerAll(trial.batches());
  await delivery.finish(trial, { repeats: "unanswered" });
}

async function lateAnswers(trial: Trial): Promise<void> {
  const peers = trial.framedPeers();
  const faulty = trial.chooser(0.1, 4);
  for (const peer of peers) {
    let late: Send | undefined;
    peer.script = async (send) => {
      const before = late;
      late = undefined;
      if (before !== undefined) { // it comes while this one waits, which is then lost: credited to it, its events would be
        await before.write(JSON.stringify({ send: before.number, statuses: before.ids.map(() => 200) })).catch(
          () => {},
        );
        await sleep(20);
        return send.cut();
      }
      if (!faulty()) return await acknowledges(send);
      send.store();
      late = send;
    };
  }
  const delivery = await deliverFramed(trial, peers, { config: { timeoutMs: 700 } });
  await delivery.offerAll(trial.batches());
  await delivery.finish(trial, { repeats: "unanswered" });
}

async function excessAnswers(trial: Trial): Promise<void> {
  const peers = trial.framedPeers();
  const faulty = trial.chooser(0.3, 30);
  for (const peer of peers) {
    peer.script = async (send) => {
      if (!faulty()) return await acknowledges(send);
      const kind = trial.random.below(3);
      if (kind === 0) { // the same answer twice
        await acknowledges(send);
        await send.write(JSON.stringify({ send: send.number, statuses: send.ids.map(() => 200) }));
      } else if (kind === 1) { // progress beyond the end
        await send.taken(send.ids.length + 5);
      } else { // an answer for more events than there were
        await send.write(JSON.stringify({ send: send.number, statuses: [...send.ids, 1].map(() => 200) }));
      }
    };
  }
  const delivery = await deliverFramed(trial, peers);
  await delivery.offerAll(trial.batches());
  await delivery.finish(trial, { repeats: "unanswered" });
  const connects = peers.reduce((sum, peer) => sum + peer.connects, 0);
  trial.require(trial.faults === 0 || connects > peers.length, "no protocol error led to another connection");
}

/** What becomes of an event at its first arrival. */
const MIXED = [200, 200, 200, 200, 200, 200, 409, 429, 400, 503] as const;

async function mixedResults(trial: Trial): Promise<void> {
  const peers = trial.framedPeers();
  const fate = new Map<number, number>();
  const seen = new Map<number, number>();
  for (const peer of peers) {
    peer.script = async (send) => {
      const statuses = send.ids.map((id) => {
        const times = (seen.get(id) ?? 0) + 1;
        seen.set(id, times);
        if (times > 1) return 200;
        const status = MIXED[trial.random.below(MIXED.length)]!;
        fate.set(id, status);
        if (status !== 200) trial.fault();
        return status;
      });
      send.store(send.ids.filter((_, i) => statuses[i] === 200 || statuses[i] === 409));
      await send.statuses(statuses);
    };
  }
  const delivery = await deliverFramed(trial, peers);
  await delivery.offerAll(trial.batches());
  const having = (...statuses: number[]) =>
    [...fate].filter(([, status]) => statuses.includes(status)).map(([id]) => id);
  await delivery.delivered();
  const refused = new Set(having(400));
  await delivery.finish(trial, { gone: refused });
  const { books } = delivery;
  const want = { delivered: having(200, 429, 503).length, duplicate: having(409).length, rejected: refused.size };
  for (const [name, count] of Object.entries(want)) {
    const is = books[name as keyof typeof want];
    trial.require(is === count, `${is} events are counted as ${name}, and ${count} were`);
  }
  const again = having(200, 409, 400).filter((id) => seen.get(id)! > 1);
  const notAgain = having(429, 503).filter((id) => seen.get(id) !== 2);
  trial.require(again.length === 0, `${again.length} events were sent again that had an answer for good`);
  trial.require(
    notAgain.length === 0,
    `${notAgain.length} events that were wanted again did not come exactly once more`,
  );
}

async function garbage(trial: Trial): Promise<void> {
  const peers = trial.framedPeers();
  const faulty = trial.chooser(0.2, 10);
  for (const peer of peers) {
    peer.script = async (send) => {
      if (!faulty()) return await acknowledges(send);
      await send.write("<html>it works</html>"); // and nothing was kept
    };
  }
  const delivery = await deliverFramed(trial, peers);
  await delivery.offerAll(trial.batches());
  await delivery.finish(trial, { repeats: "unanswered" }); // what else was outstanding on that connection
}

async function reordered(trial: Trial): Promise<void> {
  const peers = trial.framedPeers();
  const waiting: Send[] = [];
  let done = false;
  for (const peer of peers) peer.script = (send) => Promise.resolve(void waiting.push(send));
  const answering = (async () => {
    while (!done) {
      await sleep(5);
      while (waiting.length > 0) {
        const [send] = waiting.splice(trial.random.below(waiting.length), 1);
        trial.fault();
        // Now and then what was taken so far, and then no more: the rest has to come again, and only that.
        const cut = trial.random.chance(0.1);
        const some = send!.ids.slice(0, Math.ceil(send!.ids.length / 2));
        send!.store(cut ? some : send!.ids);
        if (!cut) await send!.statuses(send!.ids.map(() => 200)).catch(() => {});
        else await send!.statuses(send!.ids.map((_, i) => i < some.length ? 200 : 503)).catch(() => {});
        if (trial.random.chance(0.3)) break; // others may come first
      }
    }
  })();
  const delivery = await deliverFramed(trial, peers);
  await delivery.offerAll(trial.batches(10_000, { most: 200 }));
  await delivery.delivered();
  done = true;
  await answering;
  await delivery.finish(trial);
}

async function bothTruncated(trial: Trial): Promise<void> {
  await truncatedHttp(trial);
  await truncatedList(trial);
}

export const replyRows: readonly Row[] = [
  { id: "FI-6", fault: "stall with keep-alives", once: "balance_async", run: keptAlive },
  { id: "FI-9", fault: "truncated reply", once: "failover_async", run: bothTruncated },
  { id: "FI-11", fault: "late acknowledgement", once: "single_async", run: lateAnswers },
  { id: "FI-12", fault: "acknowledged twice, and too much", once: "balance_async", run: excessAnswers },
  { id: "FI-23", fault: "mixed results by event", once: "failover_sync", run: mixedResults },
  { id: "FI-24", fault: "success with a garbage body", once: "balance_sync", run: garbage },
  { id: "FI-47", fault: "results in random order", once: "balance_async", run: reordered },
];
