/** The inlet: listeners whose readers have threads of their own, or share the caller's where there is no FFI. */
import type { Clock, Running } from "../../clock/mod.ts";
import { formatAddress, parseAddress } from "../../config/mod.ts";
import {
  type GroupHandover,
  openReuseportGroup,
  receiveDrops,
  receiverBytes,
  type ReuseportGroup,
  whyNoFfi,
} from "../../linux/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import type { FileInputConfig, InletConfig, ListenConfig } from "./config.ts";
import { newReaderCounts } from "./counts.ts";
import { startDatagramListener } from "./datagram_listener.ts";
import { startFileInput } from "./file_input.ts";
import { newParcelPool, type Parcel } from "./parcel.ts";
import {
  type Connect,
  Control,
  DATAGRAM_BYTES,
  type FromReader,
  PARCEL_BYTES,
  POOL_BUFFERS,
  type ReaderStart,
  RECEIVE_DATAGRAMS,
  RECEIVE_TIMEOUT_MS,
} from "./threads.ts";

/** Where datagrams go. */
export interface InletSink {
  /** Takes datagrams in; resolves when there is room for more. */
  take(parcel: Parcel): Promise<void>;
  /** Takes the parcels of a reader's thread, where it can. */
  connect?: Connect;
}

/** What the inlet is given. */
export interface InletDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly sink: InletSink;
  /** Readers get threads, where FFI is there and the sink can be connected. */
  readonly threads: boolean;
  /** Datagrams that may wait for the sink. */
  readonly queueSize: number;
  /** Opens sockets that can be handed over; absent: they can't be. */
  readonly handover?: GroupHandover | undefined;
}

/** A running inlet. Disposing takes in what has arrived, hands it on, and closes the sockets. */
export interface Inlet extends Running {
  /** Where it listens: `udp://127.0.0.1:2055`. */
  readonly addresses: readonly string[];
}

/** Starts listeners. @throws {SystemError} when an address can't be bound; what was opened is closed again */
export async function startInlet(config: InletConfig, deps: InletDeps): Promise<Inlet> {
  const without = deps.threads && deps.sink.connect !== undefined ? whyNoFfi() : "threads are not wanted";
  const running: Listening[] = [];
  try {
    const names = new Set<string>();
    for (const listen of config.listen) {
      if (listen.type === "file") running.push(startFile(listen, deps));
      else if (without !== undefined) running.push(await startInline(listen, config, deps));
      else running.push(await startThreads(listen, config, deps, names));
    }
  } catch (error) {
    await Promise.all(running.map((one) => one[Symbol.asyncDispose]()));
    throw error;
  }
  const done = Promise.race([
    Promise.all(running.map((one) => one.done)).then(() => {}),
    ...running.map((one) => one.done.then(() => new Promise<void>(() => {}))), // the first that fails
  ]);
  done.catch(() => {}); // whoever waits for it hears of it
  let stopping: Promise<void> | undefined;
  return {
    addresses: running.map(({ address }) => address).filter((address) => address !== undefined),
    done,
    [Symbol.asyncDispose]() {
      return stopping ??= Promise.all(running.map((one) => one[Symbol.asyncDispose]())).then(() => {});
    },
  };
}

/** A started listener; without an address it reads files. */
interface Listening extends Running {
  readonly address: string | undefined;
}

function startFile(config: FileInputConfig, { clock, sink }: InletDeps): Listening {
  return { ...startFileInput(config, { clock, sink }), address: undefined };
}

