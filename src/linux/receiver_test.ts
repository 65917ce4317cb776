import assert from "node:assert/strict";
import { SystemError } from "./errno.ts";
import { openLibc } from "./libc.ts";
import { cString } from "./memory.ts";
import { BatchReceiver, READ_AHEAD_BYTES, receiverBytes } from "./receiver.ts";
import { BatchSender } from "./sender.ts";
import { connectUdp, openUdpSocket } from "./socket.ts";
import { receiveDrops } from "./socket_options.ts";
import { collect, linuxTest, prepare } from "./testing.ts";

const address = { hostname: "127.0.0.1", port: 0 };

linuxTest("receive() takes what is there, at most a batch, and returns 0 when nothing comes", () => {
  using socket = openUdpSocket({ address, receiveTimeoutMs: 20 });
  using peer = connectUdp({ address: socket.address });
  const receiver = new BatchReceiver(socket.fd, { datagrams: 4, datagramBytes: 100 });
  assert.equal(receiver.receive(), 0);
  assert.equal(new BatchSender(peer.fd, prepare(["0", "1", "2", "3", "4", "5"])).send(0, 6), 6);
  assert.equal(receiver.receive(), 4);
  assert.deepEqual([0, 1, 2, 3].map((i) => receiver.buffer[receiver.offset(i)]! - 0x30), [0, 1, 2, 3]);
  assert.equal(receiver.receive(), 2);
  assert.deepEqual([0, 1].map((i) => receiver.buffer[receiver.offset(i)]! - 0x30), [4, 5]);
  assert.equal(receiver.receive(), 0);
});

linuxTest("receive() shows an oversize datagram by its length, and never mixes neighbours", () => {
  using socket = openUdpSocket({ address, receiveTimeoutMs: 20 });
  using peer = connectUdp({ address: socket.address });
  const receiver = new BatchReceiver(socket.fd, { datagrams: 8, datagramBytes: 100 });
  const lengths = [99, 100, 101, 5000, 0, 1];
  const texts = lengths.map((length, i) => String(i).repeat(length));
  assert.equal(new BatchSender(peer.fd, prepare(texts)).send(0, texts.length), texts.length);
  assert.equal(receiver.receive(), texts.length);
  assert.deepEqual(lengths.map((_, i) => receiver.length(i)), [99, 100, 101, 101, 0, 1]);
  const decoder = new TextDecoder();
  for (const [i, text] of texts.entries()) {
    const start = receiver.offset(i);
    const got = decoder.decode(receiver.buffer.subarray(start, start + receiver.length(i)));
    assert.equal(got, text.slice(0, 101));
    assert.ok(start + receiver.length(i) + READ_AHEAD_BYTES <= receiver.offset(i + 1));
  }
});

linuxTest("receive() puts datagrams where it is told to, in memory of several threads as well", () => {
  using socket = openUdpSocket({ address, receiveTimeoutMs: 20 });
  using peer = connectUdp({ address: socket.address });
  const sizes = { datagrams: 4, datagramBytes: 100 };
  const shared = new Uint8Array(new SharedArrayBuffer(64 + receiverBytes(sizes))).subarray(64);
  const receiver = new BatchReceiver(socket.fd, { ...sizes, buffer: shared });
  assert.equal(new BatchSender(peer.fd, prepare(["a", "bc"])).send(0, 2), 2);
  assert.equal(receiver.receive(), 2);
  assert.equal(receiver.buffer, shared);
  assert.deepEqual([shared[0], ...shared.slice(receiver.offset(1), receiver.offset(1) + 2)], [0x61, 0x62, 0x63]);
  const buffer = new Uint8Array(receiverBytes(sizes) - 1);
  assert.throws(() => new BatchReceiver(socket.fd, { ...sizes, buffer }), RangeError);
});

for (const datagramBytes of [1, 55, 56, 64, 1432, 8192, 65535]) {
  linuxTest(`the buffer has room behind the last of its datagrams of ${datagramBytes} bytes`, () => {
    const receiver = new BatchReceiver(-1, { datagrams: 3, datagramBytes });
    assert.ok(receiver.offset(2) + datagramBytes + 1 + READ_AHEAD_BYTES <= receiver.buffer.length);
    assert.equal(receiver.strideBytes % 64, 0);
  });
}

