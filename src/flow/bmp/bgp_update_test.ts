import assert from "node:assert/strict";
import { formatAddress } from "../address.ts";
import { encodeUpdate, type TestPrefix, type TestUpdate } from "./bmp_testing.ts";
import { BgpUpdate, type UpdateContext } from "./bgp_update.ts";
import { Afi, type NlriList, Safi } from "./nlri.ts";

const PLAIN: UpdateContext = { hasShortAs: false, hasPathIds: () => false };

/** `192.0.2.0/120`, with what else identifies it. */
function shown(list: NlriList): string[] {
  return Array.from({ length: list.count }, (_, i) => {
    const rd = BigInt(list.rds[2 * i]!) << 32n | BigInt(list.rds[2 * i + 1]!);
    const more = [list.pathIds[i] && `path ${list.pathIds[i]}`, rd && `rd ${rd}`].filter(Boolean).join(" ");
    return `${formatAddress(list.words, 4 * i)}/${list.lengths[i]}${more && ` ${more}`}`;
  });
}

function parse(update: TestUpdate, context = PLAIN): BgpUpdate {
  const bytes = encodeUpdate(update);
  const parsed = new BgpUpdate();
  assert.equal(parsed.parse(bytes, 0, bytes.length, context), undefined);
  return parsed;
}

Deno.test("BgpUpdate.parse() reads prefixes and attributes of IPv4", () => {
  const parsed = parse({
    withdrawn: [{ prefix: "198.51.100.0/24" }, { prefix: "0.0.0.0/0" }],
    announced: [{ prefix: "192.0.2.0/25" }, { prefix: "203.0.113.7/32" }],
    nextHop: "192.0.2.254",
    asPath: [[2, [64_500, 4_200_000_001]], [1, [64_502, 64_503]], [3, [64_504]]],
    communities: [4_227_072_001, 2],
    largeCommunities: [64_500, 1, 2, 64_501, 3, 4],
  });
  assert.deepEqual(shown(parsed.withdrawn), ["198.51.100.0/120", "0.0.0.0/96"]);
  assert.deepEqual(shown(parsed.announced), ["192.0.2.0/121", "203.0.113.7/128"]);
  assert.equal(formatAddress(parsed.nextHop), "192.0.2.254");
  assert.deepEqual([...parsed.asPath.words.subarray(0, parsed.asPath.length)], [64_500, 4_200_000_001, 64_502, 64_504]);
  assert.deepEqual([...parsed.communities.words.subarray(0, parsed.communities.length)], [4_227_072_001, 2]);
  assert.equal(parsed.largeCommunities.length, 6);
});

const families: [what: string, afi: number, safi: number, nextHop: string, prefixes: TestPrefix[], shown: string[]][] =
  [
    ["IPv6", Afi.ipv6, Safi.unicast, "2001:db8::1", [{ prefix: "2001:db8:1::/48" }, { prefix: "::/0" }], [
      "2001:db8:1::/48",
      "::/0",
    ]],
    ["labelled IPv4", Afi.ipv4, Safi.labelled, "192.0.2.1", [{ prefix: "198.51.100.0/24", labels: [0x10, 0x21] }], [
      "198.51.100.0/120",
    ]],
    ["labelled IPv6", Afi.ipv6, Safi.labelled, "2001:db8::1", [{ prefix: "2001:db8::/33", labels: [0x31] }], [
      "2001:db8::/33",
    ]],
    ["VPN of IPv4", Afi.ipv4, Safi.vpn, "192.0.2.1", [{ prefix: "10.0.0.0/9", labels: [0x11], rd: 5n }], [
      "10.0.0.0/105 rd 5",
    ]],
    ["VPN of IPv6", Afi.ipv6, Safi.vpn, "2001:db8::1", [{ prefix: "2001:db8::/64", labels: [0x11], rd: 1n << 40n }], [
      `2001:db8::/64 rd ${1n << 40n}`,
    ]],
    ["EVPN", Afi.l2vpn, Safi.evpn, "192.0.2.1", [
      { prefix: "10.0.0.0/24", rd: 7n },
      { prefix: "2001:db8::/64", rd: 8n },
    ], ["10.0.0.0/120 rd 7", "2001:db8::/64 rd 8"]],
  ];
for (const [what, afi, safi, nextHop, prefixes, want] of families) {
  Deno.test(`BgpUpdate.parse() reads prefixes of ${what}`, () => {
    const { mpAnnounced, mpNextHop } = parse({ reach: { afi, safi, nextHop, prefixes } });
    assert.deepEqual(shown(mpAnnounced), want);
    assert.equal(formatAddress(mpNextHop), nextHop);
    assert.deepEqual(shown(parse({ unreach: { afi, safi, prefixes } }).withdrawn), want);
  });
}

Deno.test("BgpUpdate.parse() reads path ids where the peers agreed on them", () => {
  const context = { hasShortAs: false, hasPathIds: (afi: number) => afi === Afi.ipv4 };
  const prefixes = [{ prefix: "192.0.2.0/24", pathId: 5 }, { prefix: "192.0.2.0/24", pathId: 6 }];
  assert.deepEqual(shown(parse({ announced: prefixes }, context).announced), [
    "192.0.2.0/120 path 5",
    "192.0.2.0/120 path 6",
  ]);
});

