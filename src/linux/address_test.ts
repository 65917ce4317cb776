import assert from "node:assert/strict";
import {
  encodeSocketAddress,
  formatIpv6,
  parseIpv4,
  parseIpv6,
  parseSocketAddress,
  showAddress,
  type SocketAddress,
} from "./address.ts";

const hex = (bytes: Uint8Array) => bytes.toHex();

const encoded: [address: SocketAddress, bytes: string][] = [
  [{ hostname: "127.0.0.1", port: 8125 }, "02001fbd7f0000010000000000000000"],
  [{ hostname: "0.0.0.0", port: 0 }, "02000000000000000000000000000000"],
  [{ hostname: "::1", port: 8125 }, "0a001fbd000000000000000000000000000000000000000100000000"],
  [{ hostname: "fe80::1%2", port: 1 }, "0a00000100000000fe80000000000000000000000000000102000000"],
  [{ path: "/a" }, "01002f6100"],
  [{ path: "@ab" }, "0100006162"],
];

for (const [address, bytes] of encoded) {
  Deno.test(`encodeSocketAddress() writes ${showAddress(address)}, and parseSocketAddress() reads it back`, () => {
    const got = encodeSocketAddress(address);
    assert.equal(hex(got), bytes);
    assert.deepEqual(parseSocketAddress(got, got.length), address);
  });
}

const refused: [address: SocketAddress, message: RegExp][] = [
  [{ hostname: "localhost", port: 1 }, /write an IPv4 or IPv6 literal/],
  [{ hostname: "", port: 1 }, /literal/],
  [{ hostname: "[::1]", port: 1 }, /literal/],
  [{ hostname: "127.0.0.1", port: -1 }, /write 0 to 65535/],
  [{ hostname: "127.0.0.1", port: 65536 }, /write 0 to 65535/],
  [{ hostname: "127.0.0.1", port: 1.5 }, /write 0 to 65535/],
  [{ hostname: "fe80::1%nosuch0", port: 1 }, /no such interface/],
  [{ hostname: "fe80::1%", port: 1 }, /no such interface/],
  [{ path: "" }, /write a path or @name/],
  [{ path: "@" }, /write a path or @name/],
  [{ path: "/a\0b" }, /remove the NUL/],
  [{ path: "/" + "a".repeat(107) }, /108 bytes, Linux takes 107/],
  [{ path: "@" + "ä".repeat(54) }, /109 bytes/],
];

for (const [address, message] of refused) {
  Deno.test(`encodeSocketAddress() refuses ${JSON.stringify(address).slice(0, 60)}`, () => {
    assert.throws(() => encodeSocketAddress(address), { name: "RangeError", message });
  });
}

Deno.test("encodeSocketAddress() asks for the index of a named zone", () => {
  const bytes = encodeSocketAddress({ hostname: "fe80::1%eth7", port: 0 }, (zone) => zone === "eth7" ? 7 : 0);
  assert.equal(bytes[24], 7);
});

Deno.test("encodeSocketAddress() takes a path and an abstract name of the greatest length", () => {
  assert.equal(encodeSocketAddress({ path: "/" + "a".repeat(106) }).length, 110);
  assert.equal(encodeSocketAddress({ path: "@" + "a".repeat(107) }).length, 110);
});

Deno.test("parseSocketAddress() reads an unnamed socket and a path without its NUL", () => {
  assert.deepEqual(parseSocketAddress(Uint8Array.of(1, 0), 2), { path: "" });
  assert.deepEqual(parseSocketAddress(Uint8Array.of(1, 0, 0x2f, 0x61), 4), { path: "/a" });
  assert.deepEqual(parseSocketAddress(Uint8Array.of(1, 0, 0x2f, 0x61, 0, 0x62), 6), { path: "/a" });
});

Deno.test("parseSocketAddress() gives undefined for what it cannot read", () => {
  const v6 = encodeSocketAddress({ hostname: "::1", port: 1 });
  for (let length = 0; length < 24; length++) assert.equal(parseSocketAddress(v6, length), undefined);
  assert.equal(parseSocketAddress(v6, 29), undefined);
  assert.equal(parseSocketAddress(Uint8Array.of(16, 0, 0, 0, 0, 0, 0, 0), 8), undefined);
});

const ipv6: [text: string, canonical: string][] = [
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
  ["::192.0.2.1", "::c000:201"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
];

for (const [text, canonical] of ipv6) {
  Deno.test(`parseIpv6() reads ${text}, canonically ${canonical}`, () => {
    const bytes = parseIpv6(text);
    assert.ok(bytes !== undefined);
    assert.equal(formatIpv6(bytes), canonical);
  });
}

for (
  const text of [
    "",
    ":",
    ":::",
    "1",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "g::",
    "::1.2.3",
    "1.2.3.4::",
    "::1.2.3.4:5",
    ":1::",
    "1:::2",
  ]
) {
  Deno.test(`parseIpv6() refuses ${JSON.stringify(text)}`, () => assert.equal(parseIpv6(text), undefined));
}

for (const text of ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.", "1.2.3.4 ", "0x1.2.3.4", "-1.2.3.4"]) {
  Deno.test(`parseIpv4() refuses ${JSON.stringify(text)}`, () => assert.equal(parseIpv4(text), undefined));
}
