import assert from "node:assert/strict";
import { bytesOf, fixturePayloads, V4 } from "./testing.ts";
import { Refusal, SocketMessage } from "./wire.ts";
import { Attribute } from "./wire_attributes.ts";

function load(...hex: string[]) {
  const bytes = bytesOf(...hex);
  const socket = new SocketMessage();
  const refusal = socket.load(bytes, 0, bytes.length);
  const value = (number: number) =>
    bytes.subarray(socket.at(number), socket.at(number) + socket.length(number)).toHex();
  return { socket, refusal, value };
}

/** Numbers of the attributes that are there. */
function numbers(socket: SocketMessage): number[] {
  return Array.from({ length: 64 }, (_, number) => number).filter((number) => socket.has(number));
}

Deno.test("load() reads an inet_diag_msg, ports in network order and all else in the host's", () => {
  const { socket, refusal } = load(V4);
  assert.equal(refusal, Refusal.none);
  assert.deepEqual([socket.family, socket.state, socket.timer, socket.retransmits], [2, 1, 1, 0]);
  assert.deepEqual([socket.sourcePort, socket.destinationPort, socket.interfaceIndex], [443, 51234, 2]);
  assert.deepEqual([socket.cookieHigh, socket.cookieLow], [0x11223344, 0x55667788]);
  assert.deepEqual([socket.expires, socket.rqueue, socket.wqueue], [204, 0, 1448]);
  assert.deepEqual([socket.uid, socket.inode], [1000, 123456]);
  assert.deepEqual(numbers(socket), []);
  assert.equal(socket.highest, 0);
});

Deno.test("load() reads 32 bits without a sign", () => {
  const { socket } = load("0201ffff", "ff".repeat(68));
  assert.equal(socket.expires, 0xffff_ffff);
  assert.equal(socket.cookieLow, 0xffff_ffff);
  assert.equal(socket.inode, 0xffff_ffff);
});

Deno.test("load() notes where attributes stand", () => {
  const { socket, refusal, value } = load(V4, "050008000000000005000500100000000a0004006375626963000000");
  assert.equal(refusal, Refusal.none);
  assert.deepEqual(numbers(socket), [4, 5, 8]);
  assert.equal(socket.highest, 8);
  assert.deepEqual([value(8), value(5), value(4)], ["00", "10", "637562696300"]);
  assert.equal(socket.length(Attribute.info), 0);
});

const taken: [what: string, attributes: string, values: Record<number, string>, duplicates: number, dropped: number][] =
  [
    [
      "a last attribute without padding",
      "050008000200000008000400626272000500050000",
      { 4: "62627200", 5: "00", 8: "02" },
      0,
      0,
    ],
    ["three bytes behind the last", "0500080003000000aabbcc", { 8: "03" }, 0, 0],
    ["an attribute twice: the last counts", "05000500010000000500050002000000", { 5: "02" }, 1, 0],
    ["a number above 38", "050008000000000008002800010000000800260002000000", { 8: "00", 38: "02000000" }, 0, 1],
    ["a nest", "08001480deadbeef", { 20: "deadbeef" }, 0, 0],
    ["network order", "0500054022000000", { 5: "22" }, 0, 0],
    ["an empty value", "04000e00", { 14: "" }, 0, 0],
    ["numbers 0, 31, 32", "050000000100000005001f000200000005002000030000", { 0: "01", 31: "02", 32: "03" }, 0, 0],
  ];
for (const [what, attributes, values, duplicates, dropped] of taken) {
  Deno.test(`load() takes ${what}`, () => {
    const { socket, refusal, value } = load(V4, attributes);
    assert.equal(refusal, Refusal.none);
    assert.deepEqual(Object.fromEntries(numbers(socket).map((number) => [number, value(number)])), values);
    assert.equal(socket.highest, Math.max(...Object.keys(values).map(Number)));
    assert.deepEqual([socket.duplicates, socket.dropped], [duplicates, dropped]);
  });
}

const refused: [what: string, hex: string, refusal: Refusal, at: number][] = [
  ["71 bytes", V4.slice(2), Refusal.short, 0],
  ["nothing", "", Refusal.short, 0],
  ["an attribute longer than what is left", `${V4}05000800000000001400020001020304`, Refusal.attribute, 80],
  ["an attribute shorter than its header", `${V4}05000800000000000300050000000000`, Refusal.attribute, 80],
  ["an attribute of length 0", `${V4}00000500`, Refusal.attribute, 72],
];
for (const [what, hex, expected, at] of refused) {
  Deno.test(`load() refuses ${what}`, () => {
    const { socket, refusal } = load(hex);
    assert.equal(refusal, expected);
    assert.equal(socket.refusedAt, at);
    assert.deepEqual(numbers(socket), []);
  });
}

Deno.test("load() refuses a range that is not in its bytes", () => {
  const socket = new SocketMessage();
  assert.equal(socket.load(new Uint8Array(100), 40, 120), Refusal.short);
  assert.equal(socket.load(new Uint8Array(100), -4, 90), Refusal.short);
});

Deno.test("load() forgets the message before", () => {
  const first = bytesOf(V4, "0500050010000000050026000100000008002800");
  const second = bytesOf(V4, "05000800010000");
  const socket = new SocketMessage();
  assert.equal(socket.load(first, 0, first.length - 4), Refusal.none);
  assert.deepEqual(numbers(socket), [5, 38]);
  assert.equal(socket.load(first, 0, 50), Refusal.short);
  assert.deepEqual(numbers(socket), []);
  assert.equal(socket.load(second, 0, second.length), Refusal.none);
  assert.deepEqual(numbers(socket), [8]);
  assert.equal(socket.length(5), 0);
});

Deno.test("load() takes every payload at any offset, and cut at every byte", () => {
  const socket = new SocketMessage();
  let seen = 0;
  for (const { bytes, start, end } of fixturePayloads()) {
    if (seen++ > 60) break;
    const shifted = new Uint8Array(end - start + 3);
    shifted.set(bytes.subarray(start, end), 3);
    const whole = socket.load(bytes, start, end);
    const state = [whole, socket.cookieLow, socket.presentLow, socket.presentHigh];
    assert.deepEqual(
      [socket.load(shifted, 3, shifted.length), socket.cookieLow, socket.presentLow, socket.presentHigh],
      state,
    );
    for (let length = 0; length < end - start; length++) {
      const refusal = socket.load(bytes, start, start + length);
      assert.equal(refusal === Refusal.short, length < 72);
      for (const number of numbers(socket)) assert.ok(socket.at(number) + socket.length(number) <= start + length);
    }
  }
  assert.ok(seen > 60);
});
