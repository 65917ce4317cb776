import assert from "node:assert/strict";
import { ipv6Test, linuxTest } from "../testing.ts";
import { DiagDumper } from "./diag_dumper.ts";
import { type DenyRule, encodeDenyFilter } from "./diag_filter.ts";
import type { DiagFamily } from "./diag_request.ts";

const loopback = Uint8Array.of(127, 0, 0, 0);
const one = new Uint8Array(16).fill(1, 15);

const programs: [what: string, family: DiagFamily, rules: DenyRule[], hex: string][] = [
  ["a local port", 2, [{ end: "local", port: 443 }], "0b080c000000bb0101040800"],
  ["a remote port", 2, [{ end: "remote", port: 65535 }], "0c080c000000ffff01040800"],
  [
    "a remote prefix",
    2,
    [{ end: "remote", address: loopback, prefixBits: 8 }],
    "0810140002080000ffffffff7f00000001040800",
  ],
  [
    "both ends in a prefix",
    2,
    [{ end: "local", address: loopback, prefixBits: 8 }, { end: "remote", address: loopback, prefixBits: 8 }],
    "0710140002080000ffffffff7f00000001041c000810140002080000ffffffff7f00000001040800",
  ],
  [
    "an IPv6 address, and a prefix of mapped ones",
    10,
    [{ end: "remote", address: one, prefixBits: 128 }, { end: "remote", address: loopback, prefixBits: 8 }],
    "081c20000a800000ffffffff0000000000000000000000000000000101041c000810140002080000ffffffff7f00000001040800",
  ],
  [
    "only what the family can have",
    2,
    [{ end: "remote", address: one, prefixBits: 128 }, { end: "local", port: 443 }],
    "0b080c000000bb0101040800",
  ],
];

for (const [what, family, rules, hex] of programs) {
  Deno.test(`encodeDenyFilter() leaves out ${what}`, () => {
    assert.equal(encodeDenyFilter(family, rules)?.toHex(), hex);
  });
}

Deno.test("encodeDenyFilter() makes no program of nothing", () => {
  assert.equal(encodeDenyFilter(2, []), undefined);
  assert.equal(encodeDenyFilter(2, [{ end: "local", address: one, prefixBits: 128 }]), undefined);
});

const refused: [what: string, rule: DenyRule][] = [
  ["port 65536", { end: "local", port: 65536 }],
  ["port -1", { end: "local", port: -1 }],
  ["port 1.5", { end: "local", port: 1.5 }],
  ["an address of 5 bytes", { end: "local", address: new Uint8Array(5), prefixBits: 8 }],
  ["a prefix of 0 bits", { end: "local", address: loopback, prefixBits: 0 }],
  ["a prefix of 33 bits", { end: "local", address: loopback, prefixBits: 33 }],
  ["a prefix of 129 bits", { end: "local", address: one, prefixBits: 129 }],
];
for (const [what, rule] of refused) {
  Deno.test(`encodeDenyFilter() refuses ${what}`, () => {
    assert.throws(() => encodeDenyFilter(10, [rule]), RangeError);
  });
}

Deno.test("encodeDenyFilter() refuses more than a request holds", () => {
  const rules = (count: number) => Array.from({ length: count }, (_, port): DenyRule => ({ end: "local", port }));
  assert.equal(encodeDenyFilter(2, rules(5460))?.length, 65520);
  assert.throws(() => encodeDenyFilter(2, rules(5461)), /65531/);
});

/** Local ports of what a dumper shows. */
function portsOf(dumper: DiagDumper): Set<number> {
  assert.equal(dumper.dump().status, "complete");
  const ports = new Set<number>();
  for (let i = 0; i < dumper.count; i++) {
    const at = dumper.start(i) + 4;
    ports.add(dumper.bytes[at]! << 8 | dumper.bytes[at + 1]!);
  }
  return ports;
}

linuxTest("the kernel leaves out what a filter says, and nothing else", () => {
  using kept = Deno.listen({ hostname: "127.0.0.2", port: 0 });
  using byPort = Deno.listen({ hostname: "127.0.0.2", port: 0 });
  using byAddress = Deno.listen({ hostname: "127.0.0.3", port: 0 });
  const filter = encodeDenyFilter(2, [
    { end: "local", port: byPort.addr.port },
    { end: "local", address: Uint8Array.of(127, 0, 0, 3), prefixBits: 32 },
  ]);
  using plain = new DiagDumper({ family: 2 });
  const all = portsOf(plain);
  for (const { addr } of [kept, byPort, byAddress]) assert.ok(all.has(addr.port));
  using filtering = new DiagDumper({ family: 2, filter });
  const some = portsOf(filtering);
  assert.ok(filtering.filters);
  assert.ok(some.has(kept.addr.port));
  assert.ok(!some.has(byPort.addr.port) && !some.has(byAddress.addr.port));
});

ipv6Test("a filter of IPv4 prefixes leaves out mapped sockets of AF_INET6", () => {
  using mapped = Deno.listen({ hostname: "::ffff:127.0.0.4", port: 0 });
  const filter = encodeDenyFilter(10, [{ end: "local", address: Uint8Array.of(127, 0, 0, 4), prefixBits: 32 }]);
  using plain = new DiagDumper({ family: 10 });
  assert.ok(portsOf(plain).has(mapped.addr.port));
  using filtering = new DiagDumper({ family: 10, filter });
  assert.ok(!portsOf(filtering).has(mapped.addr.port));
});
