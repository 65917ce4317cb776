import assert from "node:assert/strict";
import { join } from "node:path";
import { FakeClock } from "../../../clock/mod.ts";
import { Section } from "../../../config/mod.ts";
import { recordingReporter } from "../../../telemetry/mod.ts";
import { newProviders, readMetadataSettings } from "./config.ts";
import { type Answer, exporterNamed, type Metadata, type MetadataProvider } from "./facts.ts";
import { startMetadata } from "./metadata.ts";

const MINUTE = 60_000;

function facts(name: string): Metadata {
  const text = { provider: "", connectivity: "", boundary: 0, description: "" };
  return { exporter: exporterNamed(`of ${name}`), interface: { name, speed: 1000, ...text } };
}

/** A provider that answers as the test says. */
function scripted(answer: (exporter: string, ifIndex: number) => Answer | Promise<Answer>) {
  const asked: string[] = [];
  const provider: MetadataProvider = {
    type: "scripted",
    query(exporter, ifIndex) {
      asked.push(`${exporter} ${ifIndex}`);
      return answer(exporter, ifIndex);
    },
    [Symbol.dispose]() {},
  };
  return { asked, provider };
}

async function start(providers: MetadataProvider[], settings: object = {}, clock = new FakeClock(1_700_000_000_000)) {
  const reporter = recordingReporter();
  const read = readMetadataSettings(Section.of({ initial_delay: "1s", ...settings }));
  const metadata = await startMetadata(read, { clock, reporter, providers });
  const count = (name: string) => reporter.metrics.counter(`limier_outlet_metadata_${name}_total`, "x").value();
  return { metadata, clock, reporter, count };
}

Deno.test("a question is asked once however many wait for its answer, which is then kept", async () => {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const { provider, asked } = scripted(() => promise);
  const { metadata, count } = await start([provider]);
  await using _ = metadata;
  assert.equal(metadata.lookup("192.0.2.1", 3), undefined);
  const fetches = [metadata.fetch("192.0.2.1", 3), metadata.fetch("192.0.2.1", 3)];
  resolve(facts("xe0"));
  await Promise.all(fetches);
  assert.deepEqual(asked, ["192.0.2.1 3"]);
  assert.equal(metadata.lookup("192.0.2.1", 3)!.interface.name, "xe0");
  assert.deepEqual([count("cache_hits"), count("cache_misses"), count("provider_requests")], [1, 1, 1]);
});

Deno.test("providers are asked in turn, an answer that there is nothing ends the search, and so does an error", async () => {
  const first = scripted((_, ifIndex) => {
    if (ifIndex === 3) throw new Error("broken");
    return ifIndex === 1 ? "skip" : null;
  });
  const second = scripted((_, ifIndex) => ifIndex === 1 ? facts("second") : "skip");
  const { metadata } = await start([first.provider, second.provider]);
  await using _ = metadata;
  for (const ifIndex of [1, 2, 3]) await metadata.fetch("192.0.2.1", ifIndex);
  assert.deepEqual(second.asked, ["192.0.2.1 1"]);
  assert.equal(metadata.lookup("192.0.2.1", 1)!.interface.name, "second");
  assert.equal(metadata.lookup("192.0.2.1", 2), null);
  assert.equal(metadata.lookup("192.0.2.1", 3), undefined);
});

Deno.test("a question that every provider skips is answered with nothing", async () => {
  const { provider, asked } = scripted(() => "skip");
  const { metadata, count } = await start([provider]);
  await using _ = metadata;
  await metadata.fetch("192.0.2.1", 1);
  assert.equal(metadata.lookup("192.0.2.1", 1), null);
  assert.deepEqual([asked.length, count("cache_hits")], [1, 1]);
});

Deno.test("flows wait for the time limit, longer after the start, and a late answer is kept", async () => {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const { metadata, clock } = await start([scripted(() => promise).provider], { initial_delay: "1m" });
  await using _ = metadata;
  let isDone = false;
  const first = metadata.fetch("192.0.2.1", 1).then(() => isDone = true);
  await clock.advance(59_000);
  assert.equal(isDone, false);
  await clock.advance(1000);
  await first;
  const second = metadata.fetch("192.0.2.1", 1);
  await clock.advance(5000);
  await second;
  assert.equal(metadata.lookup("192.0.2.1", 1), undefined);
  resolve(facts("late"));
  await clock.advance(0);
  assert.equal(metadata.lookup("192.0.2.1", 1)!.interface.name, "late");
});

