/// <reference lib="deno.worker" />
/**
 * A reader: one socket, one thread, its own table. It sits in `recvmmsg`, and between two calls looks whether a flush was
 * asked for. It never awaits, so that nothing comes between a datagram and its cell.
 */
import { type Ancillary, BatchReceiver, SystemError } from "../linux/mod.ts";
import { Heart, intervalTransferables } from "./heart.ts";
import { Control, type FromReader, type ReaderInterval, type ReaderStart, sharedMonotonicMs } from "./threads.ts";
import { warmUp } from "./warm_up.ts";

/** A reader that is told to stop still takes what has arrived, but no longer than this. */
const DRAIN_MS = 2_000;
/** Refused lines reported in a second, by a reader. */
const REPORTS_A_SECOND = 10;
const ERROR_PAUSE_MS = 100;

self.onmessage = (event: MessageEvent<ReaderStart>) => {
  read(event.data);
  self.close();
};

function tell(message: FromReader): void {
  self.postMessage(message);
}

function read(start: ReaderStart): void {
  const { control } = start.shared;
  const heart = new Heart(
    start.config,
    start.shared.budget,
    start.stats,
    start.reportsRefused ? reporter() : undefined,
  );
  warmUp(start.config);
  const { fd, datagramBytes, stampsToMonotonicMs } = start;
  const receiver = new BatchReceiver(fd, { datagramBytes, ancillary: stampsToMonotonicMs !== undefined });
  let epoch = Atomics.load(control, Control.epoch);
  const hand = (at: number) => {
    const interval = heart.swap();
    const message: ReaderInterval = { epoch: at, interval };
    start.port.postMessage(message, intervalTransferables(interval));
    epoch = at;
  };
  tell({ kind: "started" });
  while (Atomics.load(control, Control.stop) === 0) {
    take(receiver, heart, start);
    const now = Atomics.load(control, Control.epoch);
    if (now !== epoch) hand(now);
  }
  for (const endMs = performance.now() + DRAIN_MS; take(receiver, heart, start) > 0 && performance.now() < endMs;);
  // The last flush raises the epoch once more, and so waits for this.
  hand(Atomics.load(control, Control.epoch) + 1);
  start.port.close();
  tell({ kind: "stopped" });
}

/** Takes in what one call brings; the number of datagrams. */
function take(receiver: BatchReceiver, heart: Heart, start: ReaderStart): number {
  let count: number;
  try {
    count = receiver.receive();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    tell({ kind: "receiveError", message: error.message });
    Atomics.wait(start.shared.control, Control.stop, 0, ERROR_PAUSE_MS); // an error that lasts must not become a hot loop
    return 0;
  }
  if (count === 0) return 0;
  heart.setTime(Date.now(), sharedMonotonicMs());
  const { buffer, ancillary } = receiver;
  if (ancillary !== undefined) {
    takeStamped(receiver, ancillary, heart, start.stampsToMonotonicMs ?? 0, count);
    return count;
  }
  for (let i = 0; i < count; i++) heart.ingestDatagram(buffer, receiver.offset(i), receiver.length(i));
  return count;
}

/** As other readers get datagrams of the same senders, it is the kernel's time of each that says which gauge is newer. */
function takeStamped(
  receiver: BatchReceiver,
  ancillary: Ancillary,
  heart: Heart,
  toMonotonicMs: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const receivedMs = ancillary.receivedMs(i);
    if (!Number.isNaN(receivedMs)) heart.setTime(receivedMs, receivedMs + toMonotonicMs);
    heart.ingestDatagram(receiver.buffer, receiver.offset(i), receiver.length(i));
  }
}

/** Reports refused lines, so many a second. */
function reporter(): (refused: Parameters<NonNullable<ConstructorParameters<typeof Heart>[3]>>[0]) => void {
  let second = 0, reported = 0;
  return (refused) => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) [second, reported] = [now, 0];
    if (reported++ < REPORTS_A_SECOND) tell({ kind: "refused", refused });
  };
}
