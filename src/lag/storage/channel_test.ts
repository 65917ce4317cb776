import assert from "node:assert/strict";
import { Channel } from "./channel.ts";

for (const depth of [0, 1, 3]) {
  Deno.test(`Channel of depth ${depth} hands on everything in order, and makes senders wait`, async () => {
    const channel = new Channel<number>(depth);
    const sent: number[] = [];
    const sending = Array.from({ length: 6 }, (_, i) => channel.send(i).then((outcome) => sent.push(i) && outcome));
    await Promise.resolve();
    await Promise.resolve();
    assert.deepEqual(sent, Array.from({ length: depth }, (_, i) => i));
    assert.equal(channel.waiting, 6);
    channel.close();
    const received: (number | undefined)[] = [];
    for (let i = 0; i < 7; i++) received.push(await channel.receive());
    assert.deepEqual(received, [0, 1, 2, 3, 4, 5, undefined]);
    assert.deepEqual(await Promise.all(sending), Array(6).fill("sent"));
    assert.equal(await channel.send(9), "closed");
  });
}

Deno.test("Channel wakes a receiver that waits, by an item or by its end", async () => {
  const channel = new Channel<string>(1);
  const first = channel.receive();
  assert.equal(await channel.send("a"), "sent");
  assert.equal(await first, "a");
  const second = channel.receive();
  channel.close();
  assert.equal(await second, undefined);
});

Deno.test("Channel loses the item of a sender that gives up", async () => {
  const channel = new Channel<string>(1);
  const patience = new AbortController();
  await channel.send("a");
  const waiting = channel.send("b", patience.signal);
  patience.abort();
  assert.equal(await waiting, "timeout");
  assert.equal(await channel.send("c", patience.signal), "timeout");
  assert.equal(await channel.receive(), "a");
  assert.equal(channel.waiting, 0);
});
