import assert from "node:assert/strict";
import { BatchReceiver } from "./receiver.ts";
import { GroupHandover } from "./reuseport_handover.ts";
import type { ReuseportGroup } from "./reuseport.ts";
import { BatchSender } from "./sender.ts";
import { connectUdp } from "./socket.ts";
import { linuxTest, prepare } from "./testing.ts";

const options = { address: { hostname: "127.0.0.1", port: 0 }, sockets: 2, receiveTimeoutMs: 20 };

function send({ address }: ReuseportGroup): void {
  using peer = connectUdp({ address });
  assert.equal(new BatchSender(peer.fd, prepare(["a", "b", "c"])).send(0, 3), 3);
}

function drain({ sockets }: ReuseportGroup): number {
  return sockets.reduce((sum, { fd }) => sum + new BatchReceiver(fd).receive(), 0);
}

linuxTest("a GroupHandover takes over the groups of the same names, on their ports, and opens others", () => {
  const old = new GroupHandover();
  using before = old.open("a", options);
  using gone = old.open("b", options);
  const offers = JSON.parse(JSON.stringify(old.offers()));
  assert.deepEqual(offers, {
    a: { sockets: 2, balancing: before.balancing, port: before.address.port },
    b: { sockets: 2, balancing: gone.balancing, port: gone.address.port },
  });

  const young = new GroupHandover(offers);
  using after = young.open("a", { ...options, sockets: 1 });
  using other = young.open("c", options);
  assert.equal(after.address.port, before.address.port);
  send(after);
  send(other);
  assert.deepEqual([before, gone, after, other].map(drain), [3, 0, 0, 3]);
  young.takeOver();
  send(after);
  send(gone);
  assert.deepEqual([before, gone, after].map(drain), [0, 3, 3]);
  before.close();
  young.balance();
  send(after);
  assert.equal(drain(after), 3);
});

linuxTest("a GroupHandover refuses two groups of one name", () => {
  const groups = new GroupHandover();
  using _first = groups.open("a", options);
  assert.throws(() => groups.open("a", options), RangeError);
});

linuxTest("a GroupHandover opens a group late, on the port that its predecessor has left", () => {
  const old = new GroupHandover();
  const before = old.open("a", options);
  const young = new GroupHandover(old.offers());
  young.takeOver();
  assert.throws(() => young.open("a", options), { errno: "EADDRINUSE" });
  before.close();
  using after = young.open("a", options);
  assert.equal(after.address.port, before.address.port);
  send(after);
  assert.equal(drain(after), 3);
});
