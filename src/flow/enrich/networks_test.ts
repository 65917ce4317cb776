import assert from "node:assert/strict";
import { Section } from "../../config/mod.ts";
import { parseAddressWords } from "../address.ts";
import { Networks, readNetworks } from "./networks.ts";
import { readSamplingSettings, SamplingRules } from "./sampling.ts";

const networks = new Networks(readNetworks(Section.of({
  networks: {
    "192.0.2.0/25": { role: "servers", city: "Lyon" },
    "192.0.0.0/16": { name: "ours", tenant: "all", country: "FR", asn: 64_500 },
    "192.0.2.0/24": { tenant: "", site: "par3" },
    "2001:db8::/32": "lab",
  },
})));

Deno.test("Networks.find() gives a network what the ones around it have", () => {
  const inner = networks.find(parseAddressWords("192.0.2.5")!, 0)!;
  assert.deepEqual([inner.name, inner.role, inner.site, inner.tenant], ["ours", "servers", "par3", ""]);
  assert.deepEqual([inner.city, inner.cityLength, inner.country, inner.countryLength], ["Lyon", 121, "FR", 112]);
  assert.deepEqual([inner.asn, inner.asnLength, inner.state, inner.stateLength], [64_500, 112, "", -1]);
  assert.equal(networks.find(parseAddressWords("192.0.3.5")!, 0)!.site, "");
  assert.equal(networks.find(parseAddressWords("2001:db8::7")!, 0)!.name, "lab");
  assert.equal(networks.find(parseAddressWords("198.51.100.1")!, 0), undefined);
  assert.equal(networks.size, 4);
});

for (
  const [networks, problem] of [
    [{ "192.0.2.0/33": "x" }, /192\.0\.2\.0\/33.*write a subnet/],
    [{ "192.0.2.0/24": { nam: "x" } }, /did you mean name/],
    [{ "192.0.2.0/24": { asn: -1 } }, /from 0 to 4294967295/],
    ["192.0.2.0/24", /a map/],
  ] as const
) {
  Deno.test(`readNetworks() refuses ${JSON.stringify(networks)}`, () => {
    assert.throws(() => readNetworks(Section.of({ networks })), problem);
  });
}

const rates: [settings: object, address: string, override: number, fallback: number][] = [
  [{}, "192.0.2.1", 0, 0],
  [{ default_sampling_rate: 100 }, "192.0.2.1", 0, 100],
  [{ default_sampling_rate: 100 }, "2001:db8::1", 0, 100],
  [{ default_sampling_rate: { "::/0": 50, "192.0.2.0/24": 200, "192.0.2.1": 0 } }, "192.0.2.7", 0, 200],
  [{ default_sampling_rate: { "::/0": 50, "192.0.2.0/24": 200, "192.0.2.1": 0 } }, "192.0.2.1", 0, 0],
  [{ override_sampling_rate: { "192.0.2.0/24": 10 }, default_sampling_rate: 5 }, "192.0.2.1", 10, 5],
];
for (const [settings, address, override, fallback] of rates) {
  Deno.test(`SamplingRules.of() finds the rules of ${address} in ${JSON.stringify(settings)}`, () => {
    const rules = new SamplingRules(readSamplingSettings(Section.of(settings)));
    assert.deepEqual(rules.of(parseAddressWords(address)!, 0), { override, fallback });
  });
}
for (
  const settings of [{ default_sampling_rate: -1 }, { override_sampling_rate: { x: 1 } }, {
    default_sampling_rate: "a",
  }]
) {
  Deno.test(`readSamplingSettings() refuses ${JSON.stringify(settings)}`, () => {
    assert.throws(() => readSamplingSettings(Section.of(settings)), /Cannot use/);
  });
}
