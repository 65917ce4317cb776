import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Reader } from "maxmind";
import { parseAddressWords } from "../address.ts";
import { GeoDatabase, GeoDatabaseError, type GeoRecord } from "./geo_database.ts";
import { encodeGeoFile, type GeoFile } from "./geo_testing.ts";

const PARIS = {
  city: { names: { en: "Paris", fr: "Paname" } },
  country: { iso_code: "FR" },
  subdivisions: [{ iso_code: "75" }, { iso_code: "IDF" }],
};
const CITIES: GeoFile = {
  entries: [
    ["192.0.0.0/16", { country: { iso_code: "US" } }],
    ["192.0.2.0/24", PARIS],
    ["203.0.113.7/32", { city: { names: { de: "Köln" } }, country: { iso_code: "DE" } }],
    ["2001:db8::/32", { country: { iso_code: "JP" } }],
    ["2001:db8:1::/48", PARIS],
  ],
  aliases: ["2002::/16", "::ffff:0:0/96"],
};

const found: [address: string, record: Partial<GeoRecord> | undefined, length: number][] = [
  ["192.0.2.200", { city: "Paris", state: "75", country: "FR" }, 120],
  ["192.0.3.1", { country: "US" }, 120],
  ["192.0.200.1", { country: "US" }, 113],
  ["203.0.113.7", { country: "DE" }, 128],
  ["203.0.113.8", undefined, 0],
  ["2001:db8:1::5", { city: "Paris", state: "75", country: "FR" }, 48],
  ["2001:db8:2::5", { country: "JP" }, 47],
  ["2002:c000:0200::1", undefined, 0], // 6to4 of 192.0.2.0
  ["::192.0.2.1", undefined, 0],
  ["2003::", undefined, 0],
];
for (const recordBits of [24, 28, 32] as const) {
  Deno.test(`GeoDatabase.find() walks a tree whose records have ${recordBits} bits`, () => {
    const database = new GeoDatabase("x.mmdb", encodeGeoFile({ ...CITIES, recordBits }), Reader);
    for (const [address, record, length] of found) {
      const got = database.find(parseAddressWords(address)!, 0);
      const want = record === undefined ? undefined : { country: "", state: "", city: "", asn: 0, ...record };
      assert.deepEqual(got, want, address);
      if (record !== undefined) assert.equal(database.foundLength, length, address);
    }
  });
}

Deno.test("GeoDatabase.find() reads AS numbers, also as ipinfo writes them", () => {
  const words = parseAddressWords("192.0.2.1")!;
  const maxmind = encodeGeoFile({ entries: [["192.0.2.0/24", { autonomous_system_number: 64_500 }]], ipVersion: 4 });
  assert.equal(new GeoDatabase("x", maxmind, Reader).find(words, 0)!.asn, 64_500);
  assert.equal(new GeoDatabase("x", maxmind, Reader).find(parseAddressWords("2001:db8::")!, 0), undefined);
  const ipinfo = encodeGeoFile({
    entries: [["192.0.2.0/24", { asn: "AS64501", country: "FR", region: "IDF", city: "Paris" }]],
    type: "ipinfo standard_location",
  });
  assert.deepEqual(new GeoDatabase("x", ipinfo, Reader).find(words, 0), {
    asn: 64_501,
    country: "FR",
    state: "IDF",
    city: "Paris",
  });
});

Deno.test("GeoDatabase.find() agrees with the library on random trees", () => {
  let seed = 3;
  const random = (below: number) => (seed = Math.imul(seed, 1_103_515_245) + 12_345 >>> 0, (seed >>> 8) % below);
  const entries = Array.from({ length: 400 }, (_, i) => {
    const length = 9 + random(24);
    return [
      `${10 + random(3)}.${random(4)}.${random(8)}.${random(256)}/${length}`,
      { country: { iso_code: `${i}` } },
      length,
    ];
  }).sort((a, b) => (a[2] as number) - (b[2] as number)).map(([prefix, value]) => [prefix, value] as [string, object]);
  const bytes = encodeGeoFile({ entries: entries as unknown as GeoFile["entries"] });
  const reader = new Reader(Buffer.from(bytes));
  const database = new GeoDatabase("x", bytes, Reader);
  for (let turn = 0; turn < 5000; turn++) {
    const address = `${10 + random(3)}.${random(4)}.${random(8)}.${random(256)}`;
    const [want, length] = reader.getWithPrefixLength(address) as [{ country: { iso_code: string } } | null, number];
    assert.equal(database.find(parseAddressWords(address)!, 0)?.country, want?.country.iso_code, address);
    if (want !== null) assert.equal(database.foundLength, 96 + length, address);
  }
});

const good = encodeGeoFile(CITIES);
const damaged: [what: string, bytes: Uint8Array<ArrayBuffer>][] = [
  ["nothing", new Uint8Array(0)],
  ["noise", new Uint8Array(1000).fill(7)],
  ["metadata alone", good.slice(good.length - 200)],
];
for (const [what, bytes] of damaged) {
  Deno.test(`GeoDatabase refuses ${what}`, () =>
    assert.throws(() => new GeoDatabase("x.mmdb", bytes, Reader), GeoDatabaseError));
}

Deno.test("GeoDatabase.find() answers whatever the octets of its file", () => {
  let seed = 11;
  const random = (below: number) => (seed = Math.imul(seed, 1_103_515_245) + 12_345 >>> 0, (seed >>> 8) % below);
  const addresses = found.map(([address]) => parseAddressWords(address)!);
  for (let turn = 0; turn < 300; turn++) {
    const bytes = good.slice();
    for (let i = 0; i < 20; i++) bytes[random(bytes.length - 300)] = random(256);
    const database = new GeoDatabase("x", bytes, Reader);
    for (const words of addresses) {
      const record = database.find(words, 0);
      if (record !== undefined) assert.equal(typeof record.country, "string");
    }
  }
});
