/** `limier flow send`: the datagrams of a capture, sent to an inlet. */
import { parseAddress } from "../config/mod.ts";
import { readCapture, type UdpDatagram } from "../flow/mod.ts";
import { type Command, complain, Exit, print, UsageError } from "./command.ts";
import { onePath, readInput } from "./input.ts";

export const flowSend: Command = {
  name: "send",
  summary: "send a capture's datagrams to an inlet",
  help: `limier flow send [--to HOST:PORT] [--speed FACTOR] [--loop N] FILE|-

Sends the UDP payloads of a .pcap or .pcapng file, in their order and at the pace at which they were recorded. They come
from this host: an inlet sees it as the exporter, unless the datagrams name another. Progress goes to standard error on
a terminal; the sums, one line, to standard output.

  --to HOST:PORT   where to; 127.0.0.1:2055
  --speed FACTOR   2 is twice as fast as recorded, 0 as fast as it goes; 1
  --loop N         sends the file N times; 1
  --port PORT      only what was recorded on its way to this port

Example:
  limier flow send --to 127.0.0.1:6343 --speed 0 sflow.pcap`,
  booleans: [],
  strings: ["to", "speed", "loop", "port"],
  async run(args) {
    const [hostname, port] = readTarget(args.to ?? "127.0.0.1:2055");
    const speed = readNumber("speed", args.speed ?? "1", 0);
    const loops = readNumber("loop", args.loop ?? "1", 1);
    const only = args.port === undefined ? undefined : readNumber("port", args.port, 1);
    const path = onePath(args._);
    const bytes = await readInput(path);
    const read = readDatagrams(bytes, only);
    if (read.fault !== undefined) complain(`${read.fault.message} (octet ${read.fault.at})`);
    const isShown = Deno.stderr.isTerminal();
    const sent = await sendDatagrams(read.datagrams, { hostname, port, speed, loops }, {
      now: () => performance.now(),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      ...(isShown ? { onProgress: showProgress } : {}),
    });
    if (isShown) complain("");
    print(
      `sent ${sent.datagrams} datagrams, ${sent.bytes} bytes` + (sent.refused > 0 ? `, ${sent.refused} refused` : ""),
    );
    return read.fault === undefined && sent.refused === 0 ? Exit.done : Exit.failed;
  },
};

function readTarget(text: string): [hostname: string, port: number] {
  try {
    const { hostname, port } = parseAddress(text);
    if (port > 0) return [hostname === "" ? "127.0.0.1" : hostname, port];
  } catch {
    // It is said below what to write.
  }
  throw new UsageError(`Cannot send to ${text}: write HOST:PORT`);
}

function readNumber(flag: string, text: string, atLeast: number): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= atLeast) return value;
  throw new UsageError(`Cannot use --${flag} ${text}: write a number from ${atLeast} on`);
}

function showProgress(sent: Sent, total: number): void {
  const line = `\r${sent.datagrams} of ${total} datagrams`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}

/** The datagrams of a capture, and why it could not be read to its end. */
function readDatagrams(bytes: Uint8Array, port: number | undefined) {
  const datagrams: UdpDatagram[] = [];
  const packets = readCapture(bytes);
  for (let next = packets.next();; next = packets.next()) {
    if (next.done) return { datagrams, fault: next.value ?? undefined };
    if (port === undefined || next.value.destinationPort === port) datagrams.push(next.value);
  }
}

/** What was sent. */
export interface Sent {
  readonly datagrams: number;
  readonly bytes: number;
  /** Datagrams that the system did not take. */
  readonly refused: number;
}

/** Where to, and how fast. */
export interface SendPlan {
  readonly hostname: string;
  readonly port: number;
  /** 1: as recorded; 0: as fast as it goes. */
  readonly speed: number;
  readonly loops: number;
}

/** Time, and who is told. */
export interface SendDeps {
  /** Milliseconds. */
  now(): number;
  sleep(ms: number): Promise<void>;
  onProgress?(sent: Sent, total: number): void;
}

/** From one word about the progress to the next. */
const PROGRESS_MS = 200;
/** What is due so soon is sent now. */
const EARLY_MS = 1;

/** Sends datagrams. @throws when the host's name does not resolve */
export async function sendDatagrams(
  datagrams: readonly Pick<UdpDatagram, "payload" | "timeS">[],
  plan: SendPlan,
  deps: SendDeps,
): Promise<Sent> {
  const { lookup } = await import("node:dns/promises");
  const { address, family } = await lookup(plan.hostname);
  const any = family === 6 ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname: any, port: 0 });
  const to: Deno.NetAddr = { transport: "udp", hostname: address, port: plan.port };
  const sent = { datagrams: 0, bytes: 0, refused: 0 };
  const total = datagrams.length * plan.loops;
  let toldMs = deps.now();
  for (let loop = 0; loop < plan.loops; loop++) {
    const startMs = deps.now(), first = datagrams[0]?.timeS ?? 0;
    for (const { payload, timeS } of datagrams) {
      const dueMs = plan.speed === 0 ? 0 : startMs + (timeS - first) * 1000 / plan.speed;
      const waitMs = dueMs - deps.now();
      if (waitMs > EARLY_MS) await deps.sleep(waitMs);
      try {
        await socket.send(payload, to);
        sent.datagrams++;
        sent.bytes += payload.length;
      } catch {
        sent.refused++; // nobody listens there, or the network says no: the sums tell
      }
      if (deps.onProgress !== undefined && deps.now() - toldMs >= PROGRESS_MS) {
        toldMs = deps.now();
        deps.onProgress(sent, total);
      }
    }
  }
  socket.close();
  deps.onProgress?.(sent, total);
  return sent;
}
