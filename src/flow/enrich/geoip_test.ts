import assert from "node:assert/strict";
import { join } from "node:path";
import { realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { until } from "../../testing/mod.ts";
import { parseAddressWords } from "../address.ts";
import { encodeGeoFile } from "./geo_testing.ts";
import { type Geoip, readGeoipSettings, startGeoip } from "./geoip.ts";

function file(country: string): Uint8Array<ArrayBuffer> {
  return encodeGeoFile({ entries: [["192.0.2.0/24", { country: { iso_code: country } }]] });
}

const words = parseAddressWords("192.0.2.1")!;
const countryOf = (geoip: Geoip) => geoip.databases[0]?.find(words, 0)?.country;

Deno.test("startGeoip() opens a file again when it is written or replaced, and keeps it when the new one is bad", async () => {
  const directory = await Deno.makeTempDir({ prefix: "limier-geoip-" });
  const path = join(directory, "city.mmdb");
  await Deno.writeFile(path, file("FR"));
  const reporter = recordingReporter();
  const settings = { asnDatabases: [], geoDatabases: [path], isOptional: false };
  {
    await using geoip = await startGeoip(settings, { clock: realClock, reporter });
    assert.equal(countryOf(geoip), "FR");
    await Deno.writeFile(path, file("DE"));
    await until(() => countryOf(geoip) === "DE");
    await Deno.writeFile(path, new Uint8Array(10));
    await until(() => reporter.lines.some(({ message }) => message.includes("the old one stays in use")));
    assert.equal(countryOf(geoip), "DE");
    const fresh = join(directory, "fresh");
    await Deno.writeFile(fresh, file("JP"));
    await Deno.rename(fresh, path);
    await until(() => countryOf(geoip) === "JP");
  }
  const refreshes = reporter.metrics.counter("limier_outlet_geoip_db_refresh_total", "Databases.");
  assert.ok(refreshes.value({ database: "geo" }) >= 3);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("startGeoip() refuses a missing file, or waits for it where it is optional", async () => {
  const directory = await Deno.makeTempDir({ prefix: "limier-geoip-" });
  const path = join(directory, "city.mmdb");
  const reporter = recordingReporter();
  const settings = { asnDatabases: [], geoDatabases: [path], isOptional: false };
  await assert.rejects(() => startGeoip(settings, { clock: realClock, reporter }), Deno.errors.NotFound);
  await using geoip = await startGeoip({ ...settings, isOptional: true }, { clock: realClock, reporter });
  assert.equal(countryOf(geoip), undefined);
  await Deno.writeFile(path, file("FR"));
  await until(() => countryOf(geoip) === "FR");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("readGeoipSettings() takes one path or several, each once", () => {
  assert.deepEqual(
    readGeoipSettings(Section.of({ asn_database: "a", geo_database: ["b", "c", "b"], optional: true })),
    {
      asnDatabases: ["a"],
      geoDatabases: ["c", "b"],
      isOptional: true,
    },
  );
  assert.throws(
    () => readGeoipSettings(Section.of({ geo_databases: [] })),
    /did you mean geo_database|write asn_database/,
  );
});
