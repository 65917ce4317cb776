import assert from "node:assert/strict";
import { Section } from "../../config/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { formatAddress, parseAddressWords } from "../address.ts";
import { newFoundRoute } from "../enrich/routing.ts";
import { newBmpMetrics } from "./bmp_metrics.ts";
import { readRoutingSettings } from "./config.ts";
import { FrameBuffer } from "./frame_buffer.ts";
import { Rib } from "./rib.ts";
import { Station } from "./station.ts";

const text = await Deno.readTextFile(new URL("./testdata/gobgp.txt", import.meta.url));
const messages = text.split("\n").filter((line) => /^[0-9a-f]+$/.test(line)).map((line) => Uint8Array.fromHex(line));

function newStation() {
  const rib = new Rib();
  const reporter = recordingReporter();
  const settings = readRoutingSettings(Section.of({ provider: { type: "bmp" } }))!;
  const station = new Station("127.0.0.2", settings, { rib, metrics: newBmpMetrics(reporter.metrics), reporter });
  return { rib, station, reporter };
}

function find(rib: Rib, address: string, nextHop?: string): string | undefined {
  const found = newFoundRoute();
  const nextHops = nextHop === undefined ? null : parseAddressWords(nextHop)!;
  if (!rib.find(parseAddressWords(address)!, 0, nextHops, 0, found)) return undefined;
  const { words, pathStart, pathEnd } = found.attributes;
  return `/${found.netMask} via ${formatAddress(found.nextHop)} path ${words.subarray(pathStart, pathEnd).join(" ")}`;
}

Deno.test("Station understands GoBGP", () => {
  const { rib, station, reporter } = newStation();
  const frames = new FrameBuffer();
  for (const message of messages) frames.push(message);
  const handle = (count: number) => {
    for (let i = 0; i < count; i++) assert.equal(station.handle(frames.next()!), true);
  };
  handle(7); // initiation, peer up, five updates
  assert.equal(find(rib, "198.51.100.1"), "/24 via 203.0.113.1 path 65001 64500 64501 64502");
  assert.equal(find(rib, "198.51.100.1", "203.0.113.2"), "/24 via 203.0.113.2 path 65001 64510");
  assert.equal(find(rib, "2001:db8:1::7"), "/48 via 2001:db8::1 path 65001 64520");
  assert.equal(find(rib, "10.1.2.3"), "/16 via 203.0.113.3 path 65001");
  assert.equal(find(rib, "10.2.0.3"), "/24 via 127.0.0.1 path 65001");
  const found = newFoundRoute();
  rib.find(parseAddressWords("198.51.100.1")!, 0, null, 0, found);
  const { words, pathEnd, communitiesEnd } = found.attributes;
  assert.deepEqual([...words.subarray(pathEnd, communitiesEnd)], [
    (65_001 << 16 | 100) >>> 0,
    (65_001 << 16 | 200) >>> 0,
  ]);
  assert.deepEqual([...words.subarray(communitiesEnd)], [65_001, 1, 2]);
  handle(1); // the route of IPv6 is withdrawn
  assert.deepEqual([find(rib, "2001:db8:1::7"), rib.size], [undefined, 4]);
  handle(1); // the peer is down
  assert.deepEqual([find(rib, "198.51.100.1"), station.peers, frames.messages], [undefined, 0, 0]);
  assert.doesNotMatch(reporter.metrics.text(), /bmp_(?:errors|ignored_updates|ignored_nlri)_total\{/);
});

Deno.test("Station keeps to its filters with the routes of GoBGP", () => {
  const rib = new Rib();
  const reporter = recordingReporter();
  const settings = readRoutingSettings(Section.of({ provider: { rds: ["65001:100"], rts: ["65001:5"] } }))!;
  const station = new Station("127.0.0.2", settings, { rib, metrics: newBmpMetrics(reporter.metrics), reporter });
  for (const message of messages.slice(0, 7)) station.handle(message);
  assert.deepEqual([rib.size, find(rib, "10.1.2.3")], [1, "/16 via 203.0.113.3 path 65001"]);
});

Deno.test("Station answers wherever the messages of GoBGP are cut or changed", () => {
  for (const [index, message] of messages.entries()) {
    for (let at = 6; at < message.length; at++) {
      const { rib, station } = newStation();
      station.handle(messages[0]!);
      if (index > 1) station.handle(messages[1]!);
      station.handle(message.slice(0, at));
      const changed = message.slice();
      changed[at] = changed[at]! ^ 0xff;
      station.handle(changed);
      assert.ok(rib.size <= 100);
    }
  }
});
