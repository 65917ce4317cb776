/** SSF spans: framed over TCP, TLS and unix streams, and one a datagram over UDP. */
import type { ListenAddress } from "./address.ts";
import { literalOf } from "./reader_sockets.ts";
import type { SsfFormat } from "./spans.ts";
import { FrameReader } from "./ssf_frames.ts";
import { type DecodedSpan, decodeSpan } from "./ssf_wire.ts";
import { At } from "./stats.ts";
import { untilQuiet } from "./stream_drain.ts";
import {
  startStreamServer,
  type StreamDeps,
  type StreamListener,
  type StreamReader,
  type StreamSettings,
} from "./stream_server.ts";
import { isWireError, type WireError } from "./wire_error.ts";

const ERROR_PAUSE_MS = 100;

/** How spans are received. */
export interface SsfSettings extends StreamSettings {
  /** Bytes of the longest datagram. */
  readonly traceMaxLengthBytes: number;
}

/** What an SSF listener is given. */
export interface SsfDeps extends StreamDeps {
  /** Takes a span, which is its own; invalid samples inside it are left to it to count. */
  readonly onSpan: (decoded: DecodedSpan, format: SsfFormat) => void;
  /** Hears of each refusal; they are counted without it. */
  readonly onRefused?: (error: WireError) => void;
}

/**
 * Listens for spans on a `udp`, `tcp` or `unix` address. A payload that is no span is refused by itself; a framing error
 * closes its connection.
 *
 * @throws {LockHeld} when another instance has the path
 * @throws {SystemError} such as EADDRINUSE; of UDP, what `Deno.listenDatagram` says
 */
export function startSsfListener(
  address: ListenAddress,
  settings: SsfSettings,
  deps: SsfDeps,
): Promise<StreamListener> {
  if (address.transport === "udp") return startDatagrams(address, settings, deps);
  return startStreamServer(address, settings, deps, () => newFrameTaker(deps));
}

function newFrameTaker(deps: SsfDeps): StreamReader {
  const { stats } = deps;
  const frames = new FrameReader();
  const framingError = (error: WireError) => {
    stats[At.ssfFraming]!++;
    deps.onRefused?.(error);
  };
  return {
    push(chunk) {
      frames.push(chunk);
      for (let taken = 0;; taken++) {
        const payload = frames.next();
        if (payload === null) return taken > 0 ? "progress" : "nothing";
        if (isWireError(payload)) {
          framingError(payload);
          return "refused";
        }
        take(payload, "framed", deps);
      }
    },
    end() {
      const error = frames.end();
      if (error === null) stats[At.frameDisconnects]!++;
      else framingError(error);
    },
  };
}

async function startDatagrams(
  address: ListenAddress,
  { traceMaxLengthBytes }: SsfSettings,
  deps: SsfDeps,
): Promise<StreamListener> {
  const { stats, clock } = deps;
  const hostname = await literalOf(address);
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: address.port });
  const { port } = socket.addr as Deno.NetAddr;
  const buffer = new Uint8Array(traceMaxLengthBytes + 1); // one more shows that a datagram was longer
  const closing = new AbortController();
  let received = 0;

  async function run(): Promise<void> {
    for (;;) {
      const datagram = await receive();
      if (datagram === undefined) return;
      received++;
      if (datagram.length > traceMaxLengthBytes) refuse(tooLong(traceMaxLengthBytes), deps);
      else take(datagram, "packet", deps);
    }
  }

  /** The next datagram, valid until the next call; `undefined` once the socket is closed. */
  async function receive(): Promise<Uint8Array | undefined> {
    while (!closing.signal.aborted) {
      try {
        return (await socket.receive(buffer))[0];
      } catch (error) {
        if (closing.signal.aborted) break;
        stats[At.receiveErrors]!++;
        deps.log("warn", `Cannot receive a span: ${error instanceof Error ? error.message : String(error)}`);
        await clock.sleep(ERROR_PAUSE_MS, closing.signal); // an error that lasts must not become a hot loop
      }
    }
    return undefined;
  }

  const done = run();
  let stopped: Promise<void> | undefined;
  async function stop(): Promise<void> {
    await untilQuiet(() => received);
    closing.abort();
    socket.close();
    await done;
  }
  return { address: { ...address, port }, done, [Symbol.asyncDispose]: () => stopped ??= stop() };
}

function take(payload: Uint8Array, format: SsfFormat, deps: SsfDeps): void {
  const decoded = decodeSpan(payload);
  if (isWireError(decoded)) refuse(decoded, deps);
  else deps.onSpan(decoded, format);
}

function refuse(error: WireError, { stats, onRefused }: SsfDeps): void {
  stats[error.reason === "zerolength" ? At.ssfZeroLength : At.ssfProcessing]!++;
  onRefused?.(error);
}

function tooLong(most: number): WireError {
  return { reason: "processing", message: `Cannot read the span: it is longer than trace_max_length_bytes (${most})` };
}
