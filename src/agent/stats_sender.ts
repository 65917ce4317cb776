/** Where the agent's own metrics go: a DogStatsD listener, mostly its own. */
import { parseHostPort } from "../statsd/mod.ts";

/** Sends datagrams. Disposing first disposes `before`, whose last datagrams still go out. */
export interface StatsSender extends AsyncDisposable {
  readonly send: (datagram: Uint8Array<ArrayBuffer>) => Promise<void>;
  before: AsyncDisposable | undefined;
}

/**
 * Opens the way to `host:port`, or to the unix datagram socket `unix://PATH`.
 *
 * @throws {RangeError} when the address is neither
 */
export async function openStatsSender(address: string): Promise<StatsSender> {
  const path = /^unix(?:gram)?:\/\/(.+)$/.exec(address)?.[1];
  const target = path === undefined ? parseHostPort(address.replace(/^udp:\/\//, "")) : undefined;
  if (path === undefined && target === undefined) {
    throw new RangeError(`Cannot send own metrics to ${address}: write host:port or unix:///path`);
  }
  const socket = path === undefined
    ? Deno.listenDatagram({ transport: "udp", hostname: await localFor(target!.hostname), port: 0 })
    : Deno.listenDatagram({ transport: "unixpacket", path: `\0limier-${crypto.randomUUID()}` });
  const to: Deno.Addr = path === undefined
    ? { transport: "udp", hostname: target!.hostname || "127.0.0.1", port: target!.port }
    : { transport: "unixpacket", path };
  const sender: StatsSender = {
    before: undefined,
    send: async (datagram) => void await socket.send(datagram, to),
    async [Symbol.asyncDispose]() {
      await sender.before?.[Symbol.asyncDispose]();
      socket.close();
    },
  };
  return sender;
}

/** An address of ours from which that host can be reached. */
async function localFor(hostname: string): Promise<string> {
  if (hostname === "" || hostname.startsWith("127.") || hostname === "localhost") return "127.0.0.1";
  const { lookup } = await import("node:dns/promises");
  return (await lookup(hostname)).family === 6 ? "::" : "0.0.0.0";
}
