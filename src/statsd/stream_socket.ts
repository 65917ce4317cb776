import type { AddressInfo, ListenOptions, Server } from "node:net";
import { LinuxUnavailable, openTcpListener, openUnixListener } from "../linux/mod.ts";
import type { ListenAddress } from "./address.ts";
import { literalOf } from "./reader_sockets.ts";

/** What a listening server stands on. */
export interface BoundServer {
  /** Where it listens, with the port it got. */
  readonly address: ListenAddress;
  /** Removes the files that came with it, if any; closing the server is its owner's part. */
  release(): void;
}

/**
 * Makes `server` listen on a `tcp` or `unix` address. Where there is FFI, a TCP port is shared with a successor
 * (SO_REUSEPORT), and a path is held by a lock on `PATH.lock`, a stale socket there replaced and every user let in.
 * Where there is none, a path must be free.
 *
 * @throws {LockHeld} when another instance has the path
 * @throws {SystemError} such as EADDRINUSE; without FFI, what `node:net` says
 */
export async function listenOn(server: Server, address: ListenAddress): Promise<BoundServer> {
  const literal = address.transport === "tcp" ? await literalOf(address) : "";
  let socket;
  try {
    socket = address.transport === "tcp"
      ? openTcpListener({ address: { hostname: literal, port: address.port }, reusePort: true })
      : openUnixListener(address.path);
  } catch (error) {
    if (!(error instanceof LinuxUnavailable)) throw error;
    return await listenPlainly(server, address, literal);
  }
  try {
    await listening(server, { fd: socket.fd });
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.handOver();
  const port = "port" in socket.address ? socket.address.port : 0;
  return { address: { ...address, port }, release: () => socket.close() };
}

async function listenPlainly(server: Server, address: ListenAddress, literal: string): Promise<BoundServer> {
  if (address.transport === "tcp") {
    await listening(server, { host: literal, port: address.port });
    return { address: { ...address, port: (server.address() as AddressInfo).port }, release: () => {} };
  }
  const { path } = address;
  await listening(server, { path: path.replace(/^@/, "\0") });
  if (path.startsWith("@")) return { address, release: () => {} };
  Deno.chmodSync(path, 0o666);
  return {
    address,
    release() {
      try {
        Deno.removeSync(path);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error; // closing the server may have removed it
      }
    },
  };
}

function listening(server: Server, options: ListenOptions | { fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
