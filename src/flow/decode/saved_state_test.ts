import assert from "node:assert/strict";
import { FlowBatch } from "../columns_batch.ts";
import { usualRecords, usualTemplate } from "../sample_datagrams.ts";
import { NetflowDecoder } from "./netflow.ts";
import { restoreState, saveLessons, saveState } from "./saved_state.ts";
import { FlowState } from "./state.ts";
import { Template } from "./template.ts";
import { datagram, hexFixtures, RECEIVED_S, shownRows } from "./testing.ts";

function reread(state: FlowState, limits = {}): FlowState {
  const restored = new FlowState(limits);
  assert.equal(restoreState(restored, JSON.parse(JSON.stringify(saveState(state)))), null);
  return restored;
}

Deno.test("restoreState() gives a decoder what another had learnt", () => {
  for (const { protocol, name, datagrams, settings } of hexFixtures()) {
    if (protocol === "sflow") continue;
    const before = new NetflowDecoder();
    for (const payload of datagrams.slice(0, -1)) before.decode(datagram(payload, settings), new FlowBatch());
    const after = new NetflowDecoder(reread(before.state));
    const [a, b] = [new FlowBatch(), new FlowBatch()];
    before.decode(datagram(datagrams.at(-1)!, settings), a);
    after.decode(datagram(datagrams.at(-1)!, settings), b);
    assert.deepEqual(shownRows(b), shownRows(a), name);
  }
});

Deno.test("restoreState() keeps the age of templates, and to its bounds", () => {
  const decoder = new NetflowDecoder();
  decoder.decode(datagram(usualTemplate(9)), new FlowBatch());
  const later = new NetflowDecoder(reread(decoder.state));
  const day = { timeS: RECEIVED_S + 86_401 };
  assert.equal(later.decode(datagram(usualRecords(9, 1, 0), day), new FlowBatch()).missingTemplates, 1);
  decoder.decode(datagram(usualTemplate(10)), new FlowBatch());
  assert.equal(reread(decoder.state, { templates: 1 }).templateCount, 1);
});

Deno.test("restoreState() keeps of two templates the one that was sent later", () => {
  const said = (refreshed: number, id: number) => ({ ...template, refreshed, fields: [[0, id, 4]] });
  const state = new FlowState();
  const learn = (one: object) => assert.equal(restoreState(state, withTemplate("256", one)), null);
  const known = () => {
    const [saved] = Object.values(Object.values(saveState(state).Decoders)[0]!);
    const { refreshed, fields } = saved!.templates["256"]!;
    return [refreshed, fields[0]![1]];
  };
  learn(said(20, 8));
  learn(said(10, 12));
  assert.deepEqual(known(), [20, 8]);
  learn(said(30, 12));
  assert.deepEqual(known(), [30, 12]);
});

Deno.test("saveLessons() gives what is new, once, and nothing of what others said", () => {
  const { state } = new NetflowDecoder(new FlowState({}, { tracks: true }));
  const lessons = () => saveLessons(state.takeLessons());
  const address = Uint32Array.of(0, 0, 0xffff0000, 1);
  const of = (id: number, refreshed: number) => {
    const one = new Template(256, false, 0, Uint16Array.of(id, 4), null, false);
    state.setTemplate(state.domain(address, 9, 0), one, refreshed);
  };
  assert.equal(lessons(), undefined);
  of(8, 1);
  const first = lessons();
  assert.deepEqual(first, saveState(state));
  of(8, 2); // the same again
  assert.equal(lessons(), undefined);
  of(12, 3);
  assert.deepEqual(lessons(), saveState(state));
  const domain = state.domain(address, 9, 0);
  state.setRate(domain, "sampler", 1, 100);
  const rates = () => Object.values(Object.values(lessons()?.Decoders ?? {})[0] ?? {}).flatMap(({ rates }) => rates);
  assert.deepEqual(rates(), [["sampler", 1, 100]]);
  state.setRate(domain, "sampler", 1, 100);
  assert.equal(lessons(), undefined);
  state.setRate(domain, "sampler", 1, 200);
  assert.deepEqual(rates(), [["sampler", 1, 200]]);
  const other = withTemplate("300", { ...template, refreshed: 9 });
  assert.equal(restoreState(state, other), null);
  assert.equal(lessons(), undefined);
  of(8, 4);
  state.removeTemplate(domain, 256);
  assert.equal(lessons(), undefined); // nothing is left of it
});

const template = { options: false, scopeFields: 0, fields: [[0, 8, 4]], refreshed: 1 };
const domain = { templates: { 256: template }, rates: [], systemInitMs: 0 };
const refused: [what: string, saved: unknown][] = [
  ["null", null],
  ["an array", []],
  ["no decoders", { Version: 1 }],
  ["another version", { Version: 2, Decoders: {} }],
  ["an exporter that is no address", { Version: 1, Decoders: { router: {} } }],
  ["a domain of version 5", { Version: 1, Decoders: { "192.0.2.1": { "5-0": domain } } }],
  ["a domain beyond 32 bits", { Version: 1, Decoders: { "192.0.2.1": { "9-4294967296": domain } } }],
  ["a template id below 256", withTemplate("255", template)],
  ["a field of two numbers", withTemplate("256", { ...template, fields: [[8, 4]] })],
  ["a field that is negative", withTemplate("256", { ...template, fields: [[0, 8, -4]] })],
  ["a template without octets", withTemplate("256", { ...template, fields: [[0, 8, 0]] })],
  ["more scope than fields", withTemplate("256", { ...template, scopeFields: 2 })],
  ["a template without age", withTemplate("256", { ...template, refreshed: "now" })],
  ["513 fields", withTemplate("256", { ...template, fields: Array(513).fill([0, 8, 4]) })],
  ["a rate of no kind", { Version: 1, Decoders: { "192.0.2.1": { "9-0": { ...domain, rates: [["all", 0, 10]] } } } }],
];

function withTemplate(id: string, one: unknown): unknown {
  return { Version: 1, Decoders: { "192.0.2.1": { "9-0": { ...domain, templates: { [id]: one } } } } };
}

for (const [what, saved] of refused) {
  Deno.test(`restoreState() refuses ${what}`, () => {
    assert.match(restoreState(new FlowState(), saved) ?? "", /^Cannot read/);
  });
}
