import assert from "node:assert/strict";
import { Section } from "../../config/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { formatAddress, parseAddressWords } from "../address.ts";
import { newFoundRoute } from "../enrich/routing.ts";
import { newBmpMetrics } from "./bmp_metrics.ts";
import { bmpMessage, initiation, type Modes, peerDown, peerUp, routeMonitoring, statistics } from "./bmp_testing.ts";
import { readRoutingSettings } from "./config.ts";
import { FrameBuffer } from "./frame_buffer.ts";
import { Afi, Safi } from "./nlri.ts";
import { Rib } from "./rib.ts";
import { parseDistinguisher } from "./route_filter.ts";
import { Station } from "./station.ts";

function newStation(provider: object = {}) {
  const rib = new Rib();
  const reporter = recordingReporter();
  const settings = readRoutingSettings(Section.of({ provider: { type: "bmp", ...provider } }))!;
  const station = new Station("192.0.2.100", settings, { rib, metrics: newBmpMetrics(reporter.metrics), reporter });
  const count = (name: string, labels: object = {}) =>
    reporter.metrics.counter(`limier_outlet_routing_provider_bmp_${name}_total`, "x").value({
      exporter: "192.0.2.100",
      ...labels,
    });
  return { rib, station, count };
}

/** What flows learn of an address. */
function find(rib: Rib, address: string) {
  const found = newFoundRoute();
  if (!rib.find(parseAddressWords(address)!, 0, null, 0, found)) return undefined;
  const { words, pathStart, pathEnd, communitiesEnd } = found.attributes;
  return {
    asn: found.asn,
    mask: found.netMask,
    nextHop: formatAddress(found.nextHop),
    path: [...words.subarray(pathStart, pathEnd)],
    communities: [...words.subarray(pathEnd, communitiesEnd)],
    large: [...words.subarray(communitiesEnd)],
  };
}

const PEER = { address: "192.0.2.1", asn: 64_500 };
const UPDATE = {
  announced: [{ prefix: "198.51.100.0/24" }],
  nextHop: "203.0.113.1",
  asPath: [[2, [64_500, 64_501]]] as [number, number[]][],
  communities: [1, 2],
  largeCommunities: [64_500, 5, 6],
};

Deno.test("Station takes routes in and gives them up with their peer", () => {
  const { rib, station, count } = newStation();
  for (const message of [initiation(), peerUp(PEER), statistics(PEER), routeMonitoring(PEER, UPDATE)]) {
    assert.equal(station.handle(message), true);
  }
  assert.deepEqual(find(rib, "198.51.100.7"), {
    asn: 64_501,
    mask: 24,
    nextHop: "203.0.113.1",
    path: [64_500, 64_501],
    communities: [1, 2],
    large: [64_500, 5, 6],
  });
  assert.deepEqual([station.peers, station.routes], [1, 1]);
  station.handle(routeMonitoring(PEER, { withdrawn: [{ prefix: "198.51.100.0/24" }] }));
  assert.equal(find(rib, "198.51.100.7"), undefined);
  station.handle(routeMonitoring(PEER, UPDATE));
  assert.equal(station.handle(peerDown(PEER)), true);
  assert.equal(find(rib, "198.51.100.7"), undefined);
  assert.deepEqual([station.peers, count("prefixes_added"), count("prefixes_removed"), count("removed_peers")], [
    0,
    2,
    2,
    1,
  ]);
  assert.equal(count("received_messages", { type: "route monitoring" }), 3);
});

Deno.test("Station ends without an initiation, with a malformed one, and at a termination", () => {
  assert.equal(newStation().station.handle(peerUp(PEER)), false);
  assert.equal(newStation().station.handle(bmpMessage(4, new Uint8Array([0, 2, 0, 9]))), false);
  const { station, count } = newStation();
  assert.equal(station.handle(initiation()), true);
  assert.equal(station.handle(bmpMessage(9, new Uint8Array(4))), true);
  assert.equal(station.handle(bmpMessage(5, new Uint8Array(4))), false);
  assert.equal(count("errors", { error: "unknown message type" }), 1);
});

Deno.test("Station makes a peer of routes that come without one, and tells peers apart", () => {
  const { rib, station } = newStation();
  station.handle(initiation());
  const peers = [PEER, { ...PEER, distinguisher: 1n }, { ...PEER, asn: 5 }, { ...PEER, address: "2001:db8::1" }];
  for (const peer of peers) station.handle(routeMonitoring(peer, UPDATE));
  for (const peer of peers) station.handle(routeMonitoring({ ...peer, flags: 0x40 }, UPDATE));
  assert.deepEqual([station.peers, rib.size, rib.prefixes], [4, 4, 1]);
  station.handle(peerUp(PEER)); // a session that is up again begins without routes
  while (rib.sweep(100));
  assert.deepEqual([station.peers, rib.size], [4, 3]);
});

