/** A batch of flows of 20 exporters: completed with metadata, rules, networks, a database and a table of routes. */
import { Reader } from "maxmind";
import { Section } from "../../config/mod.ts";
import { realClock } from "../../clock/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { parseAddressWords } from "../address.ts";
import { FlowBatch } from "../columns_batch.ts";
import { Classifiers, compileRules } from "./classify/classifier.ts";
import { Enricher, type EnricherDeps } from "./enricher.ts";
import { GeoDatabase } from "./geo_database.ts";
import { encodeGeoFile } from "./geo_testing.ts";
import { exporterNamed, type Metadata } from "./metadata/facts.ts";
import { Networks, readNetworks } from "./networks.ts";
import { PrefixTrie } from "./prefix_trie.ts";
import type { Routing } from "./routing.ts";
import { readSamplingSettings, SamplingRules } from "./sampling.ts";
import { readSelectionSettings } from "./selection.ts";

const ROWS = 8192;

let seed = 1;
function random(below: number): number {
  seed = Math.imul(seed, 1_664_525) + 1_013_904_223 >>> 0;
  return (seed >>> 8) % below;
}

const clock = realClock, reporter = recordingReporter();
const core = Section.of({});
const facts = new Map<string, Metadata>();
const metadata = {
  hasProviders: true,
  lookup: (exporter: string, ifIndex: number) => {
    const key = `${exporter} ${ifIndex}`;
    let answer = facts.get(key);
    if (answer === undefined) {
      const text = { provider: "", connectivity: "", boundary: 0 };
      answer = {
        exporter: exporterNamed(`name of ${exporter}`),
        interface: { name: `xe-0/0/${ifIndex}`, description: `TRANSIT/Net ${ifIndex}`, speed: 10_000, ...text },
      };
      facts.set(key, answer);
    }
    return answer;
  },
  fetch: () => Promise.resolve(),
};
const classifiers = new Classifiers({
  exporterRules: compileRules(['ClassifySiteRegex(Exporter.Name, "^([a-z]+)", "$1")'], "exporter"),
  interfaceRules: compileRules([
    'ClassifyConnectivityRegex(Interface.Description, "^(?i)(transit|peering)/", "$1") && ClassifyExternal()',
    "ClassifyInternal()",
  ], "interface"),
  cacheDurationMs: 300_000,
}, { clock, reporter });
const networks = new Networks(readNetworks(Section.of({ networks: { "10.0.0.0/8": "ours", "172.16.0.0/12": "lab" } })));
const places = Array.from({ length: 2000 }, (_, i) => [
  `${1 + random(220)}.${random(256)}.0.0/16`,
  { country: { iso_code: "FR" }, city: { names: { en: `City ${i % 500}` } } },
]);
const geoip = { databases: [new GeoDatabase("x", encodeGeoFile({ entries: places as never }), Reader)] };

/** Routes as simple as they can be: what a lookup itself costs is measured with the table. */
const trie = new PrefixTrie({ ipv6CoversIpv4: false });
const words = parseAddressWords("0.0.0.0")!;
const octets = new Uint8Array(words.buffer);
for (let i = 0; i < 200_000; i++) {
  octets[12] = 1 + random(220);
  octets[13] = random(256);
  octets[14] = random(256);
  trie.set(words, 0, 96 + 16 + random(9), i);
}
const attributes = { words: new Uint32Array([0, 0, 0, 0, 1, 2, 3, 4, 5]), pathStart: 4, pathEnd: 7, communitiesEnd: 9 };
const routing: Routing = {
  find(address, at, _nextHops, _nextHopAt, found) {
    const value = trie.find(address, at);
    if (value < 0) return false;
    found.asn = value;
    found.netMask = trie.foundLength - 96;
    found.attributes = attributes;
    return true;
  },
};

const batch = new FlowBatch(ROWS);
const exporters = Array.from({ length: 20 }, (_, i) => batch.addresses.intern(parseAddressWords(`192.0.2.${i}`)!, 0));
const hosts = new Uint32Array(4 * 1024);
for (let i = 0; i < 1024; i++) {
  octets[12] = 1 + random(220);
  octets[13] = random(256);
  octets[14] = random(256);
  hosts.set(words, 4 * i);
}

/** Rows as decoders leave them, always the same. */
function fill(): void {
  batch.reset();
  seed = 9;
  for (let row = 0; row < ROWS; row++) {
    batch.exporterAddress[row] = exporters[random(20)]!;
    batch.inIf[row] = 1 + random(40);
    batch.outIf[row] = 1 + random(40);
    batch.samplingRate[2 * row] = 1000;
    const src = 4 * random(1024), dst = 4 * random(1024);
    for (let word = 0; word < 4; word++) {
      batch.srcAddr[4 * row + word] = hosts[src + word]!;
      batch.dstAddr[4 * row + word] = hosts[dst + word]!;
    }
  }
  for (const field of ["exporterAddress", "inIf", "outIf", "samplingRate", "srcAddr", "dstAddr"] as const) {
    batch.mark(field);
  }
  batch.rows = ROWS;
}

function newEnricher(deps: Partial<EnricherDeps>): Enricher {
  const sampling = new SamplingRules(readSamplingSettings(core));
  const settings = { ...readSelectionSettings(core), requiresMetadata: false };
  return new Enricher(settings, { clock, reporter, sampling, classifiers, ...deps });
}

const cases: [what: string, deps: Partial<EnricherDeps>][] = [
  ["nothing but numbers for names", {}],
  ["metadata and rules", { metadata }],
  ["networks and a database", { networks, geoip }],
  ["routes", { routing }],
  ["all", { metadata, networks, geoip, routing }],
];
for (const [what, deps] of cases) {
  const enricher = newEnricher(deps);
  Deno.bench(`Enricher: ${ROWS} flows, ${what}`, (bench) => {
    fill();
    bench.start();
    void enricher.prepare(batch);
    enricher.enrich(batch);
    bench.end();
  });
}
