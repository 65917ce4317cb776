/** A listener on the caller's thread, one datagram at a time: where there is no FFI, and for those who embed. */
import type { Clock, Running } from "../../clock/mod.ts";
import { formatAddress as formatHostPort } from "../../config/mod.ts";
import { parseAddressWords } from "../address.ts";
import { RawFlowEncoder, type RawFlowSettings } from "../raw_flow.ts";
import type { ReaderCounts } from "./counts.ts";
import { ExporterTally } from "./exporter_tally.ts";
import { type Parcel, ParcelWriter } from "./parcel.ts";

/** Where it listens, and how its datagrams are to be read. */
export interface DatagramListenerConfig {
  readonly hostname: string;
  readonly port: number;
  readonly settings: RawFlowSettings;
  readonly maxExporters: number;
}

/** What it is given. */
export interface DatagramListenerDeps {
  readonly clock: Clock;
  readonly sink: { take(parcel: Parcel): Promise<void> };
  /** The counters of the listener, once its address is known. */
  readonly counts: (address: string) => ReaderCounts;
}

/** A running listener. Disposing closes its socket and waits for what it has taken. */
export interface DatagramListener extends Running {
  /** `host:port`. */
  readonly address: string;
}

const LARGEST_DATAGRAM = 65_535;
/** How long nothing has to come at the end, and how often that is waited for. */
const LOOK_MS = 20;
const MOST_LOOKS = 100;

/** Starts to receive. @throws when the address can't be bound */
export async function startDatagramListener(
  { hostname, port, settings, maxExporters }: DatagramListenerConfig,
  { clock, sink, counts }: DatagramListenerDeps,
): Promise<DatagramListener> {
  const { createSocket } = await import("node:dgram");
  const socket = createSocket({ type: hostname.includes(":") ? "udp6" : "udp4" });
  const bound = Promise.withResolvers<void>();
  socket.once("error", bound.reject);
  socket.bind(port, hostname, () => bound.resolve());
  await bound.promise;
  const failed = Promise.withResolvers<void>();
  socket.on("error", failed.reject);
  const at = socket.address();
  const address = formatHostPort({ hostname, port: at.port });
  const counted = counts(address);
  const encoder = new RawFlowEncoder(settings);
  const tally = new ExporterTally(maxExporters);
  const words = new Map<string, Uint32Array<ArrayBuffer>>();
  const taking = new Set<Promise<void>>();
  socket.on("message", (payload, from) => {
    let source = words.get(from.address);
    if (source === undefined) {
      source = parseAddressWords(from.address) ?? new Uint32Array(4);
      if (words.size >= maxExporters) words.clear();
      words.set(from.address, source);
    }
    received++;
    tally.count(source, payload.length);
    counted.take({ exporters: tally.take(), truncated: 0, controlTruncated: 0, errors: 0 });
    const writer = new ParcelWriter(0, Math.min(payload.length, LARGEST_DATAGRAM));
    const timeS = Math.floor(clock.now() / 1000);
    writer.add(encoder, timeS, payload, 0, payload.length, new Uint8Array(source.buffer), 0);
    const taken: Promise<void> = sink.take(writer.take()).then(() => void taking.delete(taken), failed.reject);
    taking.add(taken);
  });
  let received = 0;
  let stopping: Promise<void> | undefined;

  async function dispose(): Promise<void> {
    // What lies in the socket is still to be read: nothing tells how much, so until nothing comes any more.
    for (let before = -1, looks = 0; before !== received && looks < MOST_LOOKS; looks++) {
      before = received;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    const closed = Promise.withResolvers<void>();
    socket.close(() => closed.resolve());
    await closed.promise;
    await Promise.all(taking);
    failed.resolve();
  }

  failed.promise.catch(() => {}); // whoever waits for `done` hears of it
  return { address, done: failed.promise, [Symbol.asyncDispose]: () => stopping ??= dispose() };
}
