/// <reference lib="deno.worker" />
/**
 * The poll: one thread that dumps, compares, and sits in a receive for notifications between two polls. It never awaits, so
 * that nothing comes between a dump and what is made of it.
 */
import { LinuxUnavailable, SystemError } from "../linux/mod.ts";
import { Outbox } from "./outbox.ts";
import { Poller } from "./poller.ts";
import { At } from "./stats.ts";
import { Control, type FromPoll, MOST_IN_FLIGHT_BYTES, type PollStart, sharedMonotonicMs } from "./threads.ts";

/** How long it waits where there are no notifications to wait for, at most. */
const MOST_PAUSE_MS = 100;
const ERROR_PAUSE_MS = 1000;

self.onmessage = ({ data }: MessageEvent<PollStart>) => {
  poll(data);
  self.close();
};

function tell(message: FromPoll): void {
  self.postMessage(message);
}

function poll(start: PollStart): void {
  const outbox = new Outbox({
    marshallers: start.ports.length,
    post: (marshaller, batch) => post(start, marshaller, batch),
    onEvents: start.reportsEvents ? (events) => tell({ kind: "events", events }) : undefined,
  });
  let poller: Poller;
  try {
    poller = new Poller(start.config, {
      uuidPrefix: start.uuidPrefix,
      sink: outbox,
      stats: start.stats,
      now: () => Date.now(),
      monotonic: sharedMonotonicMs,
      log: (level, message) => tell({ kind: "log", level, message }),
    });
  } catch (error) {
    if (!(error instanceof SystemError || error instanceof LinuxUnavailable)) throw error;
    tell({ kind: "unavailable", message: error.message });
    endPorts(start);
    return;
  }
  tell({ kind: "started" });
  run(start, poller, outbox);
  poller.stop();
  outbox.flush();
  poller[Symbol.dispose]();
  endPorts(start);
  tell({ kind: "stopped" });
}

function endPorts({ ports }: PollStart): void {
  for (const port of ports) {
    port.postMessage(null);
    port.close();
  }
}

/** Polls until it is told to stop, or has polled as often as it should. */
function run(start: PollStart, poller: Poller, outbox: Outbox): void {
  const { control } = start.shared;
  const { pollIntervalMs, reps } = start.config;
  const isStopped = () => Atomics.load(control, Control.stop) !== 0;
  let nextMs = sharedMonotonicMs();
  for (let cycles = 0; !isStopped() && (reps === 0 || cycles < reps); cycles++) {
    if (!attempt(poller, () => poller.cycle())) Atomics.wait(control, Control.stop, 0, ERROR_PAUSE_MS);
    outbox.flush();
    // Polls that were due meanwhile are one.
    nextMs = Math.max(nextMs + pollIntervalMs, sharedMonotonicMs());
    for (let leftMs = nextMs - sharedMonotonicMs(); leftMs > 0 && !isStopped(); leftMs = nextMs - sharedMonotonicMs()) {
      attempt(poller, () => {
        if (poller.hasNotifications && leftMs >= poller.waitMs) poller.wait();
        else {
          Atomics.wait(control, Control.stop, 0, Math.min(leftMs, MOST_PAUSE_MS));
          poller.receive();
        }
      });
      outbox.flush();
    }
  }
}

/** Does it, or tells why not. @returns whether it was done */
function attempt(poller: Poller, step: () => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    poller.fail(error.message);
    return false;
  }
}

/** Hands a batch over, and waits while the marshaller has more than enough to do. */
function post({ shared, ports, stats }: PollStart, marshaller: number, batch: Uint8Array<ArrayBuffer>): void {
  const { inFlight } = shared;
  const begunMs = sharedMonotonicMs();
  let waits = false;
  for (let bytes = Atomics.load(inFlight, marshaller); bytes > MOST_IN_FLIGHT_BYTES;) {
    waits = true;
    Atomics.wait(inFlight, marshaller, bytes, MOST_PAUSE_MS);
    bytes = Atomics.load(inFlight, marshaller);
  }
  if (waits) stats[At.blockedMs]! += sharedMonotonicMs() - begunMs;
  Atomics.add(inFlight, marshaller, batch.length);
  ports[marshaller]!.postMessage(batch, [batch.buffer]);
}