Deno.test("answers that nobody asks for are forgotten, those in use are refreshed, and an error keeps the old", async () => {
  let version = 1;
  const { provider, asked } = scripted((_, ifIndex) => {
    if (version === 3) throw new Error("away");
    return facts(`if${ifIndex} v${version}`);
  });
  const { metadata, clock, count } = await start([provider]);
  await using _ = metadata;
  await metadata.fetch("192.0.2.1", 1);
  await metadata.fetch("192.0.2.1", 2);
  version = 2;
  for (let i = 0; i < 31; i++) {
    metadata.lookup("192.0.2.1", 1);
    await clock.advance(2 * MINUTE);
  }
  assert.equal(metadata.lookup("192.0.2.1", 1)!.interface.name, "if1 v2");
  assert.equal(metadata.lookup("192.0.2.1", 2), undefined);
  assert.deepEqual([metadata.size, count("cache_expired_entries"), count("cache_refreshes")], [1, 1, 1]);
  version = 3;
  for (let i = 0; i < 31; i++) {
    metadata.lookup("192.0.2.1", 1);
    await clock.advance(2 * MINUTE);
  }
  assert.equal(metadata.lookup("192.0.2.1", 1)!.interface.name, "if1 v2");
  assert.ok(asked.length > 4);
});

Deno.test("an exporter that fails 20 times in a row is left alone for a minute", async () => {
  let fails = true;
  const { provider, asked } = scripted((exporter) => {
    if (fails && exporter === "192.0.2.1") throw new Error("away");
    return facts("x");
  });
  const { metadata, clock, reporter } = await start([provider]);
  await using _ = metadata;
  for (let i = 0; i < 30; i++) await metadata.fetch("192.0.2.1", i);
  assert.equal(asked.length, 20);
  const opens = reporter.metrics.counter("limier_outlet_metadata_provider_breaker_opens_total", "x");
  assert.equal(opens.value({ exporter: "192.0.2.1" }), 1);
  await metadata.fetch("192.0.2.2", 1);
  assert.equal(asked.length, 21);
  await clock.advance(MINUTE);
  await metadata.fetch("192.0.2.1", 1); // one try, that opens it again
  await metadata.fetch("192.0.2.1", 2);
  assert.equal(asked.length, 22);
  await clock.advance(MINUTE);
  fails = false;
  for (let i = 0; i < 5; i++) await metadata.fetch("192.0.2.1", i);
  assert.equal(asked.length, 27);
});

Deno.test("many questions wait for their turn, and all are answered", async () => {
  let running = 0, most = 0;
  const { provider } = scripted(async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 0));
    running--;
    return facts("x");
  });
  const { metadata } = await start([provider]);
  await using _ = metadata;
  await Promise.all(Array.from({ length: 500 }, (_, i) => metadata.fetch("192.0.2.1", i)));
  assert.equal(metadata.size, 500);
  assert.equal(most, 64);
});

Deno.test("answers outlive a restart in their file, and a file that makes no sense is left alone", async () => {
  const directory = await Deno.makeTempDir({ prefix: "limier-metadata-" });
  const path = join(directory, "cache.json");
  const { provider } = scripted((_, ifIndex) => ifIndex === 1 ? facts("xe0") : null);
  const first = await start([provider], { cache_persist_file: path });
  await first.metadata.fetch("2001:db8::1", 1);
  await first.metadata.fetch("2001:db8::1", 2);
  await first.metadata[Symbol.asyncDispose]();
  await first.metadata[Symbol.asyncDispose]();
  const second = await start([], { cache_persist_file: path });
  assert.deepEqual(second.metadata.lookup("2001:db8::1", 1), facts("xe0"));
  assert.equal(second.metadata.lookup("2001:db8::1", 2), null);
  assert.equal(second.metadata.hasProviders, false);
  await second.metadata[Symbol.asyncDispose]();
  for (
    const content of ["", "{}", '{"version":1,"entries":[{"exporter":"x"},5,{"exporter":"192.0.2.1","ifIndex":1}]}']
  ) {
    await Deno.writeTextFile(path, content);
    const { metadata, reporter } = await start([], { cache_persist_file: path });
    assert.equal(metadata.size, 0);
    assert.equal(reporter.lines.length, content.length > 2 ? 0 : 1);
    await metadata[Symbol.asyncDispose]();
  }
  await Deno.remove(directory, { recursive: true });
});

