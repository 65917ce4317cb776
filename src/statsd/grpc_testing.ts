/** What the tests of gRPC in this module share. */
import assert from "node:assert/strict";
import { realClock } from "../clock/mod.ts";
import { connectGrpc, type GrpcConnection, type GrpcMethods, startGrpcServer } from "../grpc/mod.ts";
import type { AddressInfo } from "node:net";
import type { ListenAddress } from "./address.ts";

/** A guard against a hang. */
export const PATIENCE_MS = 60_000;

/** Connects to a listener without TLS. */
export function connectTo({ port }: Pick<ListenAddress, "port">): Promise<GrpcConnection> {
  return connectGrpc({ hostname: "127.0.0.1", port }, PATIENCE_MS, { clock: realClock });
}

/** A server of these methods on a free port of this host. */
export async function serve(methods: GrpcMethods): Promise<AsyncDisposable & { readonly port: number }> {
  let port = 0;
  const server = await startGrpcServer(methods, { idleTimeoutMs: 600_000 }, {
    async listen(socket) {
      await new Promise<void>((resolve) => socket.listen(0, "127.0.0.1", resolve));
      port = (socket.address() as AddressInfo).port;
      return { release: () => {} };
    },
    clock: realClock,
    untilQuiet: () => Promise.resolve(),
    log: () => {},
  });
  return { port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** What the messages of `/metrics` say, by name and labels. */
export function sampleOf(text: string, sample: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
  assert.ok(line !== undefined, `${sample} in ${text}`);
  return Number(line.slice(sample.length + 1));
}
