import assert from "node:assert/strict";
import { parseAddressWords } from "../address.ts";
import { FlowBatch, readU64 } from "../columns_batch.ts";
import { usualRecords, usualTemplate } from "../sample_datagrams.ts";
import type { Trace, TracedTemplate } from "./datagram.ts";
import { NetflowDecoder } from "./netflow.ts";
import { SetType } from "./outcome.ts";
import { FlowState } from "./state.ts";
import { datagram, RECEIVED_S, shownRows } from "./testing.ts";

Deno.test("decode() counts sets and records by their type", () => {
  const decoder = new NetflowDecoder();
  const batch = new FlowBatch();
  const { sets, records } = decoder.decode(datagram(usualTemplate(9)), batch);
  assert.deepEqual([sets[SetType.template], records[SetType.template]], [1, 1]);
  const { rows } = decoder.decode(datagram(usualRecords(9, 25, 1)), batch);
  assert.equal(rows, 25);
  assert.deepEqual([sets[SetType.data], records[SetType.data], sets[SetType.template]], [1, 25, 0]);
});

Deno.test("decode() gives the same rows whether it reads them together or, in IPFIX, after a variable field", () => {
  const [v9, ipfix] = [new FlowBatch(1), new FlowBatch(1)];
  const decoder = new NetflowDecoder(undefined, { flowTimes: true });
  decoder.decode(datagram(usualTemplate(9)), v9);
  decoder.decode(datagram(usualRecords(9, 25, 3)), v9);
  // The same template and records with an empty field of variable length in front.
  const template = usualTemplate(9).subarray(28), records = usualRecords(9, 25, 3).subarray(24);
  const size = records.length / 25;
  const set = new Uint8Array(4 + 4 + 4 + template.length + 4 + 25 * (size + 1));
  const view = new DataView(set.buffer);
  view.setUint16(0, 2);
  view.setUint16(2, 12 + template.length);
  view.setUint16(4, 256);
  view.setUint16(6, 21);
  view.setUint16(8, 371);
  view.setUint16(10, 0xffff);
  set.set(template, 12);
  const data = 12 + template.length;
  view.setUint16(data, 256);
  view.setUint16(data + 2, set.length - data);
  for (let i = 0; i < 25; i++) set.set(records.subarray(i * size, (i + 1) * size), data + 5 + i * (size + 1));
  const header = new Uint8Array(16);
  new DataView(header.buffer).setUint16(0, 10);
  new DataView(header.buffer).setUint16(2, 16 + set.length);
  const payload = new Uint8Array([...header, ...set]);
  assert.deepEqual(decoder.decode(datagram(payload), ipfix).errors, []);
  const withoutTimes = ({ first_ms: _, last_ms: __, ...row }: Record<string, unknown>) => row; // IPFIX has no uptime
  assert.deepEqual(shownRows(ipfix).map(withoutTimes), shownRows(v9).map(withoutTimes));
});

Deno.test("decode() keeps exporters apart, and gives each its address", () => {
  const decoder = new NetflowDecoder();
  const batch = new FlowBatch();
  const [one, two] = [parseAddressWords("192.0.2.1")!, parseAddressWords("2001:db8::2")!];
  decoder.decode(datagram(usualTemplate(9), { source: one }), batch);
  assert.equal(decoder.decode(datagram(usualRecords(9, 1, 0), { source: two }), batch).missingTemplates, 1);
  decoder.decode(datagram(usualTemplate(9), { source: two }), batch);
  for (const source of [one, two]) decoder.decode(datagram(usualRecords(9, 2, 0), { source }), batch);
  const words = Array.from(
    batch.exporterAddress.subarray(0, 4),
    (id) => batch.addresses.words.slice(4 * id, 4 * id + 4),
  );
  assert.deepEqual(words, [one, one, two, two]);
});

