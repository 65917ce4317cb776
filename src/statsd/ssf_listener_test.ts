import assert from "node:assert/strict";
import { until } from "../testing/mod.ts";
import type { ListenAddress } from "./address.ts";
import type { SsfFormat } from "./spans.ts";
import { startSsfListener } from "./ssf_listener.ts";
import { encodeFrame } from "./ssf_frames.ts";
import type { DecodedSpan } from "./ssf_wire.ts";
import { At, newStats, type Scalar } from "./stats.ts";
import { at, closedByPeer, connect, leakFreeTest, newDirectory, rig as streamRig, send } from "./stream_testing.ts";
import type { WireError } from "./wire_error.ts";

/** Span 9 of trace 7, service pay, name charge, an indicator, one counter jobs.done = 3 with env:prod. */
const CHARGE = bytesOf(
  "1007 1809 288080a8b1e39fe7cb17 3080e5c2a8e49fe7cb17 4203706179 5222 12096a6f62732e646f6e65 1d00004040 3d0000803f " +
    "420b0a03656e76120470726f64 6001 6a06636861726765",
);
const LEGACY = bytesOf(
  "0806 12077765622e676574 188080a8b1e39fe7cb17 2802 3a060a016b120176 " +
    "4a2908d8d8b0ade9fcbea30c10d9d8b0ade9fcbea30c18d8d8b0ade9fcbea30c2205474554202f28e0c65b 5203776562",
);
/** A field whose length exceeds the message. */
const BROKEN = Uint8Array.of(0x42, 0x7f);

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex.replaceAll(" ", ""));
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function rig() {
  const { clock, limit, log, settings: { idleTimeoutMs, tls }, deps } = streamRig();
  const stats = newStats();
  const spans: [name: string, format: SsfFormat][] = [];
  const refused: string[] = [];
  const onSpan = ({ span }: DecodedSpan, format: SsfFormat) => void spans.push([span.name, format]);
  const onRefused = ({ reason }: WireError) => void refused.push(reason);
  return {
    clock,
    limit,
    log,
    stats,
    spans,
    refused,
    settings: { idleTimeoutMs, tls, traceMaxLengthBytes: 200 },
    deps: { stats, clock, limit, log: deps.log, onSpan, onRefused },
    counts: (...names: Scalar[]) => names.map((name) => stats[At[name]]),
  };
}

const byTransport: [name: string, address: () => ListenAddress][] = [
  ["tcp", () => at("tcp://127.0.0.1:0")],
  ["unix", () => at(`unix://${newDirectory()}/ssf.sock`)],
  ["unix, abstract", () => at(`unix:@limier-test-${crypto.randomUUID()}`)],
];
const charge = encodeFrame(CHARGE);
const conversations: [
  name: string,
  sent: Uint8Array,
  spans: number,
  counts: [framing: number, processing: number, zerolength: number, disconnects: number],
][] = [
  ["nothing", new Uint8Array(), 0, [0, 0, 0, 1]],
  ["a span", charge, 1, [0, 0, 0, 1]],
  ["many spans", concat(...Array(500).fill(charge)), 500, [0, 0, 0, 1]],
  ["a span that is none between two", concat(charge, encodeFrame(BROKEN), charge), 2, [0, 1, 0, 1]],
  ["an empty span between two", concat(charge, encodeFrame(new Uint8Array()), charge), 2, [0, 0, 1, 1]],
  ["a wrong version behind a span", concat(charge, bytesOf("01"), charge), 1, [1, 0, 0, 0]],
  ["a length of 16777217", concat(charge, bytesOf("0001000001"), charge), 1, [1, 0, 0, 0]],
  ["an end inside a header", concat(charge, charge.subarray(0, 3)), 1, [1, 0, 0, 0]],
  ["an end inside a payload", concat(charge, charge.subarray(0, 30)), 1, [1, 0, 0, 0]],
  ["lines", new TextEncoder().encode("a:1|c\n"), 0, [1, 0, 0, 0]],
];

for (const [transport, address] of byTransport) {
  for (const [name, sent, taken, counts] of conversations) {
    leakFreeTest(`startSsfListener() on ${transport}: ${name}`, async () => {
      const { settings, deps, stats, spans, limit, counts: count } = rig();
      await using listener = await startSsfListener(address(), settings, deps);
      const client = await connect(listener.address);
      // A listener that has closed the connection takes no more of it.
      await send(client, sent).then(() => client.closeWrite()).catch(() => {});
      await closedByPeer(client);
      await until(() => stats[At.tcpDisconnects] === 1, "the listener has closed too");
      assert.deepEqual(spans, Array(taken).fill(["charge", "framed"]));
      assert.deepEqual(count("ssfFraming", "ssfProcessing", "ssfZeroLength", "frameDisconnects"), counts);
      assert.equal(limit.open, 0);
    }, transport !== "tcp" && Deno.build.os !== "linux");
  }
}