Deno.test("Station takes the peer's AS for an empty path, and paths of two octets", () => {
  const { rib, station } = newStation();
  station.handle(initiation());
  station.handle(routeMonitoring(PEER, { ...UPDATE, asPath: [] }));
  assert.equal(find(rib, "198.51.100.7")!.asn, 64_500);
  station.handle(routeMonitoring({ ...PEER, flags: 0x20 }, { ...UPDATE, asPath: [[2, [7, 8]]], hasShortAs: true }));
  assert.deepEqual(find(rib, "198.51.100.7")!.path, [7, 8]);
});

const both: Modes = [[Afi.ipv4, Safi.unicast, 3], [Afi.ipv6, Safi.unicast, 1]];
for (const isExtended of [false, true]) {
  Deno.test(`Station learns of path ids in ${isExtended ? "extended" : "plain"} parameters`, () => {
    const { rib, station } = newStation();
    station.handle(initiation());
    station.handle(peerUp(PEER, both, both, isExtended));
    const announced = [{ prefix: "198.51.100.0/24", pathId: 1 }, { prefix: "198.51.100.0/24", pathId: 2 }];
    station.handle(routeMonitoring(PEER, { ...UPDATE, announced }));
    assert.equal(rib.size, 2);
    // Of IPv6 neither said that it sends them.
    const reach = {
      afi: Afi.ipv6,
      safi: Safi.unicast,
      nextHop: "2001:db8::1",
      prefixes: [{ prefix: "2001:db8:1::/48" }],
    };
    station.handle(routeMonitoring(PEER, { reach }));
    assert.equal(find(rib, "2001:db8:1::5")!.nextHop, "2001:db8::1");
  });
}

Deno.test("Station collects only what it is told to", () => {
  const { rib, station } = newStation({ collect_asns: false, collect_aspaths: false, collect_communities: false });
  station.handle(initiation());
  station.handle(routeMonitoring(PEER, UPDATE));
  const { asn, path, communities, large } = find(rib, "198.51.100.7")!;
  assert.deepEqual([asn, path, communities, large], [0, [], [], []]);
});

Deno.test("Station keeps routes with the accepted distinguishers and targets only", () => {
  const { rib, station } = newStation({ rds: ["65000:100"], rts: ["65000:1", "10.0.0.1:5"] });
  station.handle(initiation());
  const prefixes = (rd: bigint) => [{ prefix: "10.0.0.0/24", labels: [0x11], rd }];
  const send = (rd: bigint, target: string) =>
    station.handle(routeMonitoring(PEER, {
      reach: { afi: Afi.ipv4, safi: Safi.vpn, nextHop: "203.0.113.1", prefixes: prefixes(rd) },
      extendedCommunities: target,
    }));
  send(0xfde8_0000_0064n, "0002fde800000002"); // another target
  send(0xfde8_0000_0065n, "0002fde800000001"); // another distinguisher
  assert.equal(rib.size, 0);
  send(0xfde8_0000_0064n, "01020a0000010005");
  assert.equal(rib.size, 1);
  send(0xfde8_0000_0064n, "0002fde800000002"); // it has another target now
  assert.equal(rib.size, 0);
  station.handle(routeMonitoring(PEER, UPDATE)); // no distinguisher, no target
  assert.equal(rib.size, 0);
  const open = newStation({ rds: ["0"], rts: [0] });
  open.station.handle(initiation());
  open.station.handle(routeMonitoring(PEER, UPDATE));
  assert.equal(open.rib.size, 1);
});

const distinguishers: [text: string, value: bigint | undefined][] = [
  ["0", 0n],
  ["18446744073709551615", (1n << 64n) - 1n],
  ["18446744073709551616", undefined],
  ["65000:100", 0xfde8_0000_0064n],
  ["65536:100", 2n << 48n | 65_536n << 16n | 100n],
  ["192.0.2.1:5", 1n << 48n | 0xc000_0201n << 16n | 5n],
  ["2:65000:5", 2n << 48n | 65_000n << 16n | 5n],
  ["0:65536:5", undefined],
  ["3:1:1", undefined],
  ["65536:65536", undefined],
  ["a:b", undefined],
  ["1:2:3:4", undefined],
  ["", undefined],
];
for (const [text, value] of distinguishers) {
  Deno.test(`parseDistinguisher() reads ${JSON.stringify(text)}`, () => assert.equal(parseDistinguisher(text), value));
}