Deno.test("decode() forgets a template after its time", () => {
  const decoder = new NetflowDecoder(new FlowState({ templateTimeoutS: 60 }));
  const batch = new FlowBatch();
  decoder.decode(datagram(usualTemplate(9)), batch);
  assert.equal(decoder.decode(datagram(usualRecords(9, 1, 0), { timeS: RECEIVED_S + 60 }), batch).rows, 1);
  assert.equal(decoder.decode(datagram(usualRecords(9, 1, 0), { timeS: RECEIVED_S + 61 }), batch).missingTemplates, 1);
});

Deno.test("decode() clamps and counts wild times, row by row", () => {
  const decoder = new NetflowDecoder();
  const batch = new FlowBatch();
  decoder.decode(datagram(usualTemplate(9)), batch);
  const early = { timeS: RECEIVED_S - 3 * 86_400, timestampSource: "netflow-packet" as const };
  assert.equal(decoder.decode(datagram(usualRecords(9, 5, 0), early), batch).clampedTimestamps, 5);
  assert.equal(batch.timeReceived[0], early.timeS);
  const unknown = { ...early, timeS: 0 };
  decoder.decode(datagram(usualTemplate(9), unknown), batch);
  assert.equal(decoder.decode(datagram(usualRecords(9, 5, 0), unknown), batch).clampedTimestamps, 0);
});

Deno.test("decode() lets sets wait for their template, a minute at most", () => {
  const cases: [afterS: number, rows: number, dropped: number][] = [[60, 3, 0], [61, 0, 1]];
  for (const [afterS, rows, dropped] of cases) {
    const decoder = new NetflowDecoder(undefined, { queueUnknownSets: true });
    const batch = new FlowBatch();
    assert.equal(decoder.decode(datagram(usualRecords(9, 3, 0)), batch).queuedSets, 1);
    const outcome = decoder.decode(datagram(usualTemplate(9), { timeS: RECEIVED_S + afterS }), batch);
    assert.deepEqual([outcome.rows, outcome.droppedSets], [rows, dropped]);
    assert.equal(decoder.decode(datagram(usualTemplate(9)), batch).rows, 0, "each set once");
  }
});

Deno.test("decode() keeps at most 64 waiting sets of an exporter", () => {
  const decoder = new NetflowDecoder(undefined, { queueUnknownSets: true });
  const batch = new FlowBatch();
  let dropped = 0;
  for (let i = 0; i < 70; i++) dropped += decoder.decode(datagram(usualRecords(9, 1, i)), batch).droppedSets;
  assert.equal(dropped, 6);
  assert.equal(decoder.decode(datagram(usualTemplate(9)), batch).rows, 64);
});

Deno.test("decode() tells of templates", () => {
  const templates: TracedTemplate[] = [];
  const trace: Trace = { template: (template) => templates.push(template) };
  new NetflowDecoder(undefined, { trace }).decode(datagram(usualTemplate(10)), new FlowBatch());
  assert.deepEqual(templates.map(({ id, domain, options, fields }) => [id, domain, options, fields.length]), [
    [256, 42, false, 20],
  ]);
});

Deno.test("decode() stays within its bounds under a flood of templates and sources", () => {
  const state = new FlowState({ templates: 100, fields: 1000, templatesPerExporter: 10 });
  const decoder = new NetflowDecoder(state);
  const batch = new FlowBatch();
  for (let i = 0; i < 2_000; i++) {
    const payload = usualTemplate(i % 2 === 0 ? 9 : 10);
    new DataView(payload.buffer).setUint16(i % 2 === 0 ? 24 : 20, 256 + i % 50);
    decoder.decode(datagram(payload, { source: Uint32Array.of(0, 0, 0xffff0000, i % 70) }), batch);
  }
  assert.ok(state.templateCount <= 50, `${state.templateCount} templates of 20 fields`);
  assert.ok(state.exporterCount <= state.templateCount);
});

Deno.test("decode() reads counters above 2^32", () => {
  const decoder = new NetflowDecoder();
  const batch = new FlowBatch();
  const hex = "000a002c6553f10000000001000000010002000c0100000100010008" + "01000010" + "0000000500000007" + "00000000";
  decoder.decode(datagram(Uint8Array.fromHex(hex)), batch);
  assert.equal(readU64(batch.bytes, 0), 5 * 2 ** 32 + 7);
});
