import assert from "node:assert/strict";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { SystemError } from "./errno.ts";
import { BatchReceiver } from "./receiver.ts";
import { BatchSender } from "./sender.ts";
import { connectUdp, openTcpListener, openUdpSocket } from "./socket.ts";
import { receiveDrops, setReceiveBuffer, setReceiveTimeout } from "./socket_options.ts";
import { collect, ipv6Test, linuxTest, prepare } from "./testing.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

linuxTest("openUdpSocket() tells the real port, and receives on it", () => {
  using socket = openUdpSocket({ address: LOOPBACK, receiveTimeoutMs: 500 });
  assert.equal(socket.address.hostname, "127.0.0.1");
  assert.ok(socket.address.port > 0);
  using peer = connectUdp({ address: socket.address });
  assert.equal(new BatchSender(peer.fd, prepare(["a:1|c", "b:2|g"])).send(0, 2), 2);
  assert.deepEqual(collect(new BatchReceiver(socket.fd), 2), ["a:1|c", "b:2|g"]);
});

linuxTest("openUdpSocket() refuses a port in use", () => {
  using first = openUdpSocket({ address: LOOPBACK });
  const where = `127.0.0.1:${first.address.port}`;
  for (const reusePort of [false, true]) {
    assert.throws(() => openUdpSocket({ address: first.address, reusePort }), (error) => {
      assert.ok(error instanceof SystemError);
      assert.equal(error.code, "linux.EADDRINUSE");
      assert.equal(error.syscall, "bind");
      assert.ok(error.message.startsWith(`Cannot bind ${where}: EADDRINUSE (address already in use): stop`));
      return true;
    });
  }
});

linuxTest("openUdpSocket() does not let a program without reusePort join, nor steal with SO_REUSEADDR", () => {
  using first = openUdpSocket({ address: LOOPBACK, reusePort: true });
  assert.throws(() => openUdpSocket({ address: first.address }), { errno: "EADDRINUSE" });
});

linuxTest("openUdpSocket() refuses what is no address of this host, and closes what it opened", () => {
  const before = openDescriptors();
  for (let i = 0; i < 200; i++) {
    assert.throws(() => openUdpSocket({ address: { hostname: "192.0.2.1", port: 0 } }), {
      code: "linux.EADDRNOTAVAIL",
      message: "Cannot bind 192.0.2.1:0: EADDRNOTAVAIL (address not available): " +
        "no interface of this host has that address",
    });
  }
  // Other tests of this process open descriptors of their own meanwhile; two hundred leaks would still show.
  assert.ok(openDescriptors() < before + 100);
  assert.throws(() => openUdpSocket({ address: { hostname: "localhost", port: 0 } }), RangeError);
});

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

linuxTest("two sockets with reusePort share a port: every datagram reaches one of them", () => {
  using first = openUdpSocket({ address: LOOPBACK, reusePort: true, receiveTimeoutMs: 50 });
  using second = openUdpSocket({ address: first.address, reusePort: true, receiveTimeoutMs: 50 });
  assert.equal(second.address.port, first.address.port);
  const sent: string[] = [];
  // The kernel chooses by a hash of the ports: with 64 senders, all on one side has a chance of 2 in 2^64.
  for (let i = 0; i < 64; i++) {
    using peer = connectUdp({ address: first.address });
    const texts = [`${i}.a:1|c`, `${i}.b:1|c`];
    sent.push(...texts);
    assert.equal(new BatchSender(peer.fd, prepare(texts)).send(0, 2), 2);
  }
  const atFirst = collect(new BatchReceiver(first.fd), sent.length, 1);
  const atSecond = collect(new BatchReceiver(second.fd), sent.length - atFirst.length);
  assert.ok(atFirst.length > 0 && atSecond.length > 0);
  assert.deepEqual([...atFirst, ...atSecond].sort(), sent.sort());
  // One sender stays on one socket.
  assert.ok(atFirst.every((text) => atFirst.includes(text.replace(".a:", ".b:"))));
});

ipv6Test("openUdpSocket() on ::1 receives on the loopback of IPv6", () => {
  using socket = openUdpSocket({ address: { hostname: "::1", port: 0 }, receiveTimeoutMs: 500 });
  using peer = connectUdp({ address: socket.address });
  new BatchSender(peer.fd, prepare(["x:1|c"])).send(0, 1);
  assert.deepEqual(collect(new BatchReceiver(socket.fd), 1), ["x:1|c"]);
  assert.throws(() => openUdpSocket({ address: socket.address }), {
    message: new RegExp(`^Cannot bind \\[::1\\]:${socket.address.port}: EADDRINUSE `),
  });
});

