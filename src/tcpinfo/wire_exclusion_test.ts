import assert from "node:assert/strict";
import { DiagDumper, type DiagFamily, encodeSocketAddress } from "../linux/mod.ts";
import { Refusal, SocketMessage } from "./wire.ts";
import { Excluded, Exclusion, EXCLUSION_REASONS, type ExclusionOptions } from "./wire_exclusion.ts";

const NOTHING: ExclusionOptions = { local: false, sourcePorts: [], destinations: [] };

/** A socket between two addresses of the family of the first. */
function socket(source: string, sourcePort: number, destination: string): SocketMessage {
  const bytes = new Uint8Array(72);
  const [from, to] = [source, destination].map((hostname) => encodeSocketAddress({ hostname, port: 0 }));
  const isV6 = from!.length === 28;
  bytes[0] = isV6 ? 10 : 2;
  new DataView(bytes.buffer).setUint16(4, sourcePort);
  bytes.set(isV6 ? from!.subarray(8, 24) : from!.subarray(4, 8), 8);
  bytes.set(isV6 ? to!.subarray(8, 24) : to!.subarray(4, 8), 24);
  const message = new SocketMessage();
  assert.equal(message.load(bytes, 0, 72), Refusal.none);
  return message;
}

const away = ["192.0.2.10", "198.51.100.23"] as const;
const away6 = ["2001:db8::10", "2001:db8:1::2"] as const;

const localAddresses: [address: string, isLocal: boolean][] = [
  ["127.0.0.1", true],
  ["127.255.255.255", true],
  ["126.255.255.255", false],
  ["128.0.0.0", false],
  ["169.254.0.1", true],
  ["169.253.0.1", false],
  ["169.255.0.1", false],
  ["224.0.0.1", true],
  ["239.255.255.255", true],
  ["223.255.255.255", false],
  ["240.0.0.1", false],
  ["0.0.0.0", true],
  ["0.0.0.1", false],
  ["10.0.0.1", false],
  ["192.168.1.1", false],
  ["::1", true],
  ["::", true],
  ["::2", false],
  ["1::1", false],
  ["fe80::1", true],
  ["febf:ffff::1", true],
  ["fec0::1", false],
  ["fe7f::1", false],
  ["ff02::1", true],
  ["fd00::1", false],
  ["::ffff:127.0.0.1", true],
  ["::ffff:169.254.9.9", true],
  ["::ffff:0.0.0.0", true],
  ["::ffff:224.0.0.1", true],
  ["::ffff:192.0.2.1", false],
  ["::fffe:127.0.0.1", false],
];
for (const [address, isLocal] of localAddresses) {
  Deno.test(`Exclusion of local ends ${isLocal ? "leaves out" : "keeps"} ${address} at either end`, () => {
    const exclusion = new Exclusion({ ...NOTHING, local: true });
    const other = address.includes(":") ? away6[0] : away[0];
    const expected = isLocal ? Excluded.local : Excluded.no;
    assert.equal(exclusion.reason(socket(address, 1, other)), expected);
    assert.equal(exclusion.reason(socket(other, 1, address)), expected);
    assert.equal(new Exclusion(NOTHING).reason(socket(address, 1, other)), Excluded.no);
  });
}

Deno.test("Exclusion goes by the local port, also above 32767", () => {
  const exclusion = new Exclusion({ ...NOTHING, sourcePorts: [443, 65535] });
  assert.equal(exclusion.reason(socket(away[0], 443, away[1])), Excluded.sourcePort);
  assert.equal(exclusion.reason(socket(away6[0], 65535, away6[1])), Excluded.sourcePort);
  assert.equal(exclusion.reason(socket(away[0], 444, away[1])), Excluded.no);
});

for (const literal of ["198.51.100.23", "::ffff:198.51.100.23"]) {
  Deno.test(`Exclusion of destination ${literal} knows both of its forms`, () => {
    const exclusion = new Exclusion({ ...NOTHING, destinations: [literal] });
    assert.equal(exclusion.reason(socket(away[0], 1, "198.51.100.23")), Excluded.destination);
    assert.equal(exclusion.reason(socket("::ffff:192.0.2.1", 1, "::ffff:198.51.100.23")), Excluded.destination);
    assert.equal(exclusion.reason(socket("198.51.100.23", 1, away[0])), Excluded.no);
    assert.equal(exclusion.reason(socket(away[0], 1, "198.51.100.24")), Excluded.no);
  });
}

