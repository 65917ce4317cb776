import assert from "node:assert/strict";
import { Reader } from "maxmind";
import { FakeClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { formatAddress, parseAddressWords } from "../address.ts";
import { Boundary, type ColumnField, COLUMNS } from "../columns.ts";
import { FlowBatch, readU64, writeU64 } from "../columns_batch.ts";
import { rowObject } from "../row_object.ts";
import { Classifiers, compileRules } from "./classify/classifier.ts";
import { Enricher, type EnricherDeps, Verdict } from "./enricher.ts";
import { GeoDatabase } from "./geo_database.ts";
import { encodeGeoFile } from "./geo_testing.ts";
import { exporterNamed, type Metadata } from "./metadata/facts.ts";
import { Networks, readNetworks } from "./networks.ts";
import { removeRows } from "./remove_rows.ts";
import type { Routing } from "./routing.ts";
import { readSamplingSettings, SamplingRules } from "./sampling.ts";
import { readSelectionSettings } from "./selection.ts";

/** What a test row begins with. */
interface TestRow {
  exporter?: string;
  inIf?: number;
  outIf?: number;
  src?: string;
  dst?: string;
  nextHop?: string;
  rate?: number;
  numbers?: Partial<Record<"srcAs" | "dstAs" | "srcNetMask" | "dstNetMask" | "srcVlan" | "dstVlan", number>>;
  path?: number[];
}

function add(batch: FlowBatch, row: TestRow): void {
  const at = batch.rows;
  batch.reserve(1);
  batch.exporterAddress[at] = batch.addresses.intern(parseAddressWords(row.exporter ?? "192.0.2.1")!, 0);
  batch.inIf[at] = row.inIf ?? 0;
  batch.outIf[at] = row.outIf ?? 0;
  batch.srcAddr.set(parseAddressWords(row.src ?? "198.51.100.1")!, 4 * at);
  batch.dstAddr.set(parseAddressWords(row.dst ?? "203.0.113.1")!, 4 * at);
  if (row.nextHop) batch.nextHop.set(parseAddressWords(row.nextHop)!, 4 * at);
  writeU64(batch.samplingRate, at, row.rate ?? 100);
  for (const [field, value] of Object.entries(row.numbers ?? {})) {
    (batch[field as ColumnField] as Uint32Array)[at] = value;
    batch.mark(field as ColumnField);
  }
  for (const asn of row.path ?? []) batch.dstAsPath.push(at, asn);
  for (
    const field of [
      "exporterAddress",
      "inIf",
      "outIf",
      "srcAddr",
      "dstAddr",
      "nextHop",
      "dstAsPath",
      "samplingRate",
    ] as const
  ) {
    batch.mark(field);
  }
  batch.rows++;
}

interface TestSettings {
  core?: object;
  exporterRules?: string[];
  interfaceRules?: string[];
  requiresMetadata?: boolean;
  columns?: ReadonlySet<ColumnField>;
}

function newEnricher(settings: TestSettings = {}, deps: Partial<EnricherDeps> = {}) {
  const clock = new FakeClock();
  const reporter = recordingReporter();
  const core = Section.of(settings.core ?? {});
  const classifiers = new Classifiers({
    exporterRules: compileRules(settings.exporterRules ?? [], "exporter"),
    interfaceRules: compileRules(settings.interfaceRules ?? [], "interface"),
    cacheDurationMs: 300_000,
  }, { clock, reporter });
  const enricher = new Enricher(
    {
      ...readSelectionSettings(core),
      requiresMetadata: settings.requiresMetadata ?? false,
      columns: settings.columns ?? new Set(COLUMNS.map(({ field }) => field)),
    },
    { clock, reporter, sampling: new SamplingRules(readSamplingSettings(core)), classifiers, ...deps },
  );
  const errors = reporter.metrics.counter("limier_outlet_core_flows_errors_total", "x");
  const errorCount = (error: string, exporter = "192.0.2.1") => errors.value({ exporter, error });
  return { enricher, reporter, errorCount };
}

/** What a row holds of these columns. */
function picked(batch: FlowBatch, row: number, ...keys: string[]): unknown[] {
  const object = rowObject(batch, row);
  return keys.map((key) => object[key]);
}

const NAMES = ["exporter_name", "in_if_name", "in_if_description", "in_if_speed", "out_if_name", "out_if_description"];

function metadataOf(table: Record<string, [exporter: string, name: string, description: string, speed: number]>) {
  const asked: string[] = [];
  const known = new Map<string, Metadata | null>();
  return {
    asked,
    hasProviders: true,
    lookup: (exporter: string, ifIndex: number) => known.get(`${exporter} ${ifIndex}`),
    fetch(exporter: string, ifIndex: number) {
      const key = `${exporter} ${ifIndex}`;
      asked.push(key);
      const facts = table[key];
      if (key.endsWith(" 99")) return Promise.resolve(); // nobody answers
      known.set(
        key,
        facts === undefined ? null : {
          exporter: exporterNamed(facts[0]),
          interface: {
            name: facts[1],
            description: facts[2],
            speed: facts[3],
            provider: "",
            connectivity: "",
            boundary: Boundary.undefined,
          },
        },
      );
      return Promise.resolve();
    },
  };
}

Deno.test("without metadata an exporter has its address for a name and interfaces their numbers", () => {
  const { enricher } = newEnricher();
  const batch = new FlowBatch();
  add(batch, { inIf: 11, outIf: 12 });
  add(batch, { exporter: "2001:db8::1" });
  assert.equal(enricher.prepare(batch), undefined);
  assert.equal(enricher.enrich(batch), 0);
  assert.deepEqual(picked(batch, 0, ...NAMES), ["192.0.2.1", "if11", undefined, undefined, "if12", undefined]);
  assert.deepEqual(picked(batch, 1, ...NAMES), ["2001:db8::1", undefined, undefined, undefined, undefined, undefined]);
});

Deno.test("prepare() asks about each interface once, and enrich() fills in what was learned", async () => {
  const metadata = metadataOf({
    "192.0.2.1 1": ["edge1", "xe0", "to A", 100],
    "192.0.2.1 2": ["edge2", "xe1", "to B", 200],
  });
  const { enricher } = newEnricher({}, { metadata });
  const batch = new FlowBatch();
  for (let i = 0; i < 10; i++) add(batch, { inIf: 1, outIf: 2 });
  add(batch, { inIf: 1, outIf: 3 });
  add(batch, { inIf: 99, outIf: 3 });
  await enricher.prepare(batch);
  enricher.enrich(batch);
  assert.deepEqual(metadata.asked, ["192.0.2.1 1", "192.0.2.1 2", "192.0.2.1 3", "192.0.2.1 99"]);
  assert.deepEqual(picked(batch, 9, ...NAMES), ["edge2", "xe0", "to A", 100, "xe1", "to B"]); // the later answer's
  assert.deepEqual(picked(batch, 10, ...NAMES), ["edge1", "xe0", "to A", 100, "if3", undefined]);
  assert.deepEqual(picked(batch, 11, ...NAMES), ["192.0.2.1", "if99", undefined, undefined, "if3", undefined]);
  // Again: only what nobody answered is asked again; the pools begin anew in between.
  batch.reset();
  batch.texts.clear();
  batch.addresses.clear();
  add(batch, { inIf: 1, outIf: 99 });
  await enricher.prepare(batch);
  enricher.enrich(batch);
  assert.deepEqual(metadata.asked.slice(4), ["192.0.2.1 99"]);
  assert.deepEqual(picked(batch, 0, ...NAMES), ["edge1", "xe0", "to A", 100, "if99", undefined]);
});

Deno.test("flows without metadata are dropped where they are required, and counted", async () => {
  const metadata = metadataOf({ "192.0.2.1 1": ["edge1", "xe0", "", 100] });
  const { enricher, errorCount } = newEnricher({ requiresMetadata: true, core: { require_sampling_rate: true } }, {
    metadata,
  });
  const batch = new FlowBatch();
  add(batch, { inIf: 1 });
  add(batch, { inIf: 2, outIf: 3 });
  add(batch, {});
  add(batch, { rate: 0 });
  add(batch, { inIf: 1, rate: 0 });
  await enricher.prepare(batch);
  assert.equal(enricher.enrich(batch), 4);
  assert.deepEqual([...enricher.verdicts.subarray(0, 5)], [
    Verdict.keep,
    Verdict.metadata,
    Verdict.interfaces,
    Verdict.interfaces,
    Verdict.samplingRate,
  ]);
  assert.equal(errorCount("input and output interfaces missing"), 2);
  assert.equal(errorCount("metadata missing"), 1);
  assert.equal(errorCount("sampling rate missing"), 2); // one of them has two faults
  assert.equal(removeRows(batch, 0, enricher.verdicts), 4);
  assert.deepEqual([batch.rows, ...picked(batch, 0, "in_if_name")], [1, "xe0"]);
});

const rates: [core: object, received: number, rate: number][] = [
  [{}, 512, 512],
  [{}, 0, 1],
  [{ default_sampling_rate: 1000 }, 0, 1000],
  [{ default_sampling_rate: 1000 }, 512, 512],
  [{ override_sampling_rate: { "192.0.2.0/24": 2000 } }, 512, 2000],
  [{ override_sampling_rate: { "192.0.2.1": 0, "192.0.2.0/24": 2000 } }, 512, 512],
  [{ override_sampling_rate: 2 ** 33 }, 512, 2 ** 33],
];
for (const [core, received, rate] of rates) {
  Deno.test(`a rate of ${received} becomes ${rate} by ${JSON.stringify(core)}`, () => {
    const { enricher, reporter } = newEnricher({ core });
    const batch = new FlowBatch();
    add(batch, { rate: received });
    add(batch, { rate: received });
    enricher.enrich(batch);
    assert.deepEqual([readU64(batch.samplingRate, 0), readU64(batch.samplingRate, 1)], [rate, rate]);
    assert.equal(reporter.lines.length, rate === 1 ? 1 : 0); // one warning an exporter
  });
}

Deno.test("rules classify exporters and interfaces, also by VLAN, unless the metadata have", async () => {
  const metadata = metadataOf({
    "192.0.2.1 1": ["par3.core", "xe0", "TRANSIT/Acme Net", 100],
    "192.0.2.1 2": ["par3.core", "xe1", "backbone", 100],
    "192.0.2.1 3": ["par3.core", "secret", "", 100],
  });
  const { enricher, errorCount } = newEnricher({
    exporterRules: [
      'ClassifySiteRegex(Exporter.Name, "^([a-z]+[0-9]+)[.]", "$1")',
      "Exporter.IP == '192.0.2.9' && Reject()",
    ],
    interfaceRules: [
      "Interface.Name == 'secret' && Reject()",
      "Interface.VLAN == 7 && ClassifyProvider('vlan7') && ClassifyConnectivity('x') && ClassifyInternal()",
      'ClassifyConnectivityRegex(Interface.Description, "^(?i)(transit)/", "$1") && ' +
      'ClassifyProviderRegex(Interface.Description, "^[^/]+/([^/]+)", "$1") && ClassifyExternal()',
      "SetDescription('in')",
      "ClassifyInternal()",
    ],
  }, { metadata });
  const batch = new FlowBatch();
  add(batch, { inIf: 1, outIf: 2 });
  add(batch, { inIf: 1, outIf: 2, numbers: { srcVlan: 7 } });
  add(batch, { inIf: 1, outIf: 3 });
  add(batch, { exporter: "192.0.2.9", inIf: 5 });
  await enricher.prepare(batch);
  assert.equal(enricher.enrich(batch), 2);
  const keys = ["exporter_site", "in_if_provider", "in_if_connectivity", "out_if_description", "out_if_provider"];
  assert.deepEqual(picked(batch, 0, ...keys), ["par3", "acmenet", "transit", "in", undefined]);
  assert.deepEqual([batch.inIfBoundary[0], batch.outIfBoundary[0]], [Boundary.external, Boundary.internal]);
  assert.deepEqual(picked(batch, 1, ...keys), ["par3", "vlan7", "x", "in", undefined]);
  assert.deepEqual([...enricher.verdicts.subarray(0, 4)], [0, 0, Verdict.rejected, Verdict.rejected]);
  assert.equal(errorCount("rejected by classifier"), 1);
  assert.equal(errorCount("rejected by classifier", "192.0.2.9"), 1);
});

/** Routes by address text. */
function routingOf(routes: Record<string, { asn: number; mask: number; nextHop: string }>): Routing {
  return {
    find(words, at, nextHops, nextHopAt, found) {
      const address = formatAddress(words, at);
      const by = nextHops === null ? "" : ` by ${formatAddress(nextHops, nextHopAt)}`;
      const route = routes[`${address}${by}`] ?? routes[address];
      if (route === undefined) return false;
      found.asn = route.asn;
      found.netMask = route.mask;
      found.nextHop.set(parseAddressWords(route.nextHop)!);
      const words2 = new Uint32Array([0, 0, 0, 0, 64_500, route.asn, 4_227_072_001, 64_500, 1, 2]);
      found.attributes = { words: words2, pathStart: 4, pathEnd: 6, communitiesEnd: 7 };
      return true;
    },
  };
}

const ROUTES = {
  "198.51.100.1": { asn: 64_601, mask: 24, nextHop: "192.0.2.91" },
  "203.0.113.1": { asn: 64_602, mask: 22, nextHop: "192.0.2.92" },
  "203.0.113.1 by 192.0.2.93": { asn: 64_603, mask: 23, nextHop: "192.0.2.93" },
};

Deno.test("routes fill in what the flow does not say: AS, mask, next hop, path, communities", () => {
  const { enricher } = newEnricher({}, { routing: routingOf(ROUTES) });
  const batch = new FlowBatch();
  add(batch, {});
  add(batch, { nextHop: "192.0.2.93", numbers: { srcAs: 5, dstAs: 6, srcNetMask: 8, dstNetMask: 9 }, path: [7, 8] });
  add(batch, { nextHop: "192.0.2.93" });
  add(batch, { src: "10.0.0.1", dst: "10.0.0.2" });
  enricher.enrich(batch);
  const keys = ["src_as", "dst_as", "src_net_mask", "dst_net_mask", "next_hop", "dst_as_path", "dst_communities"];
  assert.deepEqual(picked(batch, 0, ...keys, "src_communities", "dst_large_communities"), [
    64_601,
    64_602,
    24,
    22,
    "192.0.2.92",
    [64_500, 64_602],
    [4_227_072_001],
    [4_227_072_001],
    [64_500n << 64n | 1n << 32n | 2n],
  ]);
  assert.deepEqual(picked(batch, 1, ...keys), [5, 6, 8, 9, "192.0.2.93", [7, 8], [4_227_072_001]]);
  assert.deepEqual(picked(batch, 2, ...keys).slice(1, 5), [64_603, 24, 23, "192.0.2.93"]);
  assert.deepEqual(picked(batch, 3, ...keys), [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

const selections: [core: object, flow: { srcAs?: number; srcNetMask?: number }, asn: number, mask: number][] = [
  [{}, {}, 64_601, 24],
  [{}, { srcAs: 65_000 }, 65_000, 24],
  [{ asn_providers: ["flow-except-private", "routing"] }, { srcAs: 65_000 }, 64_601, 24],
  [{ asn_providers: ["flow-except-private", "bmp"] }, { srcAs: 3000 }, 3000, 24],
  [{ asn_providers: ["flow-except-default-route", "geo-ip"], net_providers: ["flow"] }, { srcAs: 3000 }, 13_335, 0],
  [{ asn_providers: ["flow-except-default-route"] }, { srcAs: 3000 }, 3000, 24],
  [{ asn_providers: ["routing-except-private", "networks"] }, { srcAs: 3000 }, 13_335, 24],
  [{ asn_providers: [] }, { srcAs: 3000 }, 0, 24],
  [{ net_providers: ["routing", "flow"] }, { srcNetMask: 16 }, 64_601, 24],
  [{ net_providers: ["flow", "routing"] }, { srcNetMask: 16 }, 64_601, 16],
  [{ net_providers: [] }, { srcNetMask: 16 }, 64_601, 0],
];
for (const [core, flow, asn, mask] of selections) {
  Deno.test(`a flow ${JSON.stringify(flow)} has AS ${asn} and mask ${mask} by ${JSON.stringify(core)}`, () => {
    const networks = new Networks(readNetworks(Section.of({ networks: { "198.51.100.0/24": { asn: 13_335 } } })));
    const { enricher } = newEnricher({ core }, { routing: routingOf(ROUTES), networks });
    const batch = new FlowBatch();
    add(batch, { numbers: flow });
    enricher.enrich(batch);
    assert.deepEqual([batch.srcAs[0], batch.srcNetMask[0]], [asn, mask]);
  });
}
for (
  const core of [{ asn_providers: ["flows"] }, { asn_providers: ["flow", "flow"] }, { net_providers: ["networks"] }]
) {
  Deno.test(`readSelectionSettings() refuses ${JSON.stringify(core)}`, () => {
    assert.throws(() => readSelectionSettings(Section.of(core)), /each at most once/);
  });
}

Deno.test("next hops come from the sources that are asked, in their order", () => {
  const routing = routingOf(ROUTES);
  const nextHopBy = (providers: string[], nextHop?: string) => {
    const { enricher } = newEnricher({ core: { net_providers: providers } }, { routing });
    const batch = new FlowBatch();
    add(batch, nextHop === undefined ? {} : { nextHop });
    enricher.enrich(batch);
    return formatAddress(batch.nextHop);
  };
  assert.equal(nextHopBy(["flow"]), "::");
  assert.equal(nextHopBy(["routing", "flow"], "192.0.2.1"), "192.0.2.92");
  assert.equal(nextHopBy(["flow", "routing"], "192.0.2.1"), "192.0.2.1");
  assert.equal(nextHopBy([], "192.0.2.1"), "::");
});

Deno.test("networks and databases say each attribute by the longest prefix, settings before databases", () => {
  const networks = new Networks(readNetworks(Section.of({
    networks: {
      "198.51.100.0/22": { name: "ours" },
      "198.51.100.0/24": { city: "Lyon", country: "FR" },
      "203.0.113.0/24": { country: "CHE" },
    },
  })));
  const place = (city: string, country: string) => ({ city: { names: { en: city } }, country: { iso_code: country } });
  const database = (entries: [string, object][]) =>
    new GeoDatabase("x", encodeGeoFile({ entries: entries as never, recordBits: 28 }), Reader);
  const geoip = {
    databases: [
      database([["198.51.100.0/24", place("Paris", "DE")], ["198.51.101.128/25", place("Nantes", "DE")]]),
      database([["198.51.100.0/24", place("Rouen", "DE")], ["203.0.0.0/8", place("Bern", "XX")]]),
      database([["198.51.100.0/24", { autonomous_system_number: 64_700 }]]),
    ],
  };
  const { enricher } = newEnricher({}, { networks, geoip });
  const batch = new FlowBatch();
  add(batch, { src: "198.51.100.1", dst: "198.51.101.129" });
  add(batch, { src: "203.0.113.1", dst: "203.9.9.9" });
  add(batch, { src: "2001:db8::1" });
  enricher.enrich(batch);
  const keys = ["net_name", "geo_city", "country", "as"];
  const side = (row: number, name: string) => picked(batch, row, ...keys.map((key) => `${name}_${key}`));
  assert.deepEqual(side(0, "src"), ["ours", "Lyon", "FR", 64_700]);
  assert.deepEqual(side(0, "dst"), ["ours", "Nantes", "DE", undefined]);
  assert.deepEqual(side(1, "src"), [undefined, "Bern", "CH", undefined]);
  assert.deepEqual(side(1, "dst"), [undefined, "Bern", "XX", undefined]);
  assert.deepEqual(side(2, "src"), [undefined, undefined, undefined, undefined]);
  // Of equal prefixes the later file counts.
  geoip.databases = geoip.databases.slice();
  const plain = newEnricher({}, { geoip }).enricher;
  batch.reset();
  add(batch, { src: "198.51.100.1" });
  plain.enrich(batch);
  assert.deepEqual(side(0, "src"), [undefined, "Rouen", "DE", 64_700]);
});

Deno.test("removeRows() takes rows out of every column, and what goes along", () => {
  const batch = new FlowBatch(4);
  const offsets = BigUint64Array.from({ length: 20 }, (_, i) => BigInt(i));
  for (let i = 0; i < 20; i++) {
    add(batch, { inIf: i + 1, src: `10.0.0.${i}`, rate: i + 1, path: Array.from({ length: i % 3 }, () => i) });
  }
  const verdicts = new Uint8Array(20);
  for (const row of [3, 4, 9, 19]) verdicts[row] = 1;
  const kept = Array.from({ length: 20 }, (_, i) => i).filter((row) => verdicts[row] === 0);
  assert.equal(removeRows(batch, 0, verdicts, [offsets]), 4);
  assert.equal(batch.rows, 16);
  for (const [row, was] of kept.entries()) {
    assert.equal(batch.inIf[row], was + 1);
    assert.equal(formatAddress(batch.srcAddr, 4 * row), `10.0.0.${was}`);
    assert.equal(readU64(batch.samplingRate, row), was + 1);
    assert.deepEqual(batch.dstAsPath.row(row), Array.from({ length: was % 3 }, () => was));
    assert.equal(offsets[row], BigInt(was));
  }
  // What is behind the rows is zero, as whoever writes the next row expects.
  assert.ok(batch.inIf.subarray(16).every((value) => value === 0));
  assert.ok(batch.dstAsPath.lengths.subarray(16).every((value) => value === 0));
  assert.equal(removeRows(batch, 0, new Uint8Array(20)), 0);
  assert.equal(removeRows(batch, 10, new Uint8Array(20).fill(1)), 6);
  assert.deepEqual([batch.rows, batch.inIf[9], batch.inIf[10]], [10, kept[9]! + 1, 0]);
});