async function startInline(config: ListenConfig, { maxExporters }: InletConfig, deps: InletDeps): Promise<Listening> {
  const { hostname, port } = parseAddress(config.address);
  const { clock, reporter, sink } = deps;
  const listener = await startDatagramListener(
    { hostname: hostname === "" ? "0.0.0.0" : hostname, port, settings: config, maxExporters },
    { clock, sink, counts: (address) => newReaderCounts(reporter.metrics, address, 0) },
  );
  return {
    done: listener.done,
    address: `udp://${listener.address}`,
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

async function startThreads(
  config: ListenConfig,
  { maxExporters }: InletConfig,
  deps: InletDeps,
  names: Set<string>,
): Promise<Listening> {
  const group = await openGroup(config, deps, names);
  const listener = formatAddress(group.address);
  tellOf(config, group, listener, deps.reporter);
  const { metrics } = deps.reporter;
  const loaded = metrics.gauge("limier_inlet_flow_input_udp_ebpf_loaded", "1 where eBPF balances the listener.");
  const size = metrics.gauge("limier_inlet_flow_input_udp_buffer_size_bytes", "Receive buffer as the kernel has it.");
  const control = new Int32Array(new SharedArrayBuffer(Control.length * 4));
  const readers = group.sockets.map(({ fd, receiveBufferBytes }, worker) => {
    size.set(2 * receiveBufferBytes, { listener, worker: String(worker) });
    const counts = newReaderCounts(metrics, listener, worker);
    const room = receiverBytes({ datagrams: RECEIVE_DATAGRAMS, datagramBytes: DATAGRAM_BYTES });
    const pool = newParcelPool(POOL_BUFFERS, PARCEL_BYTES, DATAGRAM_BYTES, room);
    const settings = settingsOf(config);
    const start = { fd, settings, control, queueSize: deps.queueSize, maxExporters, pool, receiveBufferBytes };
    return { fd, counts, ...startReader(start, deps, (received) => counts.take(received)) };
  });
  const collect = () => {
    loaded.set(group.balancing === "ebpf" ? 1 : 0, { listener });
    for (const { fd, counts } of readers) counts.dropped(receiveDrops(fd));
  };
  const forget = metrics.onCollect(collect);
  await Promise.all(readers.map(({ started }) => started));
  const done = Promise.all(readers.map(({ stopped }) => stopped)).then(() => {});
  done.catch(() => {}); // whoever waits for it hears of it
  let stopping: Promise<void> | undefined;

  async function dispose(): Promise<void> {
    Atomics.store(control, Control.stop, 1);
    Atomics.notify(control, Control.stop);
    Atomics.notify(control, Control.queued);
    await Promise.allSettled(readers.map(({ stopped }) => stopped));
    collect();
    forget();
    group.close();
    deps.reporter.info("flow listener closed", {
      address: `udp://${listener}`,
      datagrams_received: readers.reduce((sum, { counts }) => sum + counts.receivedTotal, 0),
      datagrams_dropped: readers.reduce((sum, { counts }) => sum + counts.droppedTotal, 0),
    });
  }

  return { address: `udp://${listener}`, done, [Symbol.asyncDispose]: () => stopping ??= dispose() };
}

/** Of a listener, what its readers need. */
function settingsOf({ decoder, timestampSource, decapsulation, useSourceAddress, rateLimit }: ListenConfig) {
  return { decoder, timestampSource, decapsulation, useSourceAddress, rateLimit };
}

async function openGroup(
  config: ListenConfig,
  { handover }: InletDeps,
  names: Set<string>,
): Promise<ReuseportGroup> {
  const { hostname, port } = parseAddress(config.address);
  const options = {
    address: { hostname: await literalOf(hostname), port },
    sockets: config.workers,
    balancing: config.loadBalancing,
    receiveTimeoutMs: RECEIVE_TIMEOUT_MS,
    ancillary: true,
    ...(config.receiveBufferBytes === 0 ? {} : { receiveBufferBytes: config.receiveBufferBytes }),
  };
  // Two listeners may read the same, with port 0 for instance.
  let name = `flow udp://${config.address}`;
  for (let i = 2; names.has(name); i++) name = `flow udp://${config.address} (${i})`;
  names.add(name);
  return handover === undefined ? openReuseportGroup(options) : handover.open(name, options);
}

/** The IP address of a listener's host: every interface where it names none. */
async function literalOf(hostname: string): Promise<string> {
  if (hostname === "") {
    // Where IPv6 is switched off, binding `::` fails.
    return Deno.networkInterfaces().some(({ family }) => family === "IPv6") ? "::" : "0.0.0.0";
  }
  if (hostname.includes(":") || /^[\d.]+$/.test(hostname)) return hostname;
  const { lookup } = await import("node:dns/promises");
  return (await lookup(hostname)).address;
}

function tellOf(config: ListenConfig, group: ReuseportGroup, address: string, reporter: Reporter): void {
  const { balancing, sockets, notes } = group;
  reporter.info("flow listener opened", { address, sockets: sockets.length, balancing, decoder: config.decoder });
  for (const note of notes) reporter.warn(note, { address });
  const granted = sockets[0]?.receiveBufferBytes ?? 0;
  if (granted >= config.receiveBufferBytes) return;
  reporter.warn(
    `Cannot have the whole receive buffer: asked for ${config.receiveBufferBytes} bytes, the kernel granted ${granted}; ` +
      "raise net.core.rmem_max or run with CAP_NET_ADMIN",
    { address },
  );
}

function startReader(
  start: Omit<ReaderStart, "port">,
  { sink, reporter }: InletDeps,
  onReceived: (received: Extract<FromReader, { kind: "received" }>["received"]) => void,
): { readonly started: Promise<void>; readonly stopped: Promise<void> } {
  const started = Promise.withResolvers<void>(), stopped = Promise.withResolvers<void>();
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL("./inlet_worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<FromReader>) => {
    switch (data.kind) {
      case "started":
        started.resolve();
        break;
      case "received":
        onReceived(data.received);
        break;
      case "receiveError":
        reporter.warn(data.message);
        break;
      case "stopped":
        stopped.resolve();
    }
  };
  worker.onerror = (event) => {
    event.preventDefault(); // or the runtime ends the process before anyone could report
    const error = event.error instanceof Error ? event.error : new Error(event.message);
    started.reject(error);
    stopped.reject(error);
  };
  started.promise.catch(() => {}); // awaited by whoever starts it
  stopped.promise.catch(() => {});
  sink.connect?.(port2, start.control, start.pool);
  worker.postMessage({ ...start, port: port1 } satisfies ReaderStart, [port1]);
  return { started: started.promise, stopped: stopped.promise };
}
