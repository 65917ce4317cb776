import assert from "node:assert/strict";
import { ByteWriter } from "../bytes/mod.ts";
import { formatAddress } from "./address.ts";
import { type CaptureProblem, isCapture, readCapture, type UdpDatagram } from "./pcap.ts";

const V4 = Uint8Array.of(192, 0, 2, 1, 198, 51, 100, 2);
const V6 = Uint8Array.fromHex("20010db8000000000000000000000001" + "20010db8000000000000000000000002");

function bytes(write: (out: ByteWriter) => void): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  write(out);
  return out.view().slice();
}

function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function u16s(...values: number[]): Uint8Array<ArrayBuffer> {
  return bytes((out) => values.forEach((value) => out.u16be(value)));
}

function udp(payload: string, length = 8 + payload.length): Uint8Array<ArrayBuffer> {
  return concat(u16s(1000, 2055, length, 0), new TextEncoder().encode(payload));
}

function ipv4(
  payload: Uint8Array,
  fragmentation = 0,
  proto = 17,
  total = 20 + payload.length,
): Uint8Array<ArrayBuffer> {
  return concat(u16s(0x4500, total, 7, fragmentation, 0x4000 | proto, 0), V4, payload);
}

function ipv6(payload: Uint8Array, next = 17): Uint8Array<ArrayBuffer> {
  return concat(u16s(0x6000, 0, payload.length, next << 8 | 64), V6, payload);
}

function ethernet(etherType: number, payload: Uint8Array, ...tags: number[]): Uint8Array<ArrayBuffer> {
  const tagged = tags.flatMap((tag) => [tag, 5]);
  return concat(new Uint8Array(12), u16s(...tagged, etherType), payload);
}

interface Shape {
  readonly little?: boolean;
  readonly nanos?: boolean;
  readonly linkType?: number;
}

function pcap(frames: readonly Uint8Array[], shape: Shape = {}): Uint8Array<ArrayBuffer> {
  const { little = true, nanos = false, linkType = 1 } = shape;
  const out = new Uint8Array(24 + frames.reduce((sum, { length }) => sum + 16 + length, 0));
  const view = new DataView(out.buffer);
  view.setUint32(0, nanos ? 0xa1b23c4d : 0xa1b2c3d4, little);
  view.setUint32(20, linkType, little);
  let at = 24;
  for (const [i, frame] of frames.entries()) {
    view.setUint32(at, 1_700_000_000 + i, little);
    view.setUint32(at + 4, nanos ? 250_000_000 : 250_000, little);
    view.setUint32(at + 8, frame.length, little);
    view.setUint32(at + 12, frame.length, little);
    out.set(frame, at + 16);
    at += 16 + frame.length;
  }
  return out;
}

function block(type: number, little: boolean, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(12 + (content.length + 3 & ~3));
  const view = new DataView(out.buffer);
  view.setUint32(0, type, little);
  view.setUint32(4, out.length, little);
  out.set(content, 8);
  view.setUint32(out.length - 4, out.length, little);
  return out;
}

