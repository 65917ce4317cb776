/** The receiver of the framed protocol: what it answers, when, and in which order is up to a script. */
import { idsIn } from "./events.ts";
import type { Oracle, Request } from "./oracle.ts";
import { atOwnPort } from "./own_port.ts";

/** One send that arrived. */
export interface Send {
  /** The sender's number of it; counts the sends of a connection from 1. */
  readonly number: number;
  readonly ids: readonly number[];
  /** Counts the peer's sends from 1. */
  readonly index: number;
  /** Stores events of it: all, unless told otherwise. */
  store(ids?: readonly number[]): void;
  /** Says so many were taken so far. */
  taken(count: number): Promise<void>;
  /** Says what became of each event; those of 200 among what was stored are answered. */
  statuses(statuses: readonly number[]): Promise<void>;
  /** Writes this line. */
  write(line: string): Promise<void>;
  cut(): void;
  /** Whether the connection is still there. */
  readonly isOpen: boolean;
}

/** What becomes of a send. Sends of one connection are played at the same time. */
export type SendScript = (send: Send) => Promise<void>;

/** Stores everything and says so. */
export const acknowledges: SendScript = async (send) => {
  send.store();
  await send.statuses(send.ids.map(() => 200));
};

/** A receiver on a real socket. It can be stopped, so that it refuses, and started again at the same port. */
export class FramedPeer implements AsyncDisposable {
  script: SendScript = acknowledges;
  connects = 0;
  sends = 0;
  readonly name: string;
  readonly port: number;
  readonly #oracle: Oracle;
  #listener: Deno.Listener<Deno.TcpConn> | undefined;
  #serving: Promise<void>;
  readonly #open = new Set<Deno.TcpConn>();

  constructor(name: string, oracle: Oracle) {
    this.name = name;
    this.#oracle = oracle;
    this.#listener = atOwnPort((port) => Deno.listen({ hostname: "127.0.0.1", port }));
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    this.#serving = this.#accept(this.#listener);
  }

  /** Its entry in `hosts`. */
  get url(): string {
    return `127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    this.#listener?.close();
    this.#listener = undefined;
    for (const connection of [...this.#open]) this.#close(connection);
    await this.#serving;
  }

  start(): void {
    if (this.#listener !== undefined) return;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#serving = this.#accept(this.#listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #close(connection: Deno.TcpConn): void {
    if (this.#open.delete(connection)) connection.close();
  }

  async #accept(listener: Deno.Listener<Deno.TcpConn>): Promise<void> {
    const serving: Promise<void>[] = [];
    try {
      for await (const connection of listener) {
        const number = ++this.connects;
        this.#open.add(connection);
        serving.push(this.#serve(connection, `${this.name}/${number}`));
      }
    } catch {
      // It was stopped.
    }
    await Promise.all(serving);
  }

  async #serve(connection: Deno.TcpConn, name: string): Promise<void> {
    const playing = new Set<Promise<void>>();
    try {
      const lines = linesOf(connection);
      for (;;) {
        const head = await lines.line();
        if (head === null) break;
        const { send, bytes } = JSON.parse(head) as { send: number; bytes: number };
        const ids = idsIn(await lines.bytes(bytes));
        const played: Promise<void> = this.script(this.#send(connection, name, send, ids)).catch(() => {
          // It was cut while it was played.
        }).finally(() => playing.delete(played));
        playing.add(played);
      }
    } catch {
      // The other side has gone, or was cut off from here.
    }
    this.#close(connection);
    await Promise.all(playing);
  }

  #send(connection: Deno.TcpConn, name: string, number: number, ids: readonly number[]): Send {
    const stored: Request[] = [];
    const write = (line: string) => writeAll(connection, `${line}\n`);
    const open = this.#open;
    return {
      number,
      ids,
      index: ++this.sends,
      store: (some = ids) => {
        const request = { ids: some, connection: name, atMs: performance.now() };
        stored.push(request);
        this.#oracle.store(request);
      },
      taken: (taken) => write(JSON.stringify({ send: number, taken })),
      statuses: async (statuses) => {
        for (const request of stored) request.answeredMs = performance.now();
        await write(JSON.stringify({ send: number, statuses }));
      },
      write,
      cut: () => this.#close(connection),
      get isOpen() {
        return open.has(connection);
      },
    };
  }
}

function linesOf(connection: Deno.Conn) {
  let have = new Uint8Array(0);
  const some = new Uint8Array(65_536);
  const more = async () => {
    const read = await connection.read(some);
    if (read === null) return false;
    const joined = new Uint8Array(have.length + read);
    joined.set(have);
    joined.set(some.subarray(0, read), have.length);
    have = joined;
    return true;
  };
  const take = (count: number) => {
    const text = new TextDecoder().decode(have.subarray(0, count));
    have = have.slice(count);
    return text;
  };
  return {
    async line(): Promise<string | null> {
      for (;;) {
        const end = have.indexOf(10);
        if (end >= 0) return take(end + 1).trim();
        if (!await more()) return null;
      }
    },
    async bytes(count: number): Promise<string> {
      while (have.length < count) if (!await more()) throw new Deno.errors.UnexpectedEof("a send");
      return take(count);
    },
  };
}

async function writeAll(connection: Deno.Conn, text: string): Promise<void> {
  for (let bytes = new TextEncoder().encode(text); bytes.length > 0;) {
    bytes = bytes.subarray(await connection.write(bytes));
  }
}
