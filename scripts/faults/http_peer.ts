/** An HTTP receiver on a real socket that does with each request whatever it is told, down to the single byte. */
import { inflateSync } from "node:zlib";
import { idsIn } from "./events.ts";
import type { Oracle, Request } from "./oracle.ts";
import { atOwnPort } from "./own_port.ts";

/** One request, as far as it was read. */
export interface Exchange {
  /** Counts the peer's requests from 1. */
  readonly number: number;
  readonly target: string;
  /** Bytes of the body. */
  readonly length: number;
  /** Reads the body; the ids of its events. */
  ids(): Promise<readonly number[]>;
  /** Reads so many bytes of the body, or less where it is shorter. */
  read(bytes: number): Promise<void>;
  /** Reads the body and stores its events. */
  store(): Promise<readonly number[]>;
  /** Answers; after a success, what was stored is known to be. */
  reply(
    status: number,
    more?: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string },
  ): Promise<void>;
  /** Writes this and no more. */
  write(text: string): Promise<void>;
  /** Closes the connection; what of the request was not read makes that a reset. */
  cut(): void;
  /** Resolves when the other side has gone. */
  gone(): Promise<void>;
}

/** What becomes of a request. One that ends without an answer or a cut is left waiting. */
export type Script = (exchange: Exchange) => Promise<void>;

/** Stores everything and says so. */
export const takesAll: Script = async (exchange) => {
  await exchange.store();
  await exchange.reply(202); // what every kind takes for done
};

/** Does nothing with a request but read all of it. */
export const stalls: Script = async (exchange) => {
  await exchange.ids();
  await exchange.gone();
};

/** Answers with a status and keeps nothing. */
export function answers(status: number, headers: Readonly<Record<string, string>> = {}): Script {
  return async (exchange) => {
    await exchange.ids();
    await exchange.reply(status, { headers });
  };
}

/** Where a peer listens. */
export interface PeerOptions {
  readonly hostname?: string;
  readonly port?: number;
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** The ids of the events in a body. @default those of `eventText()` */
  readonly idsIn?: (text: string) => number[];
}

/** An HTTP/1.1 receiver. It can be stopped, so that it refuses, and started again at the same port. */
export class HttpPeer implements AsyncDisposable {
  script: Script = takesAll;
  /** What becomes of a connection before anything is read from it. */
  admits: () => "serve" | "close" = () => "serve";
  /** Connections accepted so far. */
  connects = 0;
  /** Requests whose head was read so far, with the moment of each. */
  readonly requestsMs: number[] = [];
  /** Requests under way, and the most that ever were. */
  inFlight = 0;
  mostInFlight = 0;
  readonly name: string;
  readonly port: number;
  readonly #oracle: Pick<Oracle, "store">;
  readonly #options: PeerOptions;
  #listener: Deno.Listener<Deno.Conn> | undefined;
  #serving = Promise.resolve();
  readonly #open = new Set<Deno.Conn>();

  constructor(name: string, oracle: Pick<Oracle, "store">, options: PeerOptions = {}) {
    this.name = name;
    this.#oracle = oracle;
    this.#options = options;
    this.#listener = options.port === undefined ? atOwnPort((port) => this.#listen(port)) : this.#listen(options.port);
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    this.#serving = this.#accept(this.#listener);
  }

  /** Its entry in `hosts`. */
  get url(): string {
    const { certificate, hostname = "127.0.0.1" } = this.#options;
    return `${certificate === undefined ? "http" : "https"}://${hostname}:${this.port}`;
  }

  get requests(): number {
    return this.requestsMs.length;
  }

  /** Refuses from now on, and cuts what is open. */
  async stop(): Promise<void> {
    this.#listener?.close();
    this.#listener = undefined;
    this.cutAll();
    await this.#serving;
  }

