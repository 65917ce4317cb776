import assert from "node:assert/strict";
import { BatchReceiver, openUdpSocket, openUnixDatagramSocket, receiveDrops } from "../../src/linux/mod.ts";
import { connectTo, type LoadResult, readOptions, sendLoad } from "./datagrams.ts";

const linux = Deno.build.os === "linux";

/** Everything that waits in the socket. */
function drain(fd: number): string[] {
  const receiver = new BatchReceiver(fd, { datagrams: 128, datagramBytes: 8192 });
  const decoder = new TextDecoder();
  const got: string[] = [];
  for (let count = receiver.receive(); count > 0; count = receiver.receive()) {
    for (let i = 0; i < count; i++) {
      const start = receiver.offset(i);
      got.push(decoder.decode(receiver.buffer.subarray(start, start + receiver.length(i))));
    }
  }
  return got;
}

const socketOptions = { receiveBufferBytes: 4 << 20, receiveTimeoutMs: 100 };
const loopback = { hostname: "127.0.0.1", port: 0 };

Deno.test({
  name: "sendLoad() sends exactly what it says",
  ignore: !linux,
  fn() {
    using socket = openUdpSocket({ address: loopback, ...socketOptions });
    const to = `127.0.0.1:${socket.address.port}`;
    let dropsBefore = 0;
    for (const ratePerSecond of [0, 20_000]) {
      const result = sendLoad({
        to,
        shape: "twenty",
        series: 100,
        senders: 3,
        nameBytes: 60,
        ratePerSecond,
        datagrams: 500,
        seconds: Infinity,
      });
      assert.equal(result.datagrams, 500);
      assert.equal(result.lines, 10_000);
      assert.equal(result.counters + result.gauges + result.timers + result.sets, 10_000);
      const got = drain(socket.fd);
      const drops = receiveDrops(socket.fd) - dropsBefore;
      dropsBefore += drops;
      assert.equal(got.length + drops, 500);
      if (drops > 0) continue; // a host with a small rmem_max, and no right to exceed it
      assert.equal(got.reduce((sum, text) => sum + text.length, 0), result.bytes);
      const counters = got.flatMap((text) => text.split("\n")).filter((line) => line.includes("|c|"));
      assert.equal(counters.length, result.counters);
      assert.equal(
        counters.reduce((sum, line) => sum + Number(line.slice(line.indexOf(":") + 1, line.indexOf("|"))), 0),
        result.counterTotal,
      );
      assert.deepEqual(result.refusals, {});
    }
  },
});

Deno.test({
  name: "datagrams.ts sends unique counters as often as told, and prints JSON",
  ignore: !linux,
  async fn() {
    using socket = openUdpSocket({ address: loopback, ...socketOptions });
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        new URL("./datagrams.ts", import.meta.url).pathname,
        ...`--to 127.0.0.1:${socket.address.port} --shape unique --count 503 --rounds 3 --senders 2 --json`.split(" "),
      ],
    }).output();
    assert.ok(success);
    const result: LoadResult = JSON.parse(new TextDecoder().decode(stdout));
    assert.equal(result.datagrams, 3 * (13 + 13)); // 251 and 252 names
    assert.equal(result.lines, 1509);
    assert.equal(result.counterTotal, 1509);
    const lines = drain(socket.fd).flatMap((text) => text.split("\n"));
    assert.equal(receiveDrops(socket.fd), 0);
    assert.equal(lines.length, 1509);
    assert.equal(new Set(lines).size, 503);
  },
});

Deno.test({
  name: "sendLoad() ends after its time, and sends to unix sockets",
  ignore: !linux,
  fn() {
    const path = `@limier-load-${crypto.randomUUID()}`;
    using socket = openUnixDatagramSocket(path, socketOptions);
    const common = { to: path, shape: "one", series: 10, senders: 1, nameBytes: 60 } as const;
    // Few enough for the queue of a unix socket: net.unix.max_dgram_qlen is 10 on many hosts.
    const result = sendLoad({ ...common, ratePerSecond: 0, datagrams: 8, seconds: Infinity });
    assert.equal(result.datagrams, 8);
    assert.equal(drain(socket.fd).length, 8);
    assert.equal(sendLoad({ ...common, ratePerSecond: 1, seconds: 0.02 }).datagrams, 0);
  },
});

Deno.test("readOptions() reads a paced load as a number of datagrams", () => {
  assert.deepEqual(readOptions("--to 127.0.0.1:8125 --rate 50000 --seconds 60 --senders 2".split(" ")), {
    to: "127.0.0.1:8125",
    shape: "one",
    series: 1000,
    senders: 2,
    nameBytes: 60,
    ratePerSecond: 50_000,
    datagrams: 3_000_000,
    seconds: Infinity,
  });
});

Deno.test("readOptions() counts names, not datagrams, of unique", () => {
  assert.deepEqual(readOptions("--to @x --shape unique --count 5 --rounds 2 --name-bytes 30".split(" ")), {
    to: "@x",
    shape: "unique",
    series: 5,
    senders: 4,
    nameBytes: 30,
    ratePerSecond: 0,
    rounds: 2,
    seconds: Infinity,
  });
});

for (
  const [args, message] of [
    ["", /write --to ADDRESS/],
    ["--to x --shape two", /write one, twenty or unique/],
    ["--to x --rate fast", /--rate fast: write a number/],
    ["--to x --rate -1", /write a number|no such option/],
    ["--to x --senders 0", /--senders 0: write a number/],
    ["--to x --rounds 1.5", /--rounds 1.5: write a number/],
    ["--to x --speed 3", /--speed: no such option/],
  ] as const
) {
  Deno.test(`readOptions() refuses ${JSON.stringify(args)}`, () => {
    const answer = readOptions(args.split(" ").filter((arg) => arg !== ""));
    assert.ok(typeof answer === "string");
    assert.match(answer, message);
  });
}

for (const to of ["localhost:8125", "127.0.0.1", "127.0.0.1:x", "::1:8125", ""]) {
  Deno.test(`connectTo() refuses ${JSON.stringify(to)}`, () => assert.throws(() => connectTo(to)));
}
