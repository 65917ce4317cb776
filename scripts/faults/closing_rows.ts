/** Closing at any moment, and what delivers without an output around it. */
import { realClock } from "../../src/clock/mod.ts";
import { BatchBuilder } from "../../src/metric/mod.ts";
import { type DestinationClient, makeClients, type Mode, type ModeOutcome, startMode } from "../../src/output/mod.ts";
import { recordingReporter } from "../../src/telemetry/mod.ts";
import { NOISE_MS } from "./connection_rows.ts";
import { eventText, type Numbered } from "./events.ts";
import { FramedClient } from "./framed_client.ts";
import { sumOf } from "./page.ts";
import type { Row, Trial } from "./trial.ts";
import { inTime } from "./wait.ts";
import { WAITS } from "./waits.ts";

/** Takes everything after a moment or none at all, in this process. */
function instantClient(trial: Trial): DestinationClient {
  let connected = false;
  return {
    concurrency: trial.mode.width,
    get isConnected() {
      return connected;
    },
    connect: async () => {
      await turns(trial.random.below(3));
      connected = true;
    },
    publish: async () => {
      await turns(trial.random.below(4));
      return { remaining: null };
    },
    close: () => {
      connected = false;
      return Promise.resolve();
    },
  };
}

/** Lets the event loop turn that often; not at all, for 0. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await (i % 2 === 0 ? Promise.resolve() : new Promise<void>((resolve) => setTimeout(resolve, 0)));
  }
}

/** The shortest way to deliver without an output around it. */
export function bareMode(trial: Trial, hosts: readonly string[], newClient: (host: string) => DestinationClient) {
  const reporter = recordingReporter();
  const config = {
    ...WAITS,
    name: "bare",
    mode: trial.mode.mode,
    timeoutMs: 30_000,
    maxRetries: 3,
    bulkMaxSize: 500,
    closeTimeoutMs: 200,
  };
  const mode = startMode(config, makeClients({ hosts }, newClient), {
    clock: realClock,
    reporter,
    random: trial.random.next,
  });
  return { mode, page: () => reporter.metrics.text() };
}

export function smallBatch(firstId: number, count: number): Numbered {
  const builder = new BatchBuilder("points", 1_700_000_010);
  const ids = Array.from({ length: count }, (_, i) => firstId + i);
  for (const id of ids) {
    builder.appendText(eventText(id, ""));
    builder.endEvent();
  }
  return { batch: builder.build(), ids };
}

/** One interleaving of publishing and closing: a finding, or none. */
async function closeRace(trial: Trial, mode: Mode): Promise<string | undefined> {
  const heard: ModeOutcome[][] = [];
  const ended: Promise<ModeOutcome>[] = [];
  let late = 0;
  let closed = false;
  const publish = (count: number) => {
    const { batch } = smallBatch(trial.events + 1, count);
    trial.events += count;
    const outcomes: ModeOutcome[] = [];
    heard.push(outcomes);
    const receiver = (outcome: ModeOutcome) => {
      outcomes.push(outcome);
      if (closed) late++;
    };
    ended.push(mode.publish(batch, { receiver, guaranteed: trial.random.chance(0.3) }));
  };
  for (let i = 1 + trial.random.below(3); i > 0; i--) {
    publish(1 + trial.random.below(3));
    await turns(trial.random.below(3));
  }
  await turns(trial.random.below(6));
  trial.fault();
  const closing = mode.close();
  publish(1); // races with it
  const again = mode.close();
  await turns(trial.random.below(3));
  await inTime(Promise.all([closing, again]), "closing", 1_200 + 10 * NOISE_MS);
  closed = true;
  publish(1); // behind it
  closed = false;
  const outcomes = await inTime(Promise.all(ended), "the outcomes", 10 * NOISE_MS);
  await mode.close();
  const wrong = heard.find((each) => each.length !== 1);
  if (wrong !== undefined) return `a publish was signalled ${wrong.length} times`;
  if (late > 0) return `${late} signals came when closing had resolved`;
  const last = outcomes.at(-1)!;
  return last.kind === "failed" && last.reason === "closed" ? undefined : `a publish behind closing is ${last.kind}`;
}

/** Interleavings over real sockets; the others are over clients in this process. */
const REAL_RACES = 400;
const RACES = 10_000;

/** Interleavings at once, each with a mode of its own. */
const LANES = 25;

async function closing(trial: Trial): Promise<void> {
  const peers = trial.framedPeers();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < RACES && trial.findings.length === 0; i = next++) {
      const real = i < REAL_RACES;
      const { mode, page } = bareMode(
        trial,
        peers.map(({ url }) => url),
        (host) => real ? new FramedClient(host, trial.mode.width) : instantClient(trial),
      );
      const finding = await closeRace(trial, mode);
      if (finding !== undefined) return trial.find([`interleaving ${i}: ${finding}`]);
      const open = i % 10 === 0 ? sumOf(page(), "limier_in_flight_batches") : 0;
      if (open !== 0) return trial.find([`interleaving ${i}: ${open} batches are under way when all is closed`]);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  trial.note(`${REAL_RACES} of ${RACES} interleavings are over real sockets`);
}

export const closingRows: readonly Row[] = [
  { id: "FI-37", fault: "close() racing publish()", once: "balance_sync", run: closing },
];
