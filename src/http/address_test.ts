import assert from "node:assert/strict";
import { formatHttpAddress, type HttpAddress, parseHttpAddress } from "./address.ts";

const accepted: [text: string, address: HttpAddress][] = [
  ["127.0.0.1:8127", { transport: "tcp", hostname: "127.0.0.1", port: 8127 }],
  ["localhost:0", { transport: "tcp", hostname: "localhost", port: 0 }],
  [":8127", { transport: "tcp", hostname: "", port: 8127 }],
  ["[::1]:8127", { transport: "tcp", hostname: "::1", port: 8127 }],
  ["/run/limier.sock", { transport: "unix", path: "/run/limier.sock" }],
  ["./limier.sock", { transport: "unix", path: "./limier.sock" }],
  ["fd@3", { transport: "fd", fd: 3 }],
  ["einhorn@0", { transport: "einhorn", index: 0 }],
];
for (const [text, address] of accepted) {
  Deno.test(`parseHttpAddress() reads ${text}`, () => {
    assert.deepEqual(parseHttpAddress(text), address);
    assert.equal(formatHttpAddress(address), text);
  });
}

const refused = [
  "",
  "8127",
  "localhost",
  "fd@",
  "fd@-1",
  "fd@x",
  "einhorn@",
  "fd@3@4",
  "FD@3",
  "a:99999",
  "/run/",
  "./",
  "/a\0b",
  "http://a:1",
  "limier.sock",
];
for (const text of refused) {
  Deno.test(`parseHttpAddress() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseHttpAddress(text), /^RangeError: Cannot parse address ".*": write /s);
  });
}
