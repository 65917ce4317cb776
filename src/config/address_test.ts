import assert from "node:assert/strict";
import { formatAddress, parseAddress } from "./address.ts";

const accepted: [text: string, hostname: string, port: number][] = [
  ["127.0.0.1:8125", "127.0.0.1", 8125],
  ["127.0.0.1:0", "127.0.0.1", 0],
  [":8125", "", 8125],
  ["localhost:65535", "localhost", 65_535],
  ["web-1.example.org:1", "web-1.example.org", 1],
  ["example.org.:1", "example.org.", 1],
  ["[::1]:8125", "::1", 8125],
  ["[::]:8125", "::", 8125],
  ["[::ffff:1.2.3.4]:1", "::ffff:1.2.3.4", 1],
  ["[fe80::1%eth0]:1", "fe80::1%eth0", 1],
];
const refused = [
  "",
  "8125",
  "localhost",
  "localhost:",
  "localhost:http",
  "localhost:65536",
  "localhost:-1",
  "localhost:+1",
  "localhost:1 ",
  "local host:1",
  "::1:8125",
  "[::1]",
  "[]:1",
  "[1.2.3.4]:1",
  "[::1%]:1",
  "[::g]:1",
  "256.0.0.1:1",
  "1.2.3:1",
  "a..b:1",
  "-a:1",
  "udp://localhost:8125",
  "localhost:1/",
  "*:1",
];

for (const [text, hostname, port] of accepted) {
  Deno.test(`parseAddress() reads ${text}`, () => {
    assert.deepEqual(parseAddress(text), { hostname, port });
    assert.equal(formatAddress({ hostname, port }), text);
  });
}
for (const text of refused) {
  Deno.test(`parseAddress() refuses "${text}"`, () => assert.throws(() => parseAddress(text), RangeError));
}