  /** Listens again where it did. */
  start(): void {
    if (this.#listener !== undefined) return;
    this.#listener = this.#listen(this.port);
    this.#serving = this.#accept(this.#listener);
  }

  /** Ends every open connection. */
  cutAll(): void {
    for (const connection of [...this.#open]) this.#close(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #listen(port: number): Deno.Listener<Deno.Conn> {
    const { hostname = "127.0.0.1", certificate } = this.#options;
    if (certificate === undefined) return Deno.listen({ hostname, port });
    return Deno.listenTls({ hostname, port, ...certificate });
  }

  #close(connection: Deno.Conn): void {
    if (!this.#open.delete(connection)) return;
    connection.close();
  }

  async #accept(listener: Deno.Listener<Deno.Conn>): Promise<void> {
    const serving: Promise<void>[] = [];
    for (;;) {
      let connection: Deno.Conn;
      try {
        connection = await listener.accept();
      } catch {
        if (this.#listener !== listener) break; // it was stopped
        continue; // the connection did not survive its handshake
      }
      const number = ++this.connects;
      this.#open.add(connection);
      if (this.admits() === "close") this.#close(connection);
      else serving.push(this.#serve(connection, `${this.name}/${number}`));
    }
    await Promise.all(serving);
  }

  async #serve(connection: Deno.Conn, name: string): Promise<void> {
    try {
      while (this.#open.has(connection) && await this.#exchange(connection, name));
    } catch {
      // The other side has gone, or the connection was cut from here: there is nobody to tell.
    } finally {
      this.#close(connection);
    }
  }

  /** @returns whether the connection can be used again */
  async #exchange(connection: Deno.Conn, name: string): Promise<boolean> {
    const head = await readHead(connection);
    if (head === null) return false;
    this.requestsMs.push(performance.now());
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    try {
      return await this.#play(connection, name, head);
    } finally {
      this.inFlight--;
    }
  }

  async #play(connection: Deno.Conn, name: string, { target, length, deflated, rest }: Head): Promise<boolean> {
    const body = new Uint8Array(length);
    body.set(rest.subarray(0, length));
    let have = Math.min(rest.length, length);
    let stored: Request | undefined;
    let replied = false;
    const read = async (bytes: number) => {
      const want = Math.min(length, bytes);
      while (have < want) {
        const more = await connection.read(body.subarray(have, want));
        if (more === null) throw new Deno.errors.UnexpectedEof(name);
        have += more;
      }
    };
    const ids = async () => {
      await read(length);
      return (this.#options.idsIn ?? idsIn)(new TextDecoder().decode(deflated ? inflateSync(body) : body));
    };
    const exchange: Exchange = {
      number: this.requests,
      target,
      length,
      read,
      ids,
      store: async () => {
        stored = { ids: await ids(), connection: name, atMs: performance.now() };
        this.#oracle.store(stored);
        return stored.ids;
      },
      reply: async (status, { headers = {}, body = "" } = {}) => {
        const lines = Object.entries(headers).map(([key, value]) => `${key}: ${value}\r\n`);
        const size = status === 204 ? "" : `content-length: ${body.length}\r\n`;
        // Before the last byte is out, so that no repeat that it leads to can come before it.
        if (stored !== undefined && status < 300) stored.answeredMs = performance.now();
        try {
          await writeAll(connection, `HTTP/1.1 ${status} x\r\n${size}${lines.join("")}\r\n${body}`);
        } catch (error) {
          if (stored !== undefined) delete stored.answeredMs;
          throw error;
        }
        replied = true;
      },
      write: (text) => writeAll(connection, text),
      cut: () => this.#close(connection),
      gone: () => gone(connection),
    };
    await this.script(exchange);
    if (!replied && this.#open.has(connection)) await gone(connection);
    return replied && have === length;
  }
}

interface Head {
  readonly target: string;
  readonly length: number;
  readonly deflated: boolean;
  /** What was read of the body. */
  readonly rest: Uint8Array;
}

/** Read in small steps, so that most of the body stays in the socket until it is asked for. */
const STEP_BYTES = 32;

async function readHead(connection: Deno.Conn): Promise<Head | null> {
  let bytes = new Uint8Array(1024);
  let length = 0;
  for (;;) {
    if (length + STEP_BYTES > bytes.length) bytes = new Uint8Array(bytes.buffer.transfer(bytes.length * 2));
    const more = await connection.read(bytes.subarray(length, length + STEP_BYTES));
    if (more === null) return null;
    const from = Math.max(0, length - 3);
    length += more;
    const end = new TextDecoder("latin1").decode(bytes.subarray(from, length)).indexOf("\r\n\r\n");
    if (end < 0) continue;
    const text = new TextDecoder("latin1").decode(bytes.subarray(0, from + end));
    return {
      target: text.split(" ", 2)[1]!,
      length: Number(/^content-length: *(\d+)/im.exec(text)?.[1] ?? 0),
      deflated: /^content-encoding: *deflate/im.test(text),
      rest: bytes.subarray(from + end + 4, length),
    };
  }
}

async function writeAll(connection: Deno.Conn, text: string): Promise<void> {
  for (let bytes = new TextEncoder().encode(text); bytes.length > 0;) {
    bytes = bytes.subarray(await connection.write(bytes));
  }
}

/** Resolves when the other side has closed; what comes until then is thrown away. */
async function gone(connection: Deno.Conn): Promise<void> {
  const some = new Uint8Array(4096);
  try {
    while (await connection.read(some) !== null);
  } catch {
    // Reset, or closed from here: gone either way.
  }
}
