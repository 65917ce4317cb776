/**
 * A program that embeds Limier: no command line, no configuration file, no signal handlers.
 *
 * ```text
 * deno run -A conformance/embed/main.ts
 * ```
 *
 * @module
 */
import { type Point, startAgent } from "../../mod.ts";

/** What the agent published of this program. */
export interface Published {
  /** Where the agent listened. */
  readonly addresses: readonly string[];
  /** The points of each of two flushes. */
  readonly flushes: readonly (readonly Point[])[];
}

/** Measures something with an agent of its own, over both ways in: the call and the socket. */
export async function measure(): Promise<Published> {
  await using agent = await startAgent({
    // Its windows are longer than the program runs: only the flushes it asks for end one.
    statsd: {
      udp_address: "127.0.0.1:0",
      interval: "1h",
      synchronize_with_interval: false,
      hostname: "web1",
      percentiles: [0.5],
    },
    outputs: [],
  });
  agent.emit("a.b:1|c");
  agent.emit("a.b:2|c|#x:1");
  agent.emit("lat:4:6|ms");
  const first = await agent.flushNow();
  agent.emit("a.b:5|c|@0.5");
  await sendOver(agent.addresses);
  const second = await untilPublished("over.udp", () => agent.flushNow());
  return { addresses: agent.addresses, flushes: [first, second] };
}

async function sendOver(addresses: readonly string[]): Promise<void> {
  const address = addresses.find((one) => one.startsWith("udp://"));
  if (address === undefined) throw new TypeError("Cannot send: the agent has no UDP address");
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  await socket.send(new TextEncoder().encode("over.udp:7|g"), { transport: "udp", hostname: "127.0.0.1", port });
  socket.close();
}

/** Flushes until the points of a name are there: a datagram takes its time. */
async function untilPublished(name: string, flush: () => Promise<readonly Point[]>): Promise<Point[]> {
  const points: Point[] = [];
  for (let i = 0; i < 60; i++) {
    points.push(...await flush());
    if (points.some((point) => point.name === name)) break;
  }
  return points;
}

if (import.meta.main) {
  const { addresses, flushes } = await measure();
  console.log(addresses.join(" "));
  for (const points of flushes) console.table(points, ["name", "type", "value", "tags"]);
}
