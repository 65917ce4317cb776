import assert from "node:assert/strict";
import { FlowBatch } from "../columns_batch.ts";
import { sampledHeaders } from "../sample_datagrams.ts";
import type { Outcome } from "./outcome.ts";
import { SflowDecoder } from "./sflow.ts";
import { datagram, shownRows } from "./testing.ts";

/** Words of a datagram before its samples, and of a flow sample before its records. */
const HEADER_WORDS = 7, SAMPLE_WORDS = 10;
const SWITCH = [1001, 16, 7, 0, 8, 0];
const ROUTER = [1002, 16, 1, 0xcb00_7101, 24, 22];
const UNKNOWN = [999, 0];

/** A datagram of three samples whose second has other records too, before its header and behind. */
function threeSamples(before: readonly number[][], behind: readonly number[][], isExpanded = false): Uint8Array {
  const payload = sampledHeaders(3, 1);
  const view = new DataView(payload.buffer);
  const words = Array.from({ length: payload.length / 4 }, (_, i) => view.getUint32(4 * i));
  const sampleWords = (words.length - HEADER_WORDS) / 3;
  const all = words.slice(0, HEADER_WORDS);
  for (let i = 0; i < 3; i++) {
    const sample = words.slice(HEADER_WORDS + i * sampleWords, HEADER_WORDS + (i + 1) * sampleWords);
    const header = sample.slice(SAMPLE_WORDS);
    const records = i === 1 ? [...before, header, ...behind] : [header];
    const [, , number, source, rate, pool, drops, input, output] = sample as [number, ...number[]];
    const body = isExpanded
      ? [number!, 0, source!, rate!, pool!, drops!, 0, input!, 0, output!, records.length, ...records.flat()]
      : [number!, source!, rate!, pool!, drops!, input!, output!, records.length, ...records.flat()];
    all.push(isExpanded ? 3 : 1, 4 * body.length, ...body);
  }
  const out = new Uint8Array(4 * all.length);
  const to = new DataView(out.buffer);
  for (const [i, word] of all.entries()) to.setUint32(4 * i, word);
  return out;
}

/** What a datagram gives; the offsets and texts of its errors aside. */
function decode(payload: Uint8Array) {
  const batch = new FlowBatch(1);
  const outcome: Outcome = new SflowDecoder().decode(datagram(payload), batch);
  assert.equal(outcome.failure, undefined);
  const rows = shownRows(batch);
  return {
    rows,
    rates: rows.map((_, row) => batch.samplingRate[2 * row]),
    exporters: rows.map((_, row) => batch.exporterAddress[row]),
    errors: outcome.errors.map(({ code }) => code),
    samples: [...outcome.samples],
  };
}

for (const isExpanded of [false, true]) {
  const what = isExpanded ? "expanded samples" : "samples";
  // A record of no known format in front keeps a sample from being read in the usual way, and says nothing.
  for (const [name, behind] of [["alone", []], ["and VLANs", [SWITCH]], ["and more", [SWITCH, ROUTER]]] as const) {
    const usual = threeSamples([], [...behind], isExpanded), other = threeSamples([UNKNOWN], [...behind], isExpanded);

    Deno.test(`readUsualSamples() gives of ${what}, their header ${name}, what record by record gives`, () => {
      const { rows, errors } = decode(usual);
      assert.equal(rows.length, 3);
      assert.deepEqual(errors, []);
      assert.equal(rows[1]!.src_vlan, behind.length > 0 ? 7 : undefined);
      assert.equal(rows[1]!.src_net_mask, behind.length > 1 ? 24 : undefined);
      assert.deepEqual(decode(usual), decode(other));
    });

    Deno.test(`readUsualSamples() agrees on ${what}, their header ${name}, with any octet of it changed`, () => {
      const first = 4 * (HEADER_WORDS + (sampledHeaders(1, 1).length / 4 - HEADER_WORDS) + (isExpanded ? 3 : 0));
      const records = first + 4 * (SAMPLE_WORDS + (isExpanded ? 3 : 0)), header = records + 24;
      for (let at = first; at < header + 50; at++) {
        const isLength = at >= first + 4 && at < first + 8, isCount = at >= records - 4 && at < records;
        if (isLength || isCount) continue; // they differ by the record in front
        for (const value of [0, 2, 6, 17, 0x45, 0x80, 0xff]) {
          const a = usual.slice(), b = other.slice();
          a[at] = value;
          b[at < records ? at : at + 4 * UNKNOWN.length] = value;
          assert.deepEqual(decode(a), decode(b), `octet ${at - first} of the sample is ${value}`);
        }
      }
    });
  }

  Deno.test(`readUsualSamples() of ${what} leaves out the index that stands for the exporter itself`, () => {
    const payload = threeSamples([], [], isExpanded);
    const view = new DataView(payload.buffer);
    view.setUint32(4 * (HEADER_WORDS + (isExpanded ? 9 : 7)), 0x3fff_ffff);
    const [first, second] = decode(payload).rows;
    assert.equal(first!.in_if, undefined);
    assert.equal(first!.out_if, 20);
    assert.equal(second!.in_if, 10);
  });
}
