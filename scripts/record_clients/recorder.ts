/** Takes down what a client sends over loopback. */
export interface Recorder {
  /** The port, or the path of the unix socket. */
  readonly address: number | string;
  /** Ends the recording. Datagrams in the order of their arrival; of a stream, all its bytes as one. */
  stop(): Promise<Uint8Array<ArrayBuffer>[]>;
}

/** The transports that can be recorded. */
export type RecordedTransport = "udp" | "tcp" | "unixgram";

/** What a datagram socket still gives is read until it has been silent for this long. */
const SILENCE_MS = 300;

/** Starts to record; a unix socket is made in `folder`. */
export function startRecorder(transport: RecordedTransport, folder: string): Recorder {
  if (transport === "tcp") return recordStream();
  if (transport === "udp") {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    return recordDatagrams(socket, (socket.addr as Deno.NetAddr).port);
  }
  const path = `${folder}/recorder.sock`;
  return recordDatagrams(Deno.listenDatagram({ transport: "unixpacket", path }), path);
}

function recordDatagrams(socket: Deno.DatagramConn, address: number | string): Recorder {
  const datagrams: Uint8Array<ArrayBuffer>[] = [];
  let heardMs = performance.now();
  const reading = (async () => {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const [datagram] = await socket.receive(buffer);
      datagrams.push(datagram.slice());
      heardMs = performance.now();
    }
  })().catch((error) => {
    // Closing the socket is how reading ends.
    if (!(error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted)) throw error;
  });
  return {
    address,
    async stop() {
      heardMs = performance.now();
      while (performance.now() - heardMs < SILENCE_MS) await new Promise((resolve) => setTimeout(resolve, 20));
      socket.close();
      await reading;
      return datagrams;
    },
  };
}

/** One connection, until the client closes it. */
function recordStream(): Recorder {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const reading = (async () => {
    const connection = await listener.accept();
    return new Uint8Array(await new Response(connection.readable).arrayBuffer());
  })();
  return {
    address: (listener.addr as Deno.NetAddr).port,
    async stop() {
      const stream = await reading;
      listener.close();
      return [stream];
    },
  };
}
