/** System calls on TCP sockets that the recorder makes itself, by descriptor: what Deno's own sockets do not offer. */

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept: { parameters: ["i32", "pointer", "pointer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
});

export const AF_INET = 2, AF_INET6 = 10, AF_PACKET = 17;
export const SOCK_STREAM = 1, SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800, SOCK_CLOEXEC = 0x80000;
export const MSG_DONTWAIT = 0x40;

/** Descriptors to close at the end of a scene. */
const open = new Set<number>();
const raw = new Set<number>();

function must(result: number | bigint, what: string): number {
  if (result < 0) throw new Error(`Cannot ${what}: the system call failed`);
  return Number(result);
}

/** A descriptor of its own; waits for nothing. */
export function newSocket(family: number, type: number = SOCK_STREAM, protocol = 0): number {
  const fd = must(libc.socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), `open a socket of ${family}`);
  open.add(fd);
  if (type === SOCK_RAW) raw.add(fd);
  return fd;
}

/** Those that are open, without the raw ones. */
export function openTcpSockets(): number[] {
  return [...open].filter((fd) => !raw.has(fd));
}

export function closeSocket(fd: number): void {
  open.delete(fd);
  raw.delete(fd);
  libc.close(fd);
}

export function closeAll(): void {
  for (const fd of [...open]) closeSocket(fd);
}

export function bindTo(fd: number, address: Uint8Array<ArrayBuffer>): void {
  must(libc.bind(fd, address, address.length), "bind");
}

/** Begins to connect, and does not wait for it. */
export function beginConnect(fd: number, address: Uint8Array<ArrayBuffer>): void {
  libc.connect(fd, address, address.length); // EINPROGRESS, as it has to be
}

export function listenOn(fd: number, backlog: number): void {
  must(libc.listen(fd, backlog), "listen");
}

/** A connection that waits on a listener. */
export async function acceptFrom(fd: number): Promise<number> {
  for (let tries = 0; tries < 500; tries++) {
    const accepted = libc.accept(fd, null, null);
    if (accepted >= 0) {
      open.add(accepted);
      return accepted;
    }
    await pause(2);
  }
  throw new Error("Cannot accept: no connection came");
}

/** Port of a bound descriptor. */
export function portOf(fd: number): number {
  const address = new Uint8Array(28);
  must(libc.getsockname(fd, address, Uint32Array.of(28)), "read an address");
  return address[2]! << 8 | address[3]!;
}

export function setOption(fd: number, level: number, option: number, value: number | Uint8Array<ArrayBuffer>): void {
  const bytes = typeof value === "number" ? new Uint8Array(Int32Array.of(value).buffer) : value;
  must(libc.setsockopt(fd, level, option, bytes, bytes.length), `set option ${level}/${option}`);
}

/** The value of an option, as long as the kernel says. */
export function getOption(fd: number, level: number, option: number, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  const length = Uint32Array.of(size);
  must(libc.getsockopt(fd, level, option, bytes, length), `read option ${level}/${option}`);
  return bytes.slice(0, length[0]);
}

/** SO_COOKIE, by which a dump names the socket. */
export function cookieOf(fd: number): bigint {
  return new DataView(getOption(fd, 1, 57, 8).buffer).getBigUint64(0, true);
}

export function shutDown(fd: number, how: "read" | "write"): void {
  must(libc.shutdown(fd, how === "read" ? 0 : 1), "shut down");
}

/** Writes as much as the socket takes. @returns bytes */
export function sendSome(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  return Number(libc.send(fd, bytes, BigInt(bytes.length), MSG_DONTWAIT));
}

export function sendTo(fd: number, bytes: Uint8Array<ArrayBuffer>, address: Uint8Array<ArrayBuffer>): void {
  must(libc.sendto(fd, bytes, BigInt(bytes.length), 0, address, address.length), "send a packet");
}

/** What has come; undefined for nothing. */
export function receiveSome(fd: number, size: number): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(size);
  const length = Number(libc.recv(fd, bytes, BigInt(size), MSG_DONTWAIT));
  return length < 0 ? undefined : bytes.slice(0, length);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