Deno.test("BgpUpdate.parse() reads AS numbers of two octets, labels that are withdrawn, route targets", () => {
  const context = { hasShortAs: true, hasPathIds: () => false };
  const { asPath } = parse({ asPath: [[2, [64_500, 23_456]]], hasShortAs: true }, context);
  assert.deepEqual([...asPath.words.subarray(0, asPath.length)], [64_500, 23_456]);
  const unreach = { afi: Afi.ipv4, safi: Safi.labelled, prefixes: [{ prefix: "192.0.2.0/24", labels: [0x80_0000] }] };
  assert.deepEqual(shown(parse({ unreach }).withdrawn), ["192.0.2.0/120"]);
  const { routeTargets } = parse({ extendedCommunities: "0002fde80000006401020a00000100054302ffff00000001" });
  assert.deepEqual([...routeTargets.words.subarray(0, routeTargets.length)], [0xfde8, 100, 0x1_0a00, 0x1_0005]);
});

Deno.test("BgpUpdate.parse() leaves out families that it does not know", () => {
  const reach = { afi: Afi.ipv4, safi: 133, nextHop: "192.0.2.1", prefixes: [{ prefix: "192.0.2.0/24" }] };
  const parsed = parse({ reach, announced: [{ prefix: "198.51.100.0/24" }] });
  assert.deepEqual(parsed.ignoredFamilies, ["1/133"]);
  assert.deepEqual([parsed.mpAnnounced.count, parsed.announced.count], [0, 1]);
});

const malformed: [what: string, update: TestUpdate, fault: string][] = [
  ["an origin of two octets", { raw: new Uint8Array([0x40, 1, 2, 0, 0]) }, "malformed origin"],
  ["origin 3", { raw: new Uint8Array([0x40, 1, 1, 3]) }, "malformed origin"],
  ["a path cut short", { raw: new Uint8Array([0x40, 2, 5, 2, 2, 0, 0, 1]) }, "malformed AS path"],
  ["an empty segment", { raw: new Uint8Array([0x40, 2, 2, 2, 0]) }, "malformed AS path"],
  ["segment type 9", { raw: new Uint8Array([0x40, 2, 6, 9, 1, 0, 0, 0, 1]) }, "malformed AS path"],
  ["a next hop of 5", { raw: new Uint8Array([0x40, 3, 5, 1, 2, 3, 4, 5]) }, "malformed next hop"],
  ["communities of 5 octets", { raw: new Uint8Array([0xc0, 8, 5, 1, 2, 3, 4, 5]) }, "malformed communities"],
  [
    "large communities of 8 octets",
    { raw: new Uint8Array([0xc0, 32, 8, 1, 2, 3, 4, 5, 6, 7, 8]) },
    "malformed communities",
  ],
  ["extended communities of 4", { extendedCommunities: "00020001" }, "malformed communities"],
  ["an attribute past the end", { raw: new Uint8Array([0x40, 3, 9, 1]) }, "malformed attributes"],
  ["a head of two octets", { raw: new Uint8Array([0x40, 3]) }, "malformed attributes"],
  ["MP_REACH twice", {
    reach: { afi: 2, safi: 1, nextHop: "2001:db8::1", prefixes: [] },
    raw: new Uint8Array([0x80, 14, 5, 0, 2, 1, 0, 0]),
  }, "malformed MP_REACH_NLRI"],
  [
    "a next hop of 3 octets in MP_REACH",
    { raw: new Uint8Array([0x80, 14, 8, 0, 2, 1, 3, 1, 2, 3, 0]) },
    "malformed MP_REACH_NLRI",
  ],
  ["MP_UNREACH of one octet", { raw: new Uint8Array([0x80, 15, 1, 0]) }, "malformed MP_UNREACH_NLRI"],
  [
    "a prefix of 33 bits",
    { raw: new Uint8Array([0x80, 15, 9, 0, 1, 1, 33, 1, 2, 3, 4, 5]) },
    "malformed MP_UNREACH_NLRI",
  ],
  ["a label that is no label", { raw: new Uint8Array([0x80, 15, 5, 0, 1, 4, 8, 1]) }, "malformed MP_UNREACH_NLRI"],
];
for (const [what, update, fault] of malformed) {
  Deno.test(`BgpUpdate.parse() refuses ${what}`, () => {
    const bytes = encodeUpdate(update);
    assert.equal(new BgpUpdate().parse(bytes, 0, bytes.length, PLAIN), fault);
  });
}

Deno.test("BgpUpdate.parse() takes the first of an attribute that comes twice", () => {
  const raw = new Uint8Array([0x40, 3, 4, 203, 0, 113, 9]);
  assert.equal(formatAddress(parse({ nextHop: "192.0.2.1", raw }).nextHop), "192.0.2.1");
});

Deno.test("BgpUpdate.parse() answers wherever a message is cut", () => {
  const bytes = encodeUpdate({
    withdrawn: [{ prefix: "198.51.100.0/24" }],
    announced: [{ prefix: "192.0.2.0/25" }],
    nextHop: "192.0.2.254",
    asPath: [[2, [64_500]]],
    reach: {
      afi: Afi.ipv6,
      safi: Safi.vpn,
      nextHop: "2001:db8::1",
      prefixes: [{ prefix: "2001:db8::/64", labels: [17], rd: 1n }],
    },
  });
  const update = new BgpUpdate();
  for (let end = 0; end < bytes.length; end++) assert.equal(update.parse(bytes, 0, end, PLAIN), "malformed message");
  for (let end = 23; end < bytes.length; end++) {
    const cut = bytes.slice(0, end);
    cut[16] = end >> 8;
    cut[17] = end & 255;
    update.parse(cut, 0, end, PLAIN); // whatever it says, it says something
    assert.ok(update.announced.count <= 1);
  }
});
