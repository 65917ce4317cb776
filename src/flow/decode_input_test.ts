import assert from "node:assert/strict";
import { parseAddressWords } from "./address.ts";
import { FlowShower, type ShownObject, type ShowOptions } from "./decode_input.ts";
import { sampledHeaders, usualRecords, usualTemplate } from "./sample_datagrams.ts";

const OPTIONS: ShowOptions = {
  timeS: 1_700_000_100,
  timestampSource: "input",
  decapsulation: "none",
  useSourceAddress: false,
  queueUnknownSets: false,
  verbose: false,
};

/** A capture of raw IPv4 packets with these payloads, each a second after the one before, from 192.0.2.1, .2 and so on. */
function capture(...payloads: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const parts: number[] = [0xd4, 0xc3, 0xb2, 0xa1, ...new Array(16).fill(0), 101, 0, 0, 0];
  for (const [i, payload] of payloads.entries()) {
    const length = 28 + payload.length;
    const header = new Uint8Array(new Uint32Array([1_700_000_500 + i, 900_000, length, length]).buffer);
    const udp = [0, 1, 0, 2, 8 + payload.length >> 8, 8 + payload.length & 255, 0, 0];
    const ip = [0x45, 0, length >> 8, length & 255, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, i + 1, 192, 0, 2, 99];
    parts.push(...header, ...ip, ...udp, ...payload);
  }
  return Uint8Array.from(parts);
}

function show(
  protocol: "netflow" | "sflow",
  input: Uint8Array,
  options: Partial<ShowOptions> = {},
): { objects: ShownObject[]; isWhole: boolean } {
  const objects: ShownObject[] = [];
  const shown = new FlowShower(protocol, { ...OPTIONS, ...options }).input(input);
  let next = shown.next();
  for (; !next.done; next = shown.next()) objects.push(next.value);
  return { objects, isWhole: next.value };
}

Deno.test("FlowShower takes source and time of a datagram from its capture", () => {
  const both = capture(sampledHeaders(1, 1), sampledHeaders(1, 2));
  const { objects, isWhole } = show("sflow", both, { useSourceAddress: true });
  assert.ok(isWhole);
  assert.deepEqual(objects.map(({ exporter, time_received }) => [exporter, time_received]), [
    ["192.0.2.1", 1_700_000_500],
    ["192.0.2.2", 1_700_000_501],
  ]);
});

Deno.test("FlowShower keeps templates by the source address, or by the exporter that stands in for it", () => {
  const input = capture(usualTemplate(9), usualRecords(9, 1, 0));
  const apart = show("netflow", input).objects;
  assert.deepEqual(apart.map(({ kind, code, record }) => [kind, code, record]), [["error", "template missing", 2]]);
  const together = show("netflow", input, { exporter: parseAddressWords("203.0.113.9")! }).objects;
  assert.deepEqual(together.map(({ kind, exporter }) => [kind, exporter]), [["flow", "203.0.113.9"]]);
});

Deno.test("FlowShower reads what is no capture as one datagram", () => {
  const { objects, isWhole } = show("sflow", sampledHeaders(3, 1));
  assert.ok(isWhole);
  assert.deepEqual(objects.map(({ kind, exporter, sampling_rate }) => [kind, exporter, sampling_rate]), [
    ["flow", "192.0.2.250", 1024],
    ["flow", "192.0.2.250", 1024],
    ["flow", "192.0.2.250", 1024],
  ]);
});

Deno.test("FlowShower shows what it could read of a capture that ends early", () => {
  const whole = capture(sampledHeaders(1, 1), sampledHeaders(1, 2));
  const { objects, isWhole } = show("sflow", whole.slice(0, -1));
  assert.equal(isWhole, false);
  assert.deepEqual(objects.map(({ kind, code, record }) => [kind, code, record]), [
    ["flow", undefined, undefined],
    ["error", "capture", 2],
  ]);
});

Deno.test("FlowShower shows templates and what is skipped when asked to", () => {
  const quiet = show("netflow", usualTemplate(10)).objects;
  assert.deepEqual(quiet, []);
  const [template] = show("netflow", usualTemplate(10), { verbose: true }).objects;
  assert.deepEqual([template!.kind, template!.id, template!.domain, template!.options], ["template", 256, 42, false]);
  const counters = Uint8Array.fromHex("0000000500000001c00002fa000000000000000900000001000000010000000200000000");
  assert.deepEqual(show("sflow", counters, { verbose: true }).objects, [
    { kind: "skipped", what: "sample", format: "0:2" },
  ]);
});

Deno.test("FlowShower has nothing to say of an empty input but that it is too small", () => {
  for (const [protocol, code] of [["netflow", "payload too small"], ["sflow", "malformed datagram"]] as const) {
    assert.deepEqual(show(protocol, new Uint8Array(0)).objects.map((one) => one.code), [code]);
  }
});
