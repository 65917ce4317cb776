import assert from "node:assert/strict";
import { parseAddressWords } from "../address.ts";
import { FlowState } from "./state.ts";
import { Template } from "./template.ts";

const A = parseAddressWords("192.0.2.1")!, B = parseAddressWords("2001:db8::1")!;

function template(id: number, fields = 2, isOptions = false): Template {
  return new Template(id, isOptions, 0, Uint16Array.from(Array(2 * fields).fill(4)), null, true);
}

function ids(state: FlowState, address: Uint32Array, domain = 1): number[] {
  return [...state.find(address)?.domain(9, domain)?.templates.keys() ?? []];
}

Deno.test("setTemplate() keeps versions, domains and exporters apart", () => {
  const state = new FlowState();
  for (const address of [A, B]) {
    for (const version of [9, 10]) {
      for (const id of [1, 2]) state.setTemplate(state.domain(address, version, id), template(256), 0);
    }
  }
  assert.equal(state.templateCount, 8);
  assert.equal(state.exporterCount, 2);
});

Deno.test("setTemplate() keeps the template, and its plan, that says the same", () => {
  const state = new FlowState();
  const domain = state.domain(A, 9, 1);
  const first = state.setTemplate(domain, template(256), 10);
  assert.equal(state.setTemplate(domain, template(256), 20), first);
  assert.equal(first.refreshedS, 20);
  assert.notEqual(state.setTemplate(domain, template(256, 3), 30), first);
  assert.equal(state.templateCount, 1);
});

Deno.test("setTemplate() forgets the exporter's template that was not used for longest", () => {
  const state = new FlowState({ templatesPerExporter: 3 });
  const domain = state.domain(A, 9, 1);
  for (const id of [256, 257, 258]) state.setTemplate(domain, template(id), id);
  assert.equal(state.template(domain, 256, 1000)?.id, 256);
  state.setTemplate(domain, template(259), 1001);
  assert.deepEqual(ids(state, A).sort(), [256, 258, 259]);
});

Deno.test("setTemplate() keeps to the bounds of all exporters together", () => {
  const byCount = new FlowState({ templates: 2 });
  for (const [i, address] of [A, B, A].entries()) {
    byCount.setTemplate(byCount.domain(address, 9, 1), template(256 + i), i);
  }
  assert.deepEqual([ids(byCount, A), ids(byCount, B)], [[258], [257]]);
  const byFields = new FlowState({ fields: 10 });
  byFields.setTemplate(byFields.domain(A, 9, 1), template(256, 6), 0);
  byFields.setTemplate(byFields.domain(B, 9, 1), template(256, 6), 1);
  assert.deepEqual([byFields.exporterCount, ids(byFields, B)], [1, [256]]);
});

Deno.test("template() forgets what was not sent again in time", () => {
  const state = new FlowState({ templateTimeoutS: 100 });
  const domain = state.domain(A, 9, 1);
  state.setTemplate(domain, template(256), 1000);
  assert.equal(state.template(domain, 256, 1100)?.id, 256);
  assert.equal(state.template(domain, 256, 1101), undefined);
  assert.equal(state.exporterCount, 0);
});

Deno.test("expire() forgets templates, and exporters without any", () => {
  const state = new FlowState({ templateTimeoutS: 100 });
  state.setTemplate(state.domain(A, 9, 1), template(256), 1000);
  state.setTemplate(state.domain(A, 9, 1), template(257), 1050);
  state.setTemplate(state.domain(B, 9, 1), template(256), 1000);
  state.setRate(state.domain(B, 9, 1), "sampler", 0, 10);
  assert.equal(state.expire(1100), 0);
  assert.equal(state.expire(1120), 2);
  assert.deepEqual([state.templateCount, state.exporterCount, state.rateCount], [1, 1, 0]);
});

Deno.test("setRate() keeps the newest rates of an exporter, and of all", () => {
  const state = new FlowState({ ratesPerExporter: 2, rates: 3 });
  const a = state.domain(A, 9, 1), b = state.domain(B, 9, 1);
  for (const [id, rate] of [[1, 10], [2, 20], [1, 11], [3, 30]] as const) state.setRate(a, "sampler", id, rate);
  assert.deepEqual([...a.samplers].map(([id, { rate }]) => [id, rate]), [[1, 11], [3, 30]]);
  state.setRate(b, "interface", 7, 70);
  state.setRate(b, "interface", 8, 80);
  assert.deepEqual([[...a.samplers.keys()], [...b.interfaces.keys()]], [[3], [7, 8]]);
  assert.equal(state.rateCount, 3);
});

Deno.test("removeTemplates() removes one kind of a domain", () => {
  const state = new FlowState();
  const domain = state.domain(A, 10, 1);
  state.setTemplate(domain, template(256), 0);
  state.setTemplate(domain, template(257, 2, true), 0);
  state.removeTemplates(domain, false);
  assert.deepEqual([...domain.templates.keys()], [257]);
  state.removeTemplates(domain, true);
  assert.equal(state.exporterCount, 0);
});
