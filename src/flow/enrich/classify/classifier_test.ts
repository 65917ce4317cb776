import assert from "node:assert/strict";
import { FakeClock } from "../../../clock/mod.ts";
import { recordingReporter } from "../../../telemetry/mod.ts";
import { Boundary } from "../../columns.ts";
import { Classifiers, compileRules } from "./classifier.ts";

function newClassifiers(exporterRules: string[], interfaceRules: string[]) {
  const clock = new FakeClock();
  const reporter = recordingReporter();
  const settings = {
    exporterRules: compileRules(exporterRules, "exporter"),
    interfaceRules: compileRules(interfaceRules, "interface"),
    cacheDurationMs: 300_000,
  };
  return { clock, reporter, classifiers: new Classifiers(settings, { clock, reporter }) };
}

const INTERFACE = {
  exporterIp: "192.0.2.1",
  exporterName: "par3",
  index: 11,
  name: "xe-0/0/1",
  description: "TRANSIT/Acme Net/0042",
  speed: 10_000,
  vlan: 0,
};

const RULES = [
  'ClassifyConnectivityRegex(Interface.Description, "^(?i)(transit|peering|ix)/", "$1") && ' +
  'ClassifyProviderRegex(Interface.Description, "^[^/]+/([^/]+)", "$1") && ClassifyExternal()',
  "ClassifyInternal()",
];

Deno.test("Classifiers.exporter() takes the site out of a name", () => {
  const { classifiers } = newClassifiers(['ClassifySiteRegex(Exporter.Name, "^([a-z]+[0-9]+)[.]", "$1")'], []);
  const { site, role, isRejected } = classifiers.exporter("192.0.2.1", "par3.core.example.net");
  assert.deepEqual([site, role, isRejected], ["par3", "", false]);
});

Deno.test("Classifiers.interface() goes through the rules until all is said", () => {
  const { classifiers } = newClassifiers([], RULES);
  const outside = classifiers.interface(INTERFACE);
  assert.deepEqual([outside.connectivity, outside.provider, outside.boundary], [
    "transit",
    "acmenet",
    Boundary.external,
  ]);
  assert.deepEqual([outside.name, outside.description], [INTERFACE.name, INTERFACE.description]);
  const inside = classifiers.interface({ ...INTERFACE, description: "backbone" });
  assert.deepEqual([inside.connectivity, inside.provider, inside.boundary], ["", "", Boundary.internal]);
});

Deno.test("Classifiers stop at a rejection and say it", () => {
  const { classifiers } = newClassifiers(["Exporter.IP == '192.0.2.9' && Reject()", "Classify('all')"], []);
  assert.equal(classifiers.exporter("192.0.2.9", "x").isRejected, true);
  assert.equal(classifiers.exporter("192.0.2.9", "x").group, "");
  assert.deepEqual(classifiers.exporter("192.0.2.8", "x").group, "all");
});

Deno.test("Classifiers count a rule that fails, and skip those behind it", () => {
  const { classifiers, reporter } = newClassifiers([], ["ClassifyProvider('a')", "1 % 0 == 1", "ClassifyInternal()"]);
  const { provider, boundary } = classifiers.interface(INTERFACE);
  assert.deepEqual([provider, boundary], ["a", Boundary.undefined]);
  const errors = reporter.metrics.counter("limier_outlet_core_classifier_errors_total", "Rules.");
  assert.equal(errors.value({ type: "interface", index: "1" }), 1);
  assert.match(reporter.lines[0]!.message, /^Cannot evaluate rule 2 about interfaces: /);
});

Deno.test("Classifiers keep an answer as long as it is asked for", async () => {
  const { classifiers, clock } = newClassifiers([], RULES);
  const first = classifiers.interface(INTERFACE);
  await clock.advance(299_000);
  assert.equal(classifiers.interface(INTERFACE), first);
  await clock.advance(299_000);
  assert.equal(classifiers.interface(INTERFACE), first);
  await clock.advance(300_000);
  assert.notEqual(classifiers.interface(INTERFACE), first);
  assert.equal(classifiers.readsVlan, false);
});