linuxTest("receive() throws when the descriptor cannot be received from", () => {
  assert.throws(() => new BatchReceiver(-1).receive(), (error) => {
    assert.ok(error instanceof SystemError);
    assert.equal(error.errno, "EBADF");
    assert.equal(error.message, "Cannot receive from descriptor -1: EBADF (not an open descriptor)");
    return true;
  });
  const libc = openLibc();
  const fd = libc.open(cString("/dev/null"), 0, 0);
  assert.throws(() => new BatchReceiver(fd).receive(), { errno: "ENOTSOCK" });
  libc.close(fd);
});

for (
  const options of [
    { datagrams: 0 },
    { datagrams: 1025 },
    { datagrams: 1.5 },
    { datagramBytes: 0 },
    { datagramBytes: 2 ** 20 + 1 },
    { datagramBytes: NaN },
  ]
) {
  linuxTest(`BatchReceiver refuses ${JSON.stringify(options)}`, () => {
    assert.throws(() => new BatchReceiver(-1, options), RangeError);
  });
}

linuxTest("receive() and send() keep their arrays from the collector", () => {
  using socket = openUdpSocket({ address, receiveTimeoutMs: 500, receiveBufferBytes: 1 << 20 });
  using peer = connectUdp({ address: socket.address });
  const texts = Array.from({ length: 32 }, (_, i) => `series.${i}:${i}|c`);
  const receiver = new BatchReceiver(socket.fd, { datagrams: 32 });
  const sender = new BatchSender(peer.fd, prepare(texts));
  let kept: Uint8Array[] = [];
  for (let round = 0; round < 300; round++) {
    // Garbage of the sizes of our arrays: were those freed, some of it would take their place.
    for (let i = 0; i < 20; i++) kept.push(new Uint8Array(32 * 64).fill(0xa5), new Uint8Array(32 * 16).fill(0x5a));
    if (kept.length > 2_000) kept = [];
    if (round % 50 === 0) kept.push(new Uint8Array(8 << 20));
    for (let sent = 0; sent < 32;) sent += sender.send(sent, 32 - sent);
    assert.deepEqual(collect(receiver, 32), texts);
  }
  assert.equal(receiveDrops(socket.fd), 0);
});

linuxTest("receive() returns 0 when a signal interrupts it", async () => {
  const face = new URL("./mod.ts", import.meta.url).href;
  const source = `import { BatchReceiver, openUdpSocket } from ${JSON.stringify(face)};
    Deno.addSignalListener("SIGUSR1", () => {});
    using socket = openUdpSocket({ address: { hostname: "127.0.0.1", port: 0 }, receiveTimeoutMs: 600_000 });
    const receiver = new BatchReceiver(socket.fd);
    console.log("ready");
    console.log(receiver.receive());
    Deno.exit(7);`;
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", source], stdout: "piped" }).spawn();
  const lines: string[] = [];
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  lines.push((await reader.read()).value ?? "");
  let running = true;
  const status = child.status.finally(() => running = false);
  // The first signal may come before the call; then the next one finds it.
  while (running) {
    child.kill("SIGUSR1");
    await Promise.race([status, new Promise((resolve) => setTimeout(resolve, 50))]);
  }
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) lines.push(chunk.value);
  assert.equal((await status).code, 7);
  assert.equal(lines.join(""), "ready\n0\n");
});

linuxTest("receive() works in a worker on a descriptor that the main thread opened", async () => {
  using socket = openUdpSocket({ address, receiveTimeoutMs: 5_000 });
  const source = `import { BatchReceiver } from ${JSON.stringify(new URL("./mod.ts", import.meta.url).href)};
    onmessage = ({ data }) => {
      const receiver = new BatchReceiver(data);
      const count = receiver.receive();
      const first = receiver.offset(0);
      postMessage(count + " " + new TextDecoder().decode(receiver.buffer.slice(first, first + receiver.length(0))));
      close();
    };`;
  const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, { type: "module" });
  const answer = new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
  });
  using peer = connectUdp({ address: socket.address });
  new BatchSender(peer.fd, prepare(["from.main:1|c"])).send(0, 1);
  worker.postMessage(socket.fd);
  assert.equal(await answer, "1 from.main:1|c");
});
