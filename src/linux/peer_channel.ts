/** Lines between two processes of one user on one host, over a unix socket, each knowing who the other is. */
import { AddressFamily, encodeSocketAddress } from "./address.ts";
import { Errno, succeed, SystemError, tryCall } from "./errno.ts";
import { fileId } from "./file_id.ts";
import { type Libc, openLibc } from "./libc.ts";
import { cString } from "./memory.ts";
import { newSocket, orClose, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "./open_socket.ts";
import { SO_PEERCRED, SOL_SOCKET } from "./socket_options.ts";

const MSG_NOSIGNAL = 0x4000;
/** A peer that sends so much without an end of line is not the one that is meant. */
const LONGEST_LINE = 1 << 20;
const BACKLOG = 8;

/** A process at the other end of a unix socket, as the kernel tells: `struct ucred`. */
export interface PeerCredentials {
  /** When it connected, or began to listen. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** The other process is another user's. */
export class PeerRefused extends Error {
  override readonly name = "PeerRefused";
  readonly code = "linux.peer_refused";

  constructor(path: string, readonly peer: PeerCredentials, ownUid: number) {
    super(
      `Cannot trust process ${peer.pid} at ${path}: it belongs to user ${peer.uid}, this process to user ${ownUid}; ` +
        "run both as the same user, or choose another directory",
    );
  }
}

/** A connection. No call of it waits. */
export interface PeerChannel extends Disposable {
  readonly peer: PeerCredentials;
  /** Sends a line. @throws {SystemError} EPIPE when the peer is gone; EAGAIN when it has not read for long */
  send(line: string): void;
  /** The whole lines that have come since the last call. */
  receive(): string[];
  /** Whether the peer has closed its end, or ended; all that it sent has been received then. */
  readonly isOver: boolean;
  close(): void;
}

/** Waits for connections at a path. Closing removes the path, unless another process has put its own there. */
export interface PeerListener extends Disposable {
  /**
   * A connection that has come; undefined if there is none.
   *
   * @throws {PeerRefused} it came from another user's process; it is closed
   */
  accept(): PeerChannel | undefined;
  close(): void;
}

/**
 * Listens at `path` (mode 0600), in place of whoever listened there before: connections made so far stay.
 *
 * @throws {SystemError} when the path can't be had
 * @throws {LinuxUnavailable}
 */
export function listenForPeers(path: string): PeerListener {
  const libc = openLibc();
  // Under a name of its own first, so that the path leads to a listening socket at any moment.
  const ownPath = `${path}.${Deno.pid}`;
  const bytes = encodeSocketAddress({ path: ownPath });
  const fd = newSocket(libc, AddressFamily.unix, SOCK_STREAM | SOCK_NONBLOCK, `open a socket for ${path}`);
  return orClose(libc, fd, () => {
    libc.unlink(cString(ownPath)); // of a process that had this number before
    succeed(libc, { syscall: "bind", action: `bind ${ownPath}` }, () => libc.bind(fd, bytes, bytes.length));
    succeed(
      libc,
      { syscall: "chmod", action: `keep others from ${ownPath}` },
      () => libc.chmod(cString(ownPath), 0o600),
    );
    succeed(libc, { syscall: "listen", action: `listen on ${path}` }, () => libc.listen(fd, BACKLOG));
    Deno.renameSync(ownPath, path);
    return peerListener(libc, path, fd);
  });
}

function peerListener(libc: Libc, path: string, fd: number): PeerListener {
  const ours = fileId(libc, path);
  let open = true;
  function close(): void {
    if (!open) return;
    open = false;
    if (ours?.equals(fileId(libc, path))) libc.unlink(cString(path));
    libc.close(fd);
  }
  return {
    accept() {
      if (!open) return undefined;
      const accepted = tryCall(libc, () => libc.accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC));
      return accepted < 0 ? undefined : orClose(libc, accepted, () => peerChannel(libc, path, accepted));
    },
    close,
    [Symbol.dispose]: close,
  };
}

/**
 * Connects to the process that listens at `path`.
 *
 * @returns undefined if nobody does
 * @throws {PeerRefused} it is another user's
 * @throws {SystemError}
 * @throws {LinuxUnavailable}
 */
export function connectToPeer(path: string): PeerChannel | undefined {
  const libc = openLibc();
  const bytes = encodeSocketAddress({ path });
  const fd = newSocket(libc, AddressFamily.unix, SOCK_STREAM | SOCK_NONBLOCK, `open a socket for ${path}`);
  const result = tryCall(libc, () => libc.connect(fd, bytes, bytes.length));
  if (result >= 0) return orClose(libc, fd, () => peerChannel(libc, path, fd));
  libc.close(fd);
  if (result === -Errno.ENOENT || result === -Errno.ECONNREFUSED) return undefined;
  throw new SystemError(-result, { syscall: "connect", action: `connect to ${path}` });
}

function peerChannel(libc: Libc, path: string, fd: number): PeerChannel {
  const peer = credentials(libc, fd);
  const ownUid = libc.geteuid();
  if (peer.uid !== ownUid) throw new PeerRefused(path, peer, ownUid);
  return new Channel(libc, fd, peer);
}

function credentials(libc: Libc, fd: number): PeerCredentials {
  const ucred = new Int32Array(3);
  const length = Uint32Array.of(ucred.byteLength);
  succeed(
    libc,
    { syscall: "getsockopt", action: `read SO_PEERCRED of descriptor ${fd}` },
    () => libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred, length),
  );
  return { pid: ucred[0]!, uid: ucred[1]! >>> 0, gid: ucred[2]! >>> 0 };
}

class Channel implements PeerChannel {
  readonly peer: PeerCredentials;
  isOver = false;
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #room = new Uint8Array(4096);
  readonly #utf8 = new TextDecoder();
  #rest = "";
  #open = true;

  constructor(libc: Libc, fd: number, peer: PeerCredentials) {
    this.#libc = libc;
    this.#fd = fd;
    this.peer = peer;
  }

  send(line: string): void {
    const bytes = new TextEncoder().encode(`${line}\n`);
    const attempt = { syscall: "send", action: `tell process ${this.peer.pid}` };
    for (let sent = 0; sent < bytes.length && this.#open;) {
      const rest = bytes.subarray(sent);
      sent += succeed(
        this.#libc,
        attempt,
        () => this.#libc.send(this.#fd, rest, BigInt(rest.length), MSG_NOSIGNAL),
      );
    }
  }

  receive(): string[] {
    while (this.#open && !this.isOver) {
      const count = tryCall(
        this.#libc,
        () => this.#libc.read(this.#fd, this.#room, BigInt(this.#room.length)),
      );
      if (count === -Errno.EAGAIN) break;
      if (count > 0) this.#rest += this.#utf8.decode(this.#room.subarray(0, count), { stream: true });
      // Also a connection that broke off, and a peer that never comes to an end.
      if (count <= 0 || this.#rest.length > LONGEST_LINE) this.isOver = true;
    }
    const lines = this.#rest.split("\n");
    this.#rest = lines.pop() ?? "";
    return lines;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.isOver = true;
    this.#libc.close(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