const STATIC = {
  type: "static",
  exporters: {
    "192.0.2.0/24": {
      name: "edge",
      site: "par3",
      default: { name: "other", speed: 100 },
      ifindexes: { 11: { name: "xe0", description: "to Acme", speed: 10_000, boundary: "external", provider: "acme" } },
    },
    "192.0.2.9": { name: "nine", ifindexes: { 1: { name: "a" } }, skip_missing_interfaces: true },
    "2001:db8::/32": { name: "six" },
  },
};
const answers: [exporter: string, ifIndex: number, exporterName: string | undefined, interfaceName: string | Answer][] =
  [
    ["192.0.2.1", 11, "edge", "xe0"],
    ["192.0.2.1", 12, "edge", "other"],
    ["192.0.2.9", 1, "nine", "a"],
    ["192.0.2.9", 11, undefined, "skip"],
    ["2001:db8::5", 1, undefined, null],
    ["198.51.100.1", 1, undefined, "skip"],
  ];
for (const [exporter, ifIndex, exporterName, interfaceName] of answers) {
  Deno.test(`the static provider answers about interface ${ifIndex} of ${exporter}`, async () => {
    const settings = readMetadataSettings(Section.of({ providers: [STATIC] }));
    const [provider] = newProviders(settings.providers, { clock: new FakeClock(), reporter: recordingReporter() });
    const answer = await provider!.query(exporter, ifIndex);
    if (exporterName === undefined) return assert.equal(answer, interfaceName);
    assert.ok(answer !== null && answer !== "skip");
    assert.deepEqual([answer.exporter.name, answer.interface.name], [exporterName, interfaceName]);
  });
}

const refused: [settings: object, problem: RegExp][] = [
  [{ cache_duration: "10s" }, /1m or more/],
  [{ cache_duration: "2h", cache_refresh: "1h" }, /0, or at least cache_duration/],
  [{ cache_check_interval: "40m" }, /at most cache_duration/],
  [{ query_timeout: "2m" }, /query_timeout/],
  [{ providers: [{ type: "gnmi" }] }, /write static or snmp/],
  [{ providers: [{}] }, /Cannot do without providers\[0\]\.type/],
  [{ providers: [{ ...STATIC, exporters: { "192.0.2.0/24": {} } }] }, /the exporter's name/],
  [
    { providers: [{ ...STATIC, exporters: { "192.0.2.1": { name: "x", ifindexes: { a: {} } } } }] },
    /number of an interface/,
  ],
  [{
    providers: [{ ...STATIC, exporters: { "192.0.2.1": { name: "x", default: {}, skip_missing_interfaces: true } } }],
  }, /not both/],
  [
    { providers: [{ type: "snmp", credentials: { "::/0": { user_name: "x", privacy_protocol: "AES" } } }] },
    /authentication_protocol as well/,
  ],
  [{
    providers: [{
      type: "snmp",
      credentials: { "::/0": { user_name: "x", authentication_protocol: "SHA", authentication_passphrase: "short" } },
    }],
  }, /8 characters/],
  [{ providers: [{ type: "snmp", credentials: { "::/0": { communities: [] } } }] }, /at least one/],
  [{ providers: [{ type: "snmp", agents: { "192.0.2.1": "name" } }] }, /address of its agent/],
  [{ providers: [{ type: "snmp", ports: 0 }] }, /from 1 to 65535/],
];
for (const [settings, problem] of refused) {
  Deno.test(`readMetadataSettings() refuses ${JSON.stringify(settings).slice(0, 90)}`, () => {
    assert.throws(() => readMetadataSettings(Section.of(settings)), problem);
  });
}