function words(little: boolean, ...values: number[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(4 * values.length);
  values.forEach((value, i) => new DataView(out.buffer).setUint32(4 * i, value, little));
  return out;
}

/** A section, an interface whose clock counts as `resolution` says, and a packet. */
function pcapng(frame: Uint8Array, little: boolean, resolution: number, stamp: bigint): Uint8Array<ArrayBuffer> {
  const iface = concat(words(little, 1), words(little, 0), words(little, 0), words(little, 0));
  const view = new DataView(iface.buffer);
  view.setUint16(0, 1, little);
  view.setUint16(8, 9, little); // if_tsresol
  view.setUint16(10, 1, little);
  view.setUint8(12, resolution);
  view.setUint32(0 + 4, 65_535, little);
  const packet = words(little, 0, Number(stamp >> 32n), Number(stamp & 0xffffffffn), frame.length, frame.length);
  return concat(
    block(0x0a0d0d0a, little, words(little, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff)),
    block(1, little, iface),
    block(0xbad, little, words(little, 1, 2)),
    block(6, little, concat(packet, frame)),
  );
}

function read(capture: Uint8Array): { datagrams: UdpDatagram[]; problem: CaptureProblem | null } {
  const datagrams: UdpDatagram[] = [];
  const packets = readCapture(capture);
  let next = packets.next();
  for (; !next.done; next = packets.next()) datagrams.push(next.value);
  return { datagrams, problem: next.value };
}

function texts(capture: Uint8Array): string[] {
  return read(capture).datagrams.map(({ payload }) => new TextDecoder().decode(payload));
}

const FRAME = ethernet(0x0800, ipv4(udp("hello")));

const shapes: [what: string, capture: Uint8Array<ArrayBuffer>][] = [
  ["pcap, little-endian", pcap([FRAME])],
  ["pcap, big-endian", pcap([FRAME], { little: false })],
  ["pcap, nanoseconds", pcap([FRAME], { nanos: true })],
  ["pcapng, microseconds", pcapng(FRAME, true, 6, 1_700_000_000_250_000n)],
  ["pcapng, big-endian, nanoseconds", pcapng(FRAME, false, 9, 1_700_000_000_250_000_000n)],
  ["pcapng, powers of two", pcapng(FRAME, true, 0x80 | 10, 1_700_000_000n * 1024n + 256n)],
];
for (const [what, capture] of shapes) {
  Deno.test(`readCapture() reads ${what}`, () => {
    const { datagrams: [only, ...others], problem } = read(capture);
    assert.equal(problem, null);
    assert.equal(others.length, 0);
    assert.equal(only!.timeS, 1_700_000_000.25);
    assert.equal(formatAddress(new Uint32Array(only!.source.buffer)), "192.0.2.1");
    assert.equal(formatAddress(new Uint32Array(only!.destination.buffer)), "198.51.100.2");
    assert.deepEqual([only!.sourcePort, only!.destinationPort], [1000, 2055]);
    assert.equal(new TextDecoder().decode(only!.payload), "hello");
  });
}

const frames: [what: string, linkType: number, frame: Uint8Array<ArrayBuffer>][] = [
  ["IPv6", 1, ethernet(0x86dd, ipv6(udp("hello")))],
  ["a VLAN", 1, ethernet(0x0800, ipv4(udp("hello")), 0x8100)],
  ["three tags", 1, ethernet(0x86dd, ipv6(udp("hello")), 0x88a8, 0x9100, 0x8100)],
  ["an extension header", 1, ethernet(0x86dd, ipv6(concat(u16s(0x1100, 0, 0, 0), udp("hello")), 0))],
  ["raw IP", 101, ipv4(udp("hello"))],
  ["raw IPv6", 229, ipv6(udp("hello"))],
  ["the null link", 0, concat(u16s(0x0200, 0), ipv4(udp("hello")))],
  ["Linux cooked", 113, concat(new Uint8Array(14), u16s(0x0800), ipv4(udp("hello")))],
  ["Linux cooked v2", 276, concat(u16s(0x86dd), new Uint8Array(18), ipv6(udp("hello")))],
  ["padding behind the packet", 1, concat(FRAME, new Uint8Array(20))],
  ["a total length of 0", 1, ethernet(0x0800, ipv4(udp("hello"), 0, 17, 0))],
];
for (const [what, linkType, frame] of frames) {
  Deno.test(`readCapture() reads ${what}`, () => assert.deepEqual(texts(pcap([frame], { linkType })), ["hello"]));
}

const skipped: [what: string, frame: Uint8Array<ArrayBuffer>][] = [
  ["TCP", ethernet(0x0800, ipv4(udp("hello"), 0, 6))],
  ["ARP", ethernet(0x0806, new Uint8Array(28))],
  ["a cut IP header", FRAME.slice(0, 30)],
  ["a cut UDP header", FRAME.slice(0, 40)],
  ["no octets", new Uint8Array(0)],
  ["a fragment alone", ethernet(0x0800, ipv4(udp("hello"), 0x2000))],
];
for (const [what, frame] of skipped) {
  Deno.test(`readCapture() passes over ${what}`, () => assert.deepEqual(texts(pcap([frame, FRAME])), ["hello"]));
}

Deno.test("readCapture() puts fragments together, in whatever order they come", () => {
  const whole = udp("x".repeat(40));
  const v4 = [ipv4(whole.slice(0, 16), 0x2000), ipv4(whole.slice(16, 32), 0x2002), ipv4(whole.slice(32), 0x0004)]
    .map((packet) => ethernet(0x0800, packet));
  for (const order of [[0, 1, 2], [2, 0, 1], [1, 2, 0], [0, 0, 1, 2]]) {
    assert.deepEqual(texts(pcap([...order.map((i) => v4[i]!), FRAME])), ["x".repeat(40), "hello"]);
  }
  const header = (offset: number, more: number) => u16s(0x1100, offset | more, 0, 9);
  const v6 = [concat(header(0, 1), whole.slice(0, 24)), concat(header(24, 0), whole.slice(24))]
    .map((payload) => ethernet(0x86dd, ipv6(payload, 44)));
  assert.deepEqual(texts(pcap(v6)), ["x".repeat(40)]);
});

Deno.test("readCapture() says where a capture cut anywhere ends", () => {
  for (const [what, capture] of shapes) {
    for (let length = 0; length < capture.length; length++) {
      const { datagrams, problem } = read(capture.slice(0, length));
      assert.equal(datagrams.length, 0, `${what} cut at ${length}`);
      const isWhole = length === 24 && what.startsWith("pcap,") ||
        what.startsWith("pcapng") && isBlockEnd(capture, length);
      assert.equal(problem === null, isWhole, `${what} cut at ${length}`);
    }
  }
});

function isBlockEnd(capture: Uint8Array, length: number): boolean {
  const view = new DataView(capture.buffer);
  const little = view.getUint32(8, true) === 0x1a2b3c4d;
  let at = 0;
  while (at < length) at += view.getUint32(at + 4, little);
  return at === length && length > 0;
}

Deno.test("isCapture() knows captures by their first octets", () => {
  for (const [, capture] of shapes) assert.ok(isCapture(capture));
  for (const hex of ["", "0005", "00090001", "000a0010", "00000005"]) assert.ok(!isCapture(Uint8Array.fromHex(hex)));
});