leakFreeTest("startSsfListener() takes frames one byte at a time", async () => {
  const { settings, deps, spans } = rig();
  await using listener = await startSsfListener(at("tcp://127.0.0.1:0"), settings, deps);
  const client = await connect(listener.address);
  for (const byte of concat(charge, encodeFrame(LEGACY))) await send(client, Uint8Array.of(byte));
  await until(() => spans.length === 2, "both spans are there");
  assert.deepEqual(spans, [["charge", "framed"], ["web.get", "framed"]]);
  client.close();
});

leakFreeTest("startSsfListener() closes a connection on which no frame was completed within the timeout", async () => {
  const { settings, deps, stats, spans, clock, refused } = rig();
  const timed = { ...settings, idleTimeoutMs: 1_000 };
  await using listener = await startSsfListener(at("tcp://127.0.0.1:0"), timed, deps);
  const [slow, busy] = [await connect(listener.address), await connect(listener.address)];
  await until(() => stats[At.tcpConnects] === 2, "both are accepted");
  await clock.advance(600);
  await send(slow, charge.subarray(0, 20));
  await send(busy, charge);
  await until(() => spans.length === 1, "a span is there");
  await clock.advance(600);
  await closedByPeer(slow);
  await send(busy, charge);
  await until(() => spans.length === 2, "the other goes on");
  busy.close();
  await until(() => stats[At.frameDisconnects] === 1, "it ended");
  assert.deepEqual(refused, []);
});

leakFreeTest("startSsfListener() counts what is wrong inside a span for whoever takes it, not itself", async () => {
  const { settings, deps, counts } = rig();
  const seen: number[] = [];
  const counting = { ...deps, onSpan: ({ invalidCount }: DecodedSpan) => void seen.push(invalidCount) };
  await using listener = await startSsfListener(at("tcp://127.0.0.1:0"), settings, counting);
  const client = await connect(listener.address);
  await send(client, encodeFrame(concat(CHARGE, bytesOf("5200")))); // a sample without a name
  await until(() => seen.length === 1, "the span is there");
  assert.deepEqual(seen, [1]);
  assert.deepEqual(counts("ssfInvalidMetrics", "spans"), [0, 0]);
  client.close();
});

leakFreeTest("startSsfListener() on udp: a span a datagram, in both forms, errors counted one by one", async () => {
  const { settings, deps, spans, refused, counts } = rig();
  await using listener = await startSsfListener(at("udp://127.0.0.1:0"), settings, deps);
  const longest = concat(CHARGE, Uint8Array.of(0x7a, 198 - CHARGE.length), new Uint8Array(198 - CHARGE.length));
  assert.equal(longest.length, settings.traceMaxLengthBytes); // field 15 is not known and passed over
  const sent = [
    CHARGE,
    new Uint8Array(),
    BROKEN,
    longest,
    concat(longest, Uint8Array.of(0)),
    new Uint8Array(5000),
    LEGACY,
  ];
  await sendDatagrams(listener.address, sent);
  await until(() => spans.length + refused.length === sent.length, "all are there");
  assert.deepEqual(spans, [["charge", "packet"], ["charge", "packet"], ["web.get", "packet"]]);
  assert.deepEqual(refused, ["zerolength", "processing", "processing", "processing"]);
  assert.deepEqual(counts("ssfZeroLength", "ssfProcessing", "ssfFraming", "receiveErrors"), [1, 3, 0, 0]);
});

leakFreeTest("startSsfListener() on udp: disposing takes what has arrived", async () => {
  const { settings, deps, spans } = rig();
  const listener = await startSsfListener(at("udp://127.0.0.1:0"), settings, deps);
  await sendDatagrams(listener.address, Array(100).fill(CHARGE));
  await Promise.all([listener[Symbol.asyncDispose](), listener[Symbol.asyncDispose]()]);
  assert.equal(spans.length, 100);
  await listener.done;
  datagramSocket(listener.address.port).close(); // the port is free again
});

leakFreeTest("startSsfListener() on udp refuses an address that is taken", async () => {
  const { settings, deps } = rig();
  const taken = datagramSocket();
  const address = at(`udp://127.0.0.1:${(taken.addr as Deno.NetAddr).port}`);
  await assert.rejects(startSsfListener(address, settings, deps), Deno.errors.AddrInUse);
  taken.close();
});

async function sendDatagrams({ port }: ListenAddress, datagrams: Uint8Array[]): Promise<void> {
  const socket = datagramSocket();
  for (const datagram of datagrams) await socket.send(datagram, { transport: "udp", hostname: "127.0.0.1", port });
  socket.close();
}

function datagramSocket(port = 0): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
}
