import assert from "node:assert/strict";
import { join } from "node:path";
import { realClock } from "../../clock/mod.ts";
import { ConfigErrors, readDocument, Section } from "../../config/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { parseAddressWords } from "../address.ts";
import { initiation, routeMonitoring } from "../bmp/bmp_testing.ts";
import { FlowBatch } from "../columns_batch.ts";
import { rowObject } from "../row_object.ts";
import { readEnrichmentSettings, startEnrichment } from "./enrichment.ts";
import { encodeGeoFile } from "./geo_testing.ts";

const YAML = `
core:
  exporter_classifiers:
    - ClassifySiteRegex(Exporter.Name, "^([a-z]+[0-9]+)[.]", "$1")
  interface_classifiers:
    - |
      ClassifyConnectivityRegex(Interface.Description, "^(?i)(transit|peering|ix)/", "$1") &&
      ClassifyProviderRegex(Interface.Description, "^[^/]+/([^/]+)", "$1") &&
      ClassifyExternal()
    - ClassifyInternal()
  default_sampling_rate: { 192.0.2.0/24: 1000 }
metadata:
  providers:
    - type: static
      exporters:
        192.0.2.0/24:
          name: par3.edge
          default: { name: unknown, description: other, speed: 100 }
          ifindexes:
            11: { name: xe0, description: TRANSIT/Acme Net/0042, speed: 10000 }
networks:
  networks:
    203.0.113.0/24: { name: customers, role: access }
routing:
  provider: { type: bmp, listen: "127.0.0.1:0" }
`;

Deno.test("a flow is completed by all that is configured", async () => {
  const directory = await Deno.makeTempDir({ prefix: "limier-enrichment-" });
  const path = join(directory, "city.mmdb");
  await Deno.writeFile(path, encodeGeoFile({ entries: [["203.0.113.0/24", { country: { iso_code: "CH" } }]] }));
  const yaml = `${YAML}geoip: { geo_database: ${path} }\n`;
  const reporter = recordingReporter();
  const settings = readEnrichmentSettings(readDocument(yaml, "limier.yaml"));
  {
    await using enrichment = await startEnrichment(settings, { clock: realClock, reporter });
    using router = await Deno.connect(enrichment.routing!.address);
    const peer = { address: "192.0.2.254", asn: 64_500 };
    const announced = [{ prefix: "198.51.100.0/24" }];
    await router.write(initiation());
    await router.write(routeMonitoring(peer, { announced, nextHop: "192.0.2.7", asPath: [[2, [64_500, 3000]]] }));
    for (const endMs = performance.now() + 60_000; enrichment.routing!.routes === 0;) {
      assert.ok(performance.now() < endMs, "the route never came");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const batch = new FlowBatch();
    batch.exporterAddress[0] = batch.addresses.intern(parseAddressWords("192.0.2.1")!, 0);
    batch.inIf[0] = 11;
    batch.outIf[0] = 12;
    batch.srcAddr.set(parseAddressWords("203.0.113.9")!);
    batch.dstAddr.set(parseAddressWords("198.51.100.9")!);
    for (const field of ["exporterAddress", "inIf", "outIf", "srcAddr", "dstAddr"] as const) batch.mark(field);
    batch.rows = 1;
    const enricher = enrichment.newEnricher();
    await enricher.prepare(batch);
    assert.equal(enricher.enrich(batch), 0);
    assert.deepEqual(rowObject(batch, 0), {
      exporter_name: "par3.edge",
      exporter_site: "par3",
      src_addr: "203.0.113.9",
      dst_addr: "198.51.100.9",
      dst_net_mask: 24,
      dst_as: 3000,
      src_net_name: "customers",
      src_net_role: "access",
      src_country: "CH",
      dst_as_path: [64_500, 3000],
      in_if_name: "xe0",
      out_if_name: "unknown",
      in_if_description: "TRANSIT/Acme Net/0042",
      out_if_description: "other",
      in_if_speed: 10_000,
      out_if_speed: 100,
      in_if_connectivity: "transit",
      in_if_provider: "acmenet",
      in_if_boundary: 1,
      out_if_boundary: 2,
      next_hop: "192.0.2.7",
      in_if: 11,
      out_if: 12,
    });
    assert.equal(batch.samplingRate[0], 1000);
    assert.match(reporter.metrics.text(), /classifier_interface_cache_items 2\n/);
    assert.doesNotMatch(reporter.metrics.text(), /errors_total\{.*\} [1-9]/);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("nothing is needed", async () => {
  const reporter = recordingReporter();
  await using enrichment = await startEnrichment(readEnrichmentSettings(Section.of({})), {
    clock: realClock,
    reporter,
  });
  assert.deepEqual([enrichment.routing, enrichment.metadata.hasProviders, enrichment.geoip.databases], [
    undefined,
    false,
    [],
  ]);
});

Deno.test("a start that fails leaves nothing behind", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const listen = `127.0.0.1:${taken.addr.port}`;
  const settings = readEnrichmentSettings(Section.of({ routing: { provider: { listen } } }));
  await assert.rejects(
    () => startEnrichment(settings, { clock: realClock, reporter: recordingReporter() }),
    /EADDRINUSE|in use/,
  );
});

Deno.test("readEnrichmentSettings() says which rule is wrong, and where", () => {
  const yaml = `core:
  exporter_classifiers: ["true", "Clasify('a')"]
  interface_classifiers: ["Interface.Name matches '('"]
`;
  const section = readDocument(yaml, "limier.yaml", { collect: true });
  readEnrichmentSettings(section);
  assert.throws(() => section.throwCollected(), (error) => {
    assert.ok(error instanceof ConfigErrors);
    assert.match(
      error.message,
      /limier\.yaml:2:25: Cannot use core\.exporter_classifiers\[1\]: there is no function Clasify, did you mean Classify\? \(at character 1 of the rule\)/,
    );
    assert.match(
      error.message,
      /limier\.yaml:3:26: .*interface_classifiers\[0\]: in its regular expression, there is no \) for this \(/,
    );
    return true;
  });
});
