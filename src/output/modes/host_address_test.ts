import assert from "node:assert/strict";
import { checkHosts, hostAddress, hostUrl, shownUrl, type UrlDefaults } from "./host_address.ts";

const INDEX: UrlDefaults = { protocolPort: 9_200 };

const urls: [entry: string, url: string, defaults?: UrlDefaults][] = [
  ["", "http://localhost:9200"],
  ["h", "http://h:9200"],
  ["h:80", "http://h:80"],
  ["http://h:80/", "http://h:80/"],
  ["localhost/p", "http://localhost:9200/p"],
  ["https://h", "https://h:9200"],
  ["https://h/p", "https://h:9200/p"],
  ["HTTPS://h", "https://h:9200"],
  ["h", "https://h:9200", { ...INDEX, scheme: "https" }],
  ["http://h", "http://h:9200", { ...INDEX, scheme: "https" }],
  ["h", "http://h:1234", { ...INDEX, port: 1_234 }],
  ["h:80", "http://h:80", { ...INDEX, port: 1_234 }],
  ["h", "http://h:9200/base", { ...INDEX, path: "/base" }],
  ["h", "http://h:9200/base", { ...INDEX, path: "base" }],
  ["h/own", "http://h:9200/own", { ...INDEX, path: "/base" }],
  ["h/", "http://h:9200/", { ...INDEX, path: "/base" }],
  ["2001:db8::1", "http://[2001:db8::1]:9200"],
  ["[2001:db8::1]", "http://[2001:db8::1]:9200"],
  ["[2001:db8::1]:80", "http://[2001:db8::1]:80"],
  ["http://[::1]:80/p?q=1", "http://[::1]:80/p?q=1"],
  ["http://user:word@h/p", "http://user:word@h:9200/p"],
];
for (const [entry, url, defaults = INDEX] of urls) {
  Deno.test(`hostUrl() makes ${url} of ${JSON.stringify(entry)} (${JSON.stringify(defaults)})`, () => {
    assert.equal(hostUrl(entry, defaults), url);
  });
}

const addresses: [entry: string, address: string][] = [
  ["", "localhost:5044"],
  ["h", "h:5044"],
  ["h:1", "h:1"],
  ["h:65535", "h:65535"],
  [" h ", "h:5044"],
  ["2001:db8::1", "[2001:db8::1]:5044"],
  ["::1", "[::1]:5044"],
  ["[::1]:10200", "[::1]:10200"],
  ["10.0.0.1", "10.0.0.1:5044"],
];
for (const [entry, address] of addresses) {
  Deno.test(`hostAddress() makes ${address} of ${JSON.stringify(entry)}`, () => {
    assert.equal(hostAddress(entry, { protocolPort: 5_044 }), address);
  });
}

const refused = ["h:0", "h:65536", "h:", "h:x", "h:-1", "[::1", "[h]:80", "a b", "h:80:x", "-h", "[::1]:0", "h!"];
for (const entry of refused) {
  Deno.test(`hostAddress() refuses ${entry}`, () => assert.equal(hostAddress(entry, INDEX), null));
}
for (const entry of [...refused, "ftp://h", "http://h:0/p"]) {
  Deno.test(`hostUrl() refuses ${entry}`, () => assert.equal(hostUrl(entry, INDEX), null));
}

const shown: [url: string, shown: string][] = [
  ["http://user:word@h:80/p?key=1#f", "http://h:80/p"],
  ["http://h:80/p", "http://h:80/p"],
  ["http://h:80?api_key=1", "http://h:80"],
];
for (const [url, text] of shown) {
  Deno.test(`shownUrl() shows ${text} of ${url}`, () => assert.equal(shownUrl(url), text));
}

Deno.test("checkHosts() tells bad hosts from duplicates, which are found after defaults, and shows no credentials", () => {
  const entries = ["h", "http://h:9200", "u:p@g", "h:0", "http://a:b@g:9200", "http://u:p@g"];
  const { bad, duplicates } = checkHosts(entries, (entry) => hostUrl(entry, INDEX));
  assert.deepEqual(bad, ["h:0"]);
  assert.deepEqual(duplicates, ["http://h:9200", "http://g:9200"]);
});
