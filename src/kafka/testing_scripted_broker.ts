/** For tests: a broker on the loopback address that answers as told. */
import { ByteReader, ByteWriter } from "../bytes/mod.ts";
import type { Address } from "../config/mod.ts";
import { Api } from "./request.ts";

/** A request as a scripted broker sees it. */
export interface Asked {
  readonly api: number;
  readonly correlation: number;
  /** What follows the correlation id. */
  readonly rest: Uint8Array;
}

/** Answers to a request: the body behind the correlation id, raw bytes, or the end of the connection. */
export type Answer = { readonly body: Uint8Array } | { readonly raw: Uint8Array } | "hang" | "close";

/** As the protocol numbers them. */
export const SaslApi = { handshake: 17, authenticate: 36 } as const;

const VERSIONS: Readonly<Record<number, readonly [min: number, max: number]>> = {
  [Api.apiVersions]: [0, 4],
  [Api.metadata]: [0, 12],
  [Api.listOffsets]: [7, 9],
  [SaslApi.handshake]: [1, 1],
  [SaslApi.authenticate]: [0, 1],
};

/** A broker that answers as told, one request of a connection after another, and ApiVersions unless told otherwise. */
export function startScripted(
  answer: (asked: Asked, index: number) => Answer | undefined | Promise<Answer>,
): AsyncDisposable & { readonly address: Address; readonly connected: () => number; readonly open: () => number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.Conn>();
  let index = 0, connected = 0, open = 0;
  async function serve(connection: Deno.Conn): Promise<void> {
    connections.add(connection);
    const reader = connection.readable.getReader({ mode: "byob" });
    const read = async (size: number) => (await reader.read(new Uint8Array(size), { min: size })).value;
    for (;;) {
      const head = await read(4);
      if (head?.length !== 4) return;
      const request = new ByteReader((await read(new ByteReader(head).u32be()))!);
      const api = request.u16be();
      request.skip(2);
      const correlation = request.u32be();
      const rest = request.bytes(request.remaining).slice();
      const told = await answer({ api, correlation, rest }, index++) ?? { body: versionsBody() };
      if (told === "hang") continue;
      if (told === "close") return connection.close();
      if ("raw" in told) await write(connection, told.raw);
      else {
        const out = new ByteWriter();
        out.u32be(told.body.length + 4);
        out.u32be(correlation);
        out.bytes(told.body);
        await write(connection, out.copy());
      }
    }
  }
  const serving = (async () => {
    for await (const connection of listener) {
      connected++;
      open++;
      serve(connection).catch(() => {}).finally(() => open--); // the other side hangs up as it likes
    }
  })();
  return {
    address: { hostname: "127.0.0.1", port: listener.addr.port },
    connected: () => connected,
    open: () => open,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const connection of connections) {
        try {
          connection.close();
        } catch (error) {
          if (!(error instanceof Deno.errors.BadResource)) throw error; // closed already
        }
      }
    },
  };
}

async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function versionsBody(): Uint8Array {
  const out = new ByteWriter();
  out.u16be(0);
  const entries = Object.entries(VERSIONS);
  out.u32be(entries.length);
  for (const [api, [min, max]] of entries) for (const number of [Number(api), min, max]) out.u16be(number);
  out.u32be(0);
  return out.copy();
}

/** The answer to SaslHandshake v1: no error. */
export function handshakeBody(): Uint8Array {
  return new Uint8Array(6);
}

/** The answer to SaslAuthenticate v1. */
export function authenticateBody(
  { lifetimeMs = 0, text = "", error = 0 }: { lifetimeMs?: number; text?: string; error?: number },
): Uint8Array {
  const out = new ByteWriter();
  out.u16be(error);
  out.u16be(0xffff); // no message
  const bytes = new TextEncoder().encode(text);
  out.u32be(bytes.length);
  out.bytes(bytes);
  out.u32be(Math.floor(lifetimeMs / 2 ** 32));
  out.u32be(lifetimeMs >>> 0);
  return out.copy();
}

/** The answer to Metadata v12: no brokers and no topics. */
export function metadataBody(): Uint8Array {
  return new Uint8Array([0, 0, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 1, 0]);
}
