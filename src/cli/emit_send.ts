/** Sends what `limier emit` has made. */
import { lookup } from "node:dns/promises";
import { realClock } from "../clock/mod.ts";
import { Code, codeName, connectGrpc } from "../grpc/mod.ts";
import { formatAddress, type ListenAddress } from "../statsd/mod.ts";

/** The peer can't be found or reached; the message says where to. */
export class SendError extends Error {
  override readonly name = "SendError";
  readonly code = "emit.send";

  constructor(target: ListenAddress, cause: unknown) {
    super(`Cannot send to ${formatAddress(target)}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/**
 * The target with its host as an IP literal, of an IPv4 one if there is a choice: that is where listeners mostly are.
 *
 * @throws {SendError} if the name is not known
 */
export async function resolveTarget(target: ListenAddress): Promise<ListenAddress> {
  if (target.path !== "") return target;
  const { family = 0 } = target;
  if (target.hostname === "") return { ...target, hostname: family === 6 ? "::1" : "127.0.0.1" };
  try {
    const found = await lookup(target.hostname, { all: true, family });
    const first = found.find((one) => one.family === 4) ?? found[0];
    if (first === undefined) throw new Error("the name has no address");
    return { ...target, hostname: first.address };
  } catch (error) {
    throw new SendError(target, error);
  }
}

/**
 * Sends each payload: as a datagram, or all of them on one connection. The target is a resolved one.
 *
 * @throws {SendError}
 */
export async function sendPayloads(target: ListenAddress, payloads: readonly Uint8Array[]): Promise<void> {
  try {
    if (target.transport === "udp" || target.transport === "unixgram") await sendDatagrams(target, payloads);
    else await sendStream(target, payloads);
  } catch (error) {
    throw new SendError(target, error);
  }
}

/** For the connection, and for each call. */
const CALL_TIMEOUT_MS = 10_000;

/**
 * Makes a call of gRPC with each request, one after the other. The target is a resolved one.
 *
 * @throws {SendError} at the first that is not answered with OK
 */
export async function sendCalls(
  target: ListenAddress,
  path: string,
  requests: readonly Uint8Array[],
): Promise<void> {
  try {
    using connection = await connectGrpc(target, CALL_TIMEOUT_MS, { clock: realClock });
    for (const request of requests) {
      const { status: { code, message } } = await connection.call(path, [request], { timeoutMs: CALL_TIMEOUT_MS });
      if (code !== Code.OK) throw new Error(message === "" ? codeName(code) : `${codeName(code)}: ${message}`);
    }
  } catch (error) {
    throw new SendError(target, error);
  }
}

async function sendDatagrams(target: ListenAddress, payloads: readonly Uint8Array[]): Promise<void> {
  const { hostname, port } = target;
  const isUnix = target.transport === "unixgram";
  const to: Deno.Addr = isUnix
    ? { transport: "unixpacket", path: kernelPath(target.path) }
    : { transport: "udp", hostname, port };
  const socket = isUnix
    ? Deno.listenDatagram({ transport: "unixpacket", path: `\0limier-emit-${crypto.randomUUID()}` })
    : Deno.listenDatagram({ transport: "udp", hostname: hostname.includes(":") ? "::" : "0.0.0.0", port: 0 });
  try {
    for (const payload of payloads) await socket.send(payload, to);
  } finally {
    socket.close();
  }
}

async function sendStream(target: ListenAddress, payloads: readonly Uint8Array[]): Promise<void> {
  const { hostname, port } = target;
  using connection = target.transport === "unix"
    ? await Deno.connect({ transport: "unix", path: kernelPath(target.path) })
    : await Deno.connect({ hostname, port });
  for (const payload of payloads) {
    for (let sent = 0; sent < payload.length;) sent += await connection.write(payload.subarray(sent));
  }
}

/** A name of the abstract namespace begins with a NUL. */
function kernelPath(path: string): string {
  return path.replace(/^@/, "\0");
}
