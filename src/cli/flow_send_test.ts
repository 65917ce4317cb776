import assert from "node:assert/strict";
import { UsageError } from "./command.ts";
import { flowSend, sendDatagrams, type SendPlan } from "./flow_send.ts";

/** A socket that keeps what comes, and the plan to send there. */
function receiving() {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const plan: SendPlan = { hostname: "127.0.0.1", port: (socket.addr as Deno.NetAddr).port, speed: 1, loops: 1 };
  const next = async () => (await socket.receive())[0];
  return { socket, plan, next };
}

const datagrams = [0, 0.5, 2].map((timeS, i) => ({ timeS: 1_700_000_000 + timeS, payload: Uint8Array.of(i) }));

/** A clock that a sleep moves. */
function clock() {
  let nowMs = 1_000;
  const slept: number[] = [];
  return {
    slept,
    now: () => nowMs,
    sleep: (ms: number) => {
      slept.push(Math.round(ms));
      nowMs += ms;
      return Promise.resolve();
    },
  };
}

Deno.test("sendDatagrams() sends in order, at the pace of the recording", async () => {
  const { socket, plan, next } = receiving();
  const time = clock();
  const sent = await sendDatagrams(datagrams, plan, time);
  assert.deepEqual(sent, { datagrams: 3, bytes: 3, refused: 0 });
  assert.deepEqual([(await next())[0], (await next())[0], (await next())[0]], [0, 1, 2]);
  assert.deepEqual(time.slept, [500, 1500]);
  socket.close();
});

Deno.test("sendDatagrams() sends faster, or as fast as it goes, and more than once", async () => {
  const { socket, plan } = receiving();
  const fast = clock(), unpaced = clock();
  await sendDatagrams(datagrams, { ...plan, speed: 10 }, fast);
  assert.deepEqual(fast.slept, [50, 150]);
  const sent = await sendDatagrams(datagrams, { ...plan, speed: 0, loops: 3 }, unpaced);
  assert.deepEqual([sent.datagrams, unpaced.slept], [9, []]);
  socket.close();
});

Deno.test("sendDatagrams() tells how far it is", async () => {
  const { socket, plan } = receiving();
  const told: number[] = [];
  await sendDatagrams(datagrams, plan, {
    ...clock(),
    onProgress: ({ datagrams }, total) => told.push(datagrams, total),
  });
  assert.deepEqual(told.slice(-2), [3, 3]);
  socket.close();
});

for (const args of [{ to: "nowhere" }, { to: "127.0.0.1:0" }, { speed: "-1" }, { loop: "0" }, { port: "x" }]) {
  Deno.test(`limier flow send refuses ${JSON.stringify(args)}`, async () => {
    await assert.rejects(async () => await flowSend.run({ _: ["x.pcap"], ...args }), UsageError);
  });
}
