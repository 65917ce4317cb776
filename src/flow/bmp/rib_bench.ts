/** Routes of a full table: taken in from updates, looked up, given up. */
import { Section } from "../../config/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { parseAddressWords } from "../address.ts";
import { newFoundRoute } from "../enrich/routing.ts";
import { newBmpMetrics } from "./bmp_metrics.ts";
import { initiation, routeMonitoring, type TestPeer } from "./bmp_testing.ts";
import { readRoutingSettings } from "./config.ts";
import { Rib } from "./rib.ts";
import { Station } from "./station.ts";

const ROUTES = 400_000;
const UPDATES = 20_000;
const PEERS: readonly TestPeer[] = [{ address: "192.0.2.1" }, { address: "192.0.2.2" }];

let seed = 1;
function random(below: number): number {
  seed = Math.imul(seed, 1_664_525) + 1_013_904_223 >>> 0;
  return (seed >>> 8) % below;
}

const prefixes = Array.from({ length: ROUTES }, () => ({
  prefix: `${1 + random(223)}.${random(256)}.${random(256)}.0/${16 + random(9)}`,
}));
const messages = PEERS.flatMap((peer, nth) =>
  Array.from({ length: UPDATES }, (_, i) =>
    routeMonitoring(peer, {
      announced: prefixes.slice(i * ROUTES / UPDATES, (i + 1) * ROUTES / UPDATES),
      nextHop: `203.0.113.${1 + nth}`,
      asPath: [[2, [64_500 + nth, random(70_000), random(70_000), random(70_000)]]],
      communities: [random(1 << 30), random(1000), random(10)],
    }))
);
const reporter = recordingReporter();
const metrics = newBmpMetrics(reporter.metrics);
const settings = readRoutingSettings(Section.of({ provider: { type: "bmp" } }))!;

function load(): { rib: Rib; station: Station } {
  const rib = new Rib();
  const station = new Station("192.0.2.100", settings, { rib, metrics, reporter });
  station.handle(initiation());
  for (const message of messages) station.handle(message);
  return { rib, station };
}

const { rib } = load();
const addresses = new Uint32Array(4 * 4096);
for (let i = 0; i < 4096; i++) {
  addresses.set(parseAddressWords(`${1 + random(223)}.${random(256)}.${random(256)}.${random(256)}`)!, 4 * i);
}
const nextHops = parseAddressWords("203.0.113.2")!;
const found = newFoundRoute();

Deno.bench(`Station.handle(): ${2 * ROUTES} routes of 2 peers in ${2 * UPDATES} updates`, { n: 5, warmup: 1 }, () => {
  load();
});
Deno.bench("Rib.find(): 4096 addresses", () => {
  let hits = 0;
  for (let i = 0; i < addresses.length; i += 4) if (rib.find(addresses, i, null, 0, found)) hits++;
  if (hits === 0) throw new Error("nothing was found");
});
Deno.bench("Rib.find(): 4096 addresses by a next hop", () => {
  let hits = 0;
  for (let i = 0; i < addresses.length; i += 4) if (rib.find(addresses, i, nextHops, 0, found)) hits++;
  if (hits === 0) throw new Error("nothing was found");
});
Deno.bench(`Rib.sweep(): ${2 * ROUTES} routes, 5000 at a time`, { n: 3, warmup: 1 }, (bench) => {
  const one = load();
  one.station.removeAll();
  bench.start();
  while (one.rib.sweep(5000));
  bench.end();
});
