import assert from "node:assert/strict";
import { formatIpv6 } from "./address.ts";
import { BatchReceiver } from "./receiver.ts";
import { BatchSender } from "./sender.ts";
import { connectUdp, openUdpSocket } from "./socket.ts";
import { setReceiveBuffer } from "./socket_options.ts";
import { ipv6Test, linuxTest, prepare } from "./testing.ts";

const address = { hostname: "127.0.0.1", port: 0 };

/** Sends each text as a datagram. */
function sendFrom(fd: number, texts: string[]): void {
  const sender = new BatchSender(fd, prepare(texts));
  for (let sent = 0; sent < texts.length;) sent += sender.send(sent, texts.length - sent);
}

linuxTest("an Ancillary tells when each datagram was received, and by whom it was sent", () => {
  using socket = openUdpSocket({ address, ancillary: true, receiveTimeoutMs: 100 });
  const receiver = new BatchReceiver(socket.fd, { datagrams: 8, ancillary: true });
  const { ancillary } = receiver;
  assert.ok(ancillary);
  let latestMs = 0;
  for (let round = 0; round < 5; round++) { // lengths that the kernel has overwritten are set again
    using peer = connectUdp({ address: socket.address });
    const beforeMs = Date.now();
    sendFrom(peer.fd, ["a", "b", "c"]);
    assert.equal(receiver.receive(), 3);
    for (let i = 0; i < 3; i++) {
      const receivedMs: number = ancillary.receivedMs(i);
      assert.ok(receivedMs > latestMs, `${receivedMs} is not after ${latestMs}`);
      assert.ok(receivedMs >= beforeMs && receivedMs <= Date.now() + 1, `${receivedMs}`);
      latestMs = receivedMs;
      assert.equal(ancillary.drops(i), -1);
      assert.deepEqual([ancillary.isTruncated(i), ancillary.isControlTruncated(i)], [false, false]);
      const source = new Uint8Array(18);
      assert.equal(ancillary.copySource(i, source, 1), true);
      assert.equal(formatIpv6(source.subarray(1, 17)), "::ffff:127.0.0.1");
      assert.deepEqual([source[0], source[17]], [0, 0]);
      assert.equal(ancillary.sourcePort(i), ancillary.sourcePort(0));
    }
    assert.notEqual(ancillary.sourcePort(0), 0);
  }
});

ipv6Test("an Ancillary tells the address of an IPv6 sender", () => {
  using socket = openUdpSocket({ address: { hostname: "::1", port: 0 }, receiveTimeoutMs: 100 });
  using peer = connectUdp({ address: socket.address });
  const receiver = new BatchReceiver(socket.fd, { ancillary: true });
  sendFrom(peer.fd, ["a"]);
  assert.equal(receiver.receive(), 1);
  const source = new Uint8Array(16);
  assert.equal(receiver.ancillary!.copySource(0, source, 0), true);
  assert.equal(formatIpv6(source), "::1");
});

linuxTest("an Ancillary of a socket that was not asked to tell has no time and no drops", () => {
  using socket = openUdpSocket({ address, receiveTimeoutMs: 100 });
  using peer = connectUdp({ address: socket.address });
  const receiver = new BatchReceiver(socket.fd, { ancillary: true });
  sendFrom(peer.fd, ["a"]);
  assert.equal(receiver.receive(), 1);
  assert.deepEqual([receiver.ancillary!.receivedMs(0), receiver.ancillary!.drops(0)], [NaN, -1]);
});

linuxTest("an Ancillary counts what was dropped before a datagram", () => {
  using socket = openUdpSocket({ address, ancillary: true, receiveTimeoutMs: 50 });
  setReceiveBuffer(socket.fd, 0); // the kernel's least: a few kilobytes
  using peer = connectUdp({ address: socket.address });
  const receiver = new BatchReceiver(socket.fd, { ancillary: true });
  sendFrom(peer.fd, Array.from({ length: 100 }, () => "x".repeat(500)));
  let received = 0;
  for (let got = receiver.receive(); got > 0; got = receiver.receive()) received += got;
  assert.ok(received < 100);
  sendFrom(peer.fd, ["a"]);
  assert.equal(receiver.receive(), 1);
  assert.equal(receiver.ancillary!.drops(0), 100 - received);
  assert.ok(receiver.ancillary!.receivedMs(0) > 0);
});

linuxTest("an Ancillary says which datagram was cut off", () => {
  using socket = openUdpSocket({ address, ancillary: true, receiveTimeoutMs: 100 });
  using peer = connectUdp({ address: socket.address });
  const receiver = new BatchReceiver(socket.fd, { datagramBytes: 10, ancillary: true });
  sendFrom(peer.fd, ["0123456789", "0123456789ab"]);
  assert.equal(receiver.receive(), 2);
  assert.deepEqual([0, 1].map((i) => receiver.ancillary!.isTruncated(i)), [false, true]);
});

linuxTest("a receiver has no Ancillary unless it is asked for", () => {
  assert.equal(new BatchReceiver(-1).ancillary, undefined);
});
