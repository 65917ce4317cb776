/** A little of everything over the cable: TCP, UDP, refused datagrams, IPv4 and IPv6. */
import { HERE, type OtherEnd } from "./namespaces.ts";

/** Servers at this end that answer what the other end sends. */
export interface Servers extends AsyncDisposable {
  readonly tcpPort: number;
  readonly udpPort: number;
}

/** Starts them on all addresses. */
export function startServers(): Servers {
  const listener = Deno.listen({ hostname: "::", port: 8080 });
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "::", port: 5353 });
  const serving = (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(4096);
      await connection.read(buffer);
      await connection.write(new Uint8Array(3000).fill(0x61));
      connection.close();
    }
  })();
  const answering = (async () => {
    for await (const [question, from] of socket) await socket.send(question.slice(0, 20), from);
  })();
  return {
    tcpPort: 8080,
    udpPort: 5353,
    async [Symbol.asyncDispose]() {
      listener.close();
      socket.close();
      await Promise.all([serving, answering]);
    },
  };
}

/** Sends `rounds` times one connection, three datagrams and one to nobody, over each protocol. */
export async function makeTraffic(other: OtherEnd, { tcpPort, udpPort }: Servers, rounds: number): Promise<void> {
  await other.deno(`
    for (const hostname of ${JSON.stringify(HERE)}) for (let round = 0; round < ${rounds}; round++) {
      const connection = await Deno.connect({ hostname, port: ${tcpPort} });
      await connection.write(new Uint8Array(200 + round));
      await new Response(connection.readable).arrayBuffer();
      const any = hostname.includes(":") ? "::" : "0.0.0.0";
      const socket = Deno.listenDatagram({ transport: "udp", hostname: any, port: 0 });
      const to = { transport: "udp", hostname, port: ${udpPort} };
      for (let i = 0; i < 3; i++) {
        await socket.send(new Uint8Array(100 + i), to);
        await socket.receive();
      }
      await socket.send(new Uint8Array(30), { ...to, port: 9 });
      socket.close();
    }
  `);
}
