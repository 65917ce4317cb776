import { EventEmitter } from "node:events";

/**
 * Stands in for the npm module `unix-dgram`, a native addon: only what hot-shots calls. The bytes are the client's; this
 * is the socket they leave by.
 */
export class UnixDatagramSocket extends EventEmitter {
  readonly #socket: Deno.DatagramConn;
  readonly #ownPath = Deno.makeTempFileSync({ prefix: "limier_client_", suffix: ".sock" });
  #peer = "";

  constructor() {
    super();
    Deno.removeSync(this.#ownPath); // the name is taken, the file is in the way of the socket
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path: this.#ownPath });
  }

  connect(path: string): void {
    this.#peer = path;
  }

  send(datagram: Uint8Array, done?: (error?: Error) => void): void {
    this.#socket.send(datagram, { transport: "unixpacket", path: this.#peer }).then(() => done?.(), done);
  }

  close(): void {
    this.#socket.close();
    Deno.removeSync(this.#ownPath);
  }
}

/** The module's `createSocket("unix_dgram")`. */
export function createSocket(): UnixDatagramSocket {
  return new UnixDatagramSocket();
}
