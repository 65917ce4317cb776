import assert from "node:assert/strict";
import { Anonymizer } from "./anonymize.ts";
import { V4 } from "./testing.ts";
import { SocketMessage } from "./wire.ts";

const V6 = "0a08000020fb9c4020010db800000000000000000000001020010db80001000000000000000000020000000" +
  "0e803000000000000000000000100000000000000000000004d000000";
const MAPPED = "0a0102002383a9f400000000000000000000ffffc000028600000000000000000000ffffc633648100000000e8030000000" +
  "0000070ffffff00000000000000000000000009000000";

function load(hex: string): SocketMessage {
  const bytes = Uint8Array.fromHex(hex);
  const message = new SocketMessage();
  assert.equal(message.load(bytes, 0, bytes.length), 0);
  return message;
}

const hexOf = (bytes: Uint8Array, from: number, to: number) => bytes.subarray(from, to).toHex();

const hidden: [what: string, hex: string, source: string, destination: string][] = [
  ["IPv4", V4, "c0000200" + "00".repeat(12), "c6336400" + "00".repeat(12)],
  ["IPv6", V6, "20010db80000" + "00".repeat(10), "20010db80001" + "00".repeat(10)],
  ["IPv4 in IPv6", MAPPED, "00".repeat(10) + "ffffc0000200", "00".repeat(10) + "ffffc6336400"],
];
for (const [what, hex, source, destination] of hidden) {
  Deno.test(`Anonymizer keeps the network of ${what} and nothing else changes`, () => {
    const message = load(hex);
    const before = message.bytes.slice();
    assert.equal(new Anonymizer("netblock").apply(message), true);
    assert.equal(hexOf(message.bytes, 8, 24), source);
    assert.equal(hexOf(message.bytes, 24, 40), destination);
    assert.equal(
      hexOf(message.bytes, 0, 8) + hexOf(message.bytes, 40, 72),
      hexOf(before, 0, 8) + hexOf(before, 40, 72),
    );
  });
  Deno.test(`Anonymizer "none" leaves the addresses of ${what}`, () => {
    const message = load(hex);
    const before = message.bytes.toHex();
    assert.equal(new Anonymizer("none").apply(message), true);
    assert.equal(message.bytes.toHex(), before);
  });
}

Deno.test("Anonymizer leaves this host's own addresses, mapped or not", () => {
  const anonymizer = new Anonymizer("netblock", ["192.0.2.10", "fe80::1%eth0"]);
  const plain = load(V4);
  anonymizer.apply(plain);
  assert.equal(hexOf(plain.bytes, 8, 12), "c000020a");
  assert.equal(hexOf(plain.bytes, 24, 28), "c6336400");
  anonymizer.setOwn(["192.0.2.134", "2001:db8::10"]);
  const mapped = load(MAPPED), v6 = load(V6);
  anonymizer.apply(mapped);
  anonymizer.apply(v6);
  assert.equal(hexOf(mapped.bytes, 20, 24), "c0000286");
  assert.equal(hexOf(v6.bytes, 8, 24), "20010db8000000000000000000000010");
  assert.equal(hexOf(v6.bytes, 24, 40), "20010db80001" + "00".repeat(10));
});

Deno.test("Anonymizer refuses a family without addresses that it knows, where it is to hide them", () => {
  assert.equal(new Anonymizer("netblock").apply(load("1e" + V4.slice(2))), false);
  assert.equal(new Anonymizer("none").apply(load("1e" + V4.slice(2))), true);
});

const MD5SIG = "6800120002200600c6336417" + "00".repeat(12) + "736563726574" + "00".repeat(74);
for (const mode of ["none", "netblock"] as const) {
  Deno.test(`Anonymizer "${mode}" clears keys of TCP-MD5`, () => {
    const message = load(V4 + MD5SIG);
    new Anonymizer(mode).apply(message);
    const value = message.bytes.subarray(message.at(18), message.at(18) + message.length(18));
    const address = mode === "none" ? "c6336417" : "c6336400";
    assert.equal(value.toHex(), "02200600" + address + "00".repeat(12) + "00".repeat(80));
  });
}

Deno.test("Anonymizer hides the addresses of locals and peers", () => {
  const sockaddr = "0200" + "01bb" + "c6336417" + "00".repeat(120);
  const sockaddr6 = "0a00" + "01bb" + "00000000" + "20010db8000100000000000000000002" + "00".repeat(104);
  const message = load(V4 + "04010c00" + sockaddr + sockaddr6);
  assert.equal(message.length(12), 256);
  new Anonymizer("netblock").apply(message);
  const at = message.at(12);
  assert.equal(hexOf(message.bytes, at + 4, at + 8), "c6336400");
  assert.equal(hexOf(message.bytes, at + 128 + 8, at + 128 + 24), "20010db80001" + "00".repeat(10));
});