Deno.test("Station counts what it can't read and goes on", () => {
  const { rib, station, count } = newStation();
  station.handle(initiation());
  const peer = routeMonitoring(PEER, UPDATE);
  assert.equal(station.handle(peer.slice(0, 40)), true);
  assert.equal(
    station.handle(routeMonitoring(PEER, { announced: UPDATE.announced, raw: new Uint8Array([0x40, 1, 1, 3]) })),
    true,
  );
  assert.equal(station.handle(peerUp(PEER).slice(0, 90)), true);
  assert.equal(station.handle(peerDown({ ...PEER, asn: 1 })), true);
  assert.equal(count("errors", { error: "malformed peer header" }), 1);
  assert.equal(count("ignored_updates", { error: "malformed origin" }), 1);
  assert.equal(count("errors", { error: "malformed peer up" }), 1);
  assert.equal(count("errors", { error: "unknown peer down" }), 1);
  assert.equal(rib.size, 0);
  station.handle(peer);
  assert.equal(rib.size, 1);
});

Deno.test("FrameBuffer cuts a stream wherever its pieces end", () => {
  const messages = [initiation(), peerUp(PEER), routeMonitoring(PEER, UPDATE), peerDown(PEER)];
  const stream = new Uint8Array(messages.flatMap((message) => [...message]));
  for (const size of [1, 7, 100, stream.length]) {
    const frames = new FrameBuffer();
    const got: string[] = [];
    for (let round = 0; round < 2000; round++) {
      for (let at = 0; at < stream.length; at += size) frames.push(stream.subarray(at, at + size));
      for (let message = frames.next(); message !== undefined; message = frames.next()) got.push(message.toHex());
      if (size < 100) break;
    }
    assert.deepEqual(got.slice(0, 4), messages.map((message) => message.toHex()));
    assert.equal(got.length % 4, 0);
    assert.equal(frames.size, 0);
  }
});

for (
  const [bytes, fault] of [
    [[2, 0, 0, 0, 6, 4], "unsupported version"],
    [[3, 0, 0, 0, 5, 4], "message too short"],
    [[3, 0, 0x10, 0, 1, 4], "message too long"],
    [[3, 255, 255, 255, 255, 4], "message too long"],
  ] as const
) {
  Deno.test(`FrameBuffer refuses a ${fault}: ${bytes}`, () => {
    const frames = new FrameBuffer();
    frames.push(initiation());
    frames.push(new Uint8Array(bytes));
    assert.equal(frames.fault, fault);
    assert.equal(frames.messages, 1); // what came before is good
    assert.equal(frames.push(initiation()), 0);
  });
}

Deno.test("Station answers whatever the octets of its messages", () => {
  let state = 5;
  const random = (below: number) => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 >>> 0;
    return (state >>> 9) % below;
  };
  const vpn = { afi: Afi.ipv6, safi: Safi.vpn, nextHop: "2001:db8::1" };
  const seeds = [
    initiation(),
    peerUp(PEER, both, both),
    peerUp(PEER, both, both, true),
    routeMonitoring(PEER, UPDATE),
    routeMonitoring(PEER, { withdrawn: [{ prefix: "198.51.100.0/24" }], announced: [{ prefix: "0.0.0.0/0" }] }),
    routeMonitoring(PEER, {
      ...UPDATE,
      reach: { ...vpn, prefixes: [{ prefix: "2001:db8::/64", labels: [16, 17], rd: 1n }] },
    }),
    routeMonitoring(PEER, {
      reach: { afi: 25, safi: 70, nextHop: "192.0.2.1", prefixes: [{ prefix: "10.0.0.0/24", rd: 7n }] },
      extendedCommunities: "0002fde800000001",
    }),
    routeMonitoring(PEER, { unreach: { ...vpn, prefixes: [{ prefix: "2001:db8::/64", labels: [17], rd: 1n }] } }),
    peerDown(PEER),
    statistics(PEER),
  ];
  const { rib, station } = newStation();
  for (let turn = 0; turn < 30_000; turn++) {
    const message = seeds[random(seeds.length)]!.slice();
    for (let i = random(4); i > 0; i--) message[6 + random(message.length - 6)] = random(3) === 0 ? 255 : random(256);
    const cut = random(5) === 0 ? message.subarray(0, 6 + random(message.length - 6)) : message;
    station.handle(cut);
    if (turn % 97 === 0) rib.sweep(10);
  }
  assert.ok(station.peers > 0);
  station.removeAll();
  while (rib.sweep(1000));
  assert.deepEqual([rib.size, rib.prefixes, rib.attributes.size], [0, 0, 0]);
});
