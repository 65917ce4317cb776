/// <reference lib="deno.worker" />
/** A marshaller: one thread that encodes, compresses and writes the records of its connections. */
import { Anonymizer } from "./anonymize.ts";
import { Archive } from "./archive.ts";
import { OWN_ADDRESSES_MS, ownAddresses, TICK_MS } from "./archive_upkeep.ts";
import { Control, type FromMarshaller, type MarshallerStart, sharedMonotonicMs, type ToMarshaller } from "./threads.ts";

self.onmessage = ({ data }: MessageEvent<MarshallerStart>) => marshal(data);

function tell(message: FromMarshaller): void {
  self.postMessage(message);
}

function marshal(start: MarshallerStart): void {
  const { control, inFlight } = start.shared;
  const anonymizer = new Anonymizer(start.anonymizeIp, ownAddresses());
  const archive = new Archive({
    ...start,
    fsync: () => start.fsync && Atomics.load(control, Control.hurry) === 0,
  }, {
    anonymizer,
    stats: start.stats,
    monotonic: sharedMonotonicMs,
    warn: (message, fields) => tell({ kind: "warn", message, fields }),
  });
  const timers = [
    setInterval(() => archive.tick(), TICK_MS),
    ...start.anonymizeIp === "none" ? [] : [setInterval(() => anonymizer.setOwn(ownAddresses()), OWN_ADDRESSES_MS)],
  ];
  start.port.onmessage = async ({ data: batch }: MessageEvent<ToMarshaller>) => {
    if (batch !== null) {
      archive.take(batch);
      Atomics.sub(inFlight, start.index, batch.length);
      Atomics.notify(inFlight, start.index);
      batch.buffer.transfer(0); // done with: its memory goes now, not when the collector comes by
      return;
    }
    for (const timer of timers) clearInterval(timer);
    await archive.close();
    start.port.close();
    tell({ kind: "stopped" });
    self.close();
  };
  tell({ kind: "started" });
}
