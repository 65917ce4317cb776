import { FlowBatch } from "./columns_batch.ts";
import type { Datagram } from "./decode/datagram.ts";
import { NetflowDecoder } from "./decode/netflow.ts";
import { SflowDecoder } from "./decode/sflow.ts";
import { datagram } from "./decode/testing.ts";
import { sampledHeaders, usualRecords, usualTemplate } from "./sample_datagrams.ts";

// Times are of 256 datagrams at once: 6,400 records of twenty fields, or 1,792 samples of a header of 128 octets.
const DATAGRAMS = 256;
const ROWS = 8_192;

function many(one: (i: number) => Uint8Array<ArrayBuffer>): Datagram[] {
  const payloads = Array.from({ length: DATAGRAMS }, (_, i) => one(i));
  const buffer = new Uint8Array(payloads.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  return payloads.map((payload) => {
    buffer.set(payload, at);
    at += payload.length;
    return datagram(buffer.subarray(at - payload.length, at));
  });
}

/** Reads every octet once, four at a time. */
function touch(datagrams: readonly Datagram[]): number {
  let sum = 0;
  for (const { payload } of datagrams) {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    for (let at = 0; at + 4 <= payload.length; at += 4) sum = sum + view.getInt32(at) | 0;
  }
  return sum;
}

for (const [name, version] of [["NetFlow v9", 9], ["IPFIX", 10]] as const) {
  const datagrams = many((i) => usualRecords(version, 25, i));
  const decoder = new NetflowDecoder();
  const batch = new FlowBatch(ROWS);
  decoder.decode(datagram(usualTemplate(version)), batch);
  Deno.bench(`floor: read the octets of ${name}`, { group: name, baseline: true }, () => {
    touch(datagrams);
  });
  Deno.bench(`NetflowDecoder.decode() of ${name}`, { group: name }, () => {
    batch.reset();
    for (const one of datagrams) decoder.decode(one, batch);
  });
}

const samples = many((i) => sampledHeaders(7, i));
const decoder = new SflowDecoder();
const batch = new FlowBatch(ROWS);
Deno.bench("floor: read the octets of sFlow", { group: "sFlow", baseline: true }, () => {
  touch(samples);
});
Deno.bench("SflowDecoder.decode()", { group: "sFlow" }, () => {
  batch.reset();
  for (const one of samples) decoder.decode(one, batch);
});