Deno.test("Exclusion compares whole IPv6 destinations", () => {
  const exclusion = new Exclusion({ ...NOTHING, destinations: ["2001:db8:1::2", "2001:db8::9"] });
  assert.equal(exclusion.reason(socket(away6[0], 1, "2001:db8::9")), Excluded.destination);
  assert.equal(exclusion.reason(socket(away6[0], 1, "2001:db8::8")), Excluded.no);
  assert.equal(exclusion.reason(socket(away[0], 1, away[1])), Excluded.no);
});

Deno.test("Exclusion gives the first reason, and skips what is no address", () => {
  const exclusion = new Exclusion({ local: true, sourcePorts: [1], destinations: ["127.0.0.1", "x", "1.2.3"] });
  assert.deepEqual(exclusion.refused, ["x", "1.2.3"]);
  assert.equal(EXCLUSION_REASONS[exclusion.reason(socket("127.0.0.1", 1, "127.0.0.1"))], "srcport");
  assert.equal(EXCLUSION_REASONS[exclusion.reason(socket("127.0.0.1", 2, "127.0.0.1"))], "local");
});

Deno.test("kernelFilter() is there where something is left out, and it fits", () => {
  assert.equal(new Exclusion(NOTHING).kernelFilter(2), undefined);
  assert.equal(new Exclusion({ ...NOTHING, destinations: ["2001:db8::9"] }).kernelFilter(2), undefined);
  assert.ok(new Exclusion({ ...NOTHING, destinations: ["2001:db8::9"] }).kernelFilter(10));
  const sourcePorts = Array.from({ length: 6000 }, (_, port) => port);
  assert.equal(new Exclusion({ ...NOTHING, sourcePorts }).kernelFilter(2), undefined);
});

Deno.test({
  name: "the kernel's filter leaves out the sockets that reason() does",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using other = Deno.listen({ hostname: "127.0.0.9", port: 0 });
    using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    using _server = await listener.accept();
    const own = [listener.addr, other.addr, client.localAddr].map((address) => (address as Deno.NetAddr).port);
    const cases: ExclusionOptions[] = [
      NOTHING,
      { ...NOTHING, local: true },
      { ...NOTHING, sourcePorts: [other.addr.port] },
      { ...NOTHING, destinations: ["::ffff:127.0.0.1"] },
      { ...NOTHING, destinations: ["0.0.0.0"] },
      { local: true, sourcePorts: own, destinations: ["127.0.0.1", "::1"] },
    ];
    for (const options of cases) {
      const exclusion = new Exclusion(options);
      const kept = (filter: Uint8Array | undefined) => ports(2, exclusion, filter).filter((port) => own.includes(port));
      assert.deepEqual(kept(exclusion.kernelFilter(2)), kept(undefined), JSON.stringify(options));
      // What the kernel lets through, nothing more is left out of.
      const all = ports(2, new Exclusion(NOTHING), exclusion.kernelFilter(2)).filter((port) => own.includes(port));
      assert.deepEqual(all, kept(undefined), JSON.stringify(options));
    }
  },
});

/** Local ports of the sockets that are not left out, sorted. */
function ports(family: DiagFamily, exclusion: Exclusion, filter: Uint8Array | undefined): number[] {
  using dumper = new DiagDumper({ family, filter });
  assert.equal(dumper.dump().status, "complete");
  const message = new SocketMessage();
  const found: number[] = [];
  for (let i = 0; i < dumper.count; i++) {
    assert.equal(message.load(dumper.bytes, dumper.start(i), dumper.end(i)), Refusal.none);
    if (exclusion.reason(message) === Excluded.no) found.push(message.sourcePort);
  }
  assert.equal(dumper.filters, filter !== undefined);
  return found.sort((a, b) => a - b);
}