ipv6Test("openUdpSocket() on [::] takes IPv4 too, unless told ipv6Only", () => {
  const any = { hostname: "::", port: 0 };
  using both = openUdpSocket({ address: any, receiveTimeoutMs: 500 });
  using peer = connectUdp({ address: { hostname: "127.0.0.1", port: both.address.port } });
  new BatchSender(peer.fd, prepare(["x:1|c"])).send(0, 1);
  assert.deepEqual(collect(new BatchReceiver(both.fd), 1), ["x:1|c"]);
  assert.throws(() => openUdpSocket({ address: { hostname: "0.0.0.0", port: both.address.port } }), {
    errno: "EADDRINUSE",
  });

  using only = openUdpSocket({ address: any, ipv6Only: true });
  using v4 = openUdpSocket({ address: { hostname: "0.0.0.0", port: only.address.port } });
  assert.equal(v4.address.port, only.address.port);
});

linuxTest("openUdpSocket() reports the buffer granted in the figures asked for", () => {
  using small = openUdpSocket({ address: LOOPBACK, receiveBufferBytes: 65536 });
  assert.equal(small.receiveBufferBytes, 65536);
  using usual = openUdpSocket({ address: LOOPBACK });
  assert.ok(usual.receiveBufferBytes > 0);
  // The kernel has a least size, which it grants to whoever asks for less.
  assert.ok(setReceiveBuffer(usual.fd, 0) > 0);
  assert.ok(setReceiveBuffer(usual.fd, 2 ** 40) > 0);
  assert.throws(() => setReceiveBuffer(usual.fd, -1), RangeError);
  assert.throws(() => setReceiveBuffer(usual.fd, 1.5), RangeError);
  assert.throws(() => setReceiveBuffer(-1, 1000), { errno: "EBADF" });
});

linuxTest("receiveDrops() counts what a full buffer lost, exactly", () => {
  using socket = openUdpSocket({ address: LOOPBACK, receiveBufferBytes: 4096, receiveTimeoutMs: 100 });
  assert.equal(receiveDrops(socket.fd), 0);
  using peer = connectUdp({ address: socket.address });
  const sender = new BatchSender(peer.fd, prepare(Array.from({ length: 500 }, (_, i) => `overrun.${i}:1|c`)));
  for (let sent = 0; sent < 500;) sent += sender.send(sent, 500 - sent);
  const received = collect(new BatchReceiver(socket.fd), 500, 2).length;
  const drops = receiveDrops(socket.fd);
  assert.ok(drops > 0);
  assert.equal(received + drops, 500);
  assert.throws(() => receiveDrops(-1), { errno: "EBADF", syscall: "getsockopt" });
});

linuxTest("setReceiveTimeout() refuses nonsense", () => {
  using socket = openUdpSocket({ address: LOOPBACK });
  setReceiveTimeout(socket.fd, 0.5);
  setReceiveTimeout(socket.fd, 90_000);
  assert.throws(() => setReceiveTimeout(socket.fd, -1), RangeError);
  assert.throws(() => setReceiveTimeout(socket.fd, NaN), RangeError);
});

linuxTest("close() may be called twice, and frees the port", () => {
  const socket = openUdpSocket({ address: LOOPBACK });
  socket.close();
  socket.close();
  using again = openUdpSocket({ address: socket.address });
  assert.equal(again.address.port, socket.address.port);
});

linuxTest("openTcpListener() hands a descriptor to a node:net server", async () => {
  using listener = openTcpListener({ address: LOOPBACK });
  const server = net.createServer((connection) => connection.end("hello"));
  await new Promise<void>((resolve) => server.listen({ fd: listener.handOver() }, resolve));
  try {
    assert.equal((server.address() as AddressInfo).port, listener.address.port);
    using connection = await Deno.connect(listener.address);
    assert.equal(await new Response(connection.readable).text(), "hello");
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

linuxTest("openTcpListener() refuses a port in use, and shares one when both say so", () => {
  using first = openTcpListener({ address: LOOPBACK, reusePort: true });
  assert.throws(() => openTcpListener({ address: first.address }), {
    code: "linux.EADDRINUSE",
    message: new RegExp(`^Cannot bind 127\\.0\\.0\\.1:${first.address.port}: `),
  });
  using second = openTcpListener({ address: first.address, reusePort: true });
  assert.equal(second.address.port, first.address.port);
});
