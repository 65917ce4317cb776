import assert from "node:assert/strict";
import { dictionaryCsv } from "./dictionary_csv.ts";

const custom = {
  name: "roles",
  layout: "hashed",
  keys: [],
  attributes: [],
  dimensions: [],
  source: "/etc/roles.csv",
} as const;
const files = {
  asns: { "65001": 'the "Net", a', "7": "x" },
  customDictionaries: [custom],
  readFile: (path: string) => path === custom.source ? Promise.resolve("a,b\n1,2\n") : Promise.reject(new Error("no")),
};

Deno.test("dictionaryCsv() quotes texts", async () => {
  assert.equal(await dictionaryCsv("asns", files), 'asn,name\n7,"x"\n65001,"the ""Net"", a"\n');
});

const known: [name: string, line: string][] = [
  ["protocols", '17,"UDP","User Datagram"'],
  ["tcp", '514,"shell"'],
  ["udp", '514,"syslog"'],
  ["icmp", '58,135,0,"neighbor-solicitation"'],
  ["custom_dict_roles", "1,2"],
];
for (const [name, line] of known) {
  Deno.test(`dictionaryCsv() of ${name} has ${line}`, async () => {
    const lines = (await dictionaryCsv(name, files))!.split("\n");
    assert.ok(lines.includes(line));
    const keys = lines.map((each) => each.split(',"')[0]);
    assert.equal(new Set(keys).size, keys.length);
  });
}

for (const name of ["roles", "custom_dict_other", "", "asns.csv"]) {
  Deno.test(`dictionaryCsv() knows no "${name}"`, async () =>
    assert.equal(await dictionaryCsv(name, files), undefined));
}

Deno.test("dictionaryCsv() gives nothing where the file can't be read", async () => {
  const gone = { ...files, readFile: () => Promise.reject(new Error("gone")) };
  assert.equal(await dictionaryCsv("custom_dict_roles", gone), undefined);
});
