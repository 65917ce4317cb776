import assert from "node:assert/strict";
import { processCpuTimeNs, threadCpuTimeNs } from "./cpu_time.ts";
import { BatchReceiver } from "./receiver.ts";
import { BatchSender } from "./sender.ts";
import { connectUdp, openUdpSocket } from "./socket.ts";
import { collect, linuxTest, prepare } from "./testing.ts";

const address = { hostname: "127.0.0.1", port: 0 };

linuxTest("send() sends any run of the prepared datagrams, as often as asked", () => {
  using socket = openUdpSocket({ address, receiveTimeoutMs: 500 });
  using peer = connectUdp({ address: socket.address });
  const prepared = prepare(["a", "bb", "ccc", "dddd"]);
  const sender = new BatchSender(peer.fd, prepared);
  const receiver = new BatchReceiver(socket.fd);
  assert.equal(sender.datagrams, 4);
  assert.equal(sender.length(3), 4);
  assert.equal(sender.send(1, 2), 2);
  assert.equal(sender.send(3, 1), 1);
  assert.equal(sender.send(1, 2), 2);
  assert.deepEqual(collect(receiver, 5), ["bb", "ccc", "dddd", "bb", "ccc"]);
  prepared.buffer[0] = 0x7a;
  assert.equal(sender.send(0, 1), 1);
  assert.deepEqual(collect(receiver, 1), ["z"]);
});

linuxTest("send() returns 0 and says why when nobody listens", () => {
  const socket = openUdpSocket({ address });
  using peer = connectUdp({ address: socket.address });
  socket.close();
  const sender = new BatchSender(peer.fd, prepare(["a"]));
  assert.equal(sender.send(0, 1), 1); // which brings back an ICMP error
  assert.equal(sender.send(0, 1), 0);
  assert.equal(sender.lastRefusal, "ECONNREFUSED");
});

linuxTest("send() throws when it can never succeed", () => {
  assert.throws(() => new BatchSender(-1, prepare(["a"])).send(0, 1), {
    message: "Cannot send on descriptor -1: EBADF (not an open descriptor)",
  });
  using socket = openUdpSocket({ address });
  assert.throws(() => new BatchSender(socket.fd, prepare(["a"])).send(0, 1), { errno: "EDESTADDRREQ" });
});

linuxTest("BatchSender refuses runs and datagrams outside what is prepared", () => {
  const sender = new BatchSender(-1, prepare(["a", "b"]));
  for (const [first, count] of [[-1, 1], [0, 0], [0, 3], [2, 1], [NaN, 1]] as const) {
    assert.throws(() => sender.send(first, count), RangeError);
  }
  const none = new BatchSender(-1, prepare([]));
  assert.equal(none.datagrams, 0);
  assert.throws(() => none.send(0, 1), RangeError);
  const buffer = new Uint8Array(4);
  assert.throws(
    () => new BatchSender(-1, { buffer, offsets: Uint32Array.of(2), lengths: Uint32Array.of(3) }),
    /it ends at 5, the buffer at 4/,
  );
  assert.throws(
    () => new BatchSender(-1, { buffer, offsets: Uint32Array.of(2), lengths: new Uint32Array(0) }),
    RangeError,
  );
});

linuxTest("threadCpuTimeNs() and processCpuTimeNs() grow with work", () => {
  const thread = threadCpuTimeNs();
  const process = processCpuTimeNs();
  let sum = 0;
  while (threadCpuTimeNs() < thread + 2_000_000) sum += Math.sqrt(sum + 1);
  assert.ok(sum > 0);
  assert.ok(processCpuTimeNs() >= process + 2_000_000);
});
