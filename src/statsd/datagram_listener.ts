/** DogStatsD datagrams through Deno's own sockets: where FFI is not there, and where everything runs in one thread. */
import type { Running } from "../clock/mod.ts";
import type { ListenAddress } from "./address.ts";
import type { Heart } from "./heart.ts";
import { READ_AHEAD } from "./metric_scan.ts";
import { untilQuiet } from "./stream_drain.ts";
import { sharedMonotonicMs } from "./threads.ts";

/** Longer than any datagram. */
const BUFFER_BYTES = 65_536;

/**
 * Listens on a `udp` or `unixgram` address.
 *
 * @param onError told of a failed read; reading goes on
 * @throws {Deno.errors.AddrInUse} and what else binding can meet
 */
export function startDatagramListener(
  address: ListenAddress,
  heart: Heart,
  onError: (error: unknown) => void,
): Running & { readonly address: ListenAddress } {
  const socket = address.transport === "udp"
    ? Deno.listenDatagram({
      transport: "udp",
      hostname: address.hostname || (address.family === 4 ? "0.0.0.0" : "::"),
      port: address.port,
    })
    : Deno.listenDatagram({ transport: "unixpacket", path: address.path.replace(/^@/, "\0") });
  const bound = socket.addr.transport === "udp"
    ? { ...address, hostname: socket.addr.hostname, port: socket.addr.port }
    : address;
  let stopped = false;
  let received = 0;

  async function run(): Promise<void> {
    const buffer = new Uint8Array(BUFFER_BYTES + 1 + READ_AHEAD);
    const room = buffer.subarray(0, BUFFER_BYTES);
    while (!stopped) {
      try {
        const [datagram] = await socket.receive(room);
        received++;
        heart.setTime(Date.now(), sharedMonotonicMs());
        heart.ingestDatagram(buffer, 0, datagram.length);
      } catch (error) {
        if (!stopped) onError(error);
      }
    }
  }

  const done = run();
  return {
    address: bound,
    done,
    async [Symbol.asyncDispose]() {
      if (!stopped) {
        await untilQuiet(() => received);
        stopped = true;
        socket.close();
      }
      await done;
    },
  };
}
