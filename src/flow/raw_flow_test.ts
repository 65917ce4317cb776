import assert from "node:assert/strict";
import { formatAddress, parseAddressWords } from "./address.ts";
import { RAW_FLOW_OVERHEAD, RawFlow, RawFlowEncoder, type RawFlowSettings } from "./raw_flow.ts";
import { RAW_FLOW_SETTINGS } from "./testing.ts";

const SOURCE = new Uint8Array(parseAddressWords("192.0.2.1")!.buffer);
const HELLO = new TextEncoder().encode("hello");

const VECTORS: [why: string, settings: Partial<RawFlowSettings>, hex: string][] = [
  [
    "a datagram of NetFlow",
    {},
    "0880e2cfaa06120568656c6c6f1a1000000000000000000000ffffc00002012801",
  ],
  [
    "every setting",
    { useSourceAddress: true, decoder: "sflow", decapsulation: "vxlan", rateLimit: 1000 },
    "0880e2cfaa06120568656c6c6f1a1000000000000000000000ffffc000020120012802380340e807",
  ],
];

function encode(settings: Partial<RawFlowSettings>, payload = HELLO, timeS = 1_700_000_000): Uint8Array {
  const into = new Uint8Array(payload.length + RAW_FLOW_OVERHEAD + 3);
  const encoder = new RawFlowEncoder({ ...RAW_FLOW_SETTINGS, ...settings });
  return into.subarray(3, encoder.write(into, 3, timeS, payload, 0, payload.length, SOURCE, 0));
}

for (const [why, settings, hex] of VECTORS) {
  Deno.test(`RawFlowEncoder.write() and RawFlow.read(): ${why}`, () => {
    assert.equal(encode(settings).toHex(), hex);
    const read = new RawFlow();
    assert.ok(read.read(Uint8Array.fromHex(hex)));
    assert.equal(new TextDecoder().decode(read.payload), "hello");
    assert.equal(formatAddress(read.source), "192.0.2.1");
    const { decoder, timestampSource, decapsulation, useSourceAddress, rateLimit, timeS } = read;
    assert.deepEqual({ decoder, timestampSource, decapsulation, useSourceAddress, rateLimit, timeS }, {
      ...RAW_FLOW_SETTINGS,
      ...settings,
      timeS: 1_700_000_000,
    });
  });
}

Deno.test("RawFlow.read() forgets the message before", () => {
  const read = new RawFlow();
  assert.ok(read.read(Uint8Array.fromHex(VECTORS[1]![2])));
  assert.ok(read.read(Uint8Array.fromHex("2801")));
  assert.deepEqual(
    [read.payload.length, formatAddress(read.source), read.useSourceAddress, read.rateLimit, read.decapsulation],
    [0, "::", false, 0, "none"],
  );
});

Deno.test("RawFlow.read() passes over what it does not know, and takes the last of several", () => {
  const read = new RawFlow();
  assert.ok(read.read(Uint8Array.fromHex("9a0602aabb" + "0801" + "0802" + "1a04c0000202" + "2802")));
  assert.deepEqual([read.timeS, formatAddress(read.source), read.decoder], [2, "192.0.2.2", "sflow"]);
});

Deno.test("RawFlowEncoder.write() leaves out what is zero", () => {
  assert.equal(encode({}, new Uint8Array(0), 0).toHex(), "1a1000000000000000000000ffffc00002012801");
});

const REFUSED: [why: string, hex: string][] = [
  ["cut short", "0880e2cfaa061205686568"],
  ["of no decoder", "0801"],
  ["of the decoder for tests", "2803"],
  ["of an unknown time stamp source", "28013003"],
  ["of an unknown tunnel", "28013809"],
  ["with an address of five octets", "28011a050102030405"],
  ["with a field of another wire type", "0a0161"],
];
for (const [why, hex] of REFUSED) {
  Deno.test(`RawFlow.read() refuses a message ${why}`, () => {
    assert.equal(new RawFlow().read(Uint8Array.fromHex(hex)), false);
  });
}

Deno.test("RawFlow.read() refuses or reads a message cut anywhere, and never throws", () => {
  const whole = Uint8Array.fromHex(VECTORS[1]![2]);
  for (let end = 0; end < whole.length; end++) new RawFlow().read(whole, 0, end);
  for (let at = 0; at < whole.length; at++) {
    const changed = whole.slice();
    changed[at]! ^= 0xff;
    new RawFlow().read(changed);
  }
});
