import assert from "node:assert/strict";
import type { HttpAddress } from "../http/mod.ts";
import { openInheritedHttp } from "./inherited_http.ts";

const own: HttpAddress[] = [
  { transport: "tcp", hostname: "127.0.0.1", port: 8127 },
  { transport: "unix", path: "/run/limier.sock" },
];
for (const address of own) {
  Deno.test(`openInheritedHttp() leaves ${address.transport} as it is, and has nobody to tell`, async () => {
    const opened = openInheritedHttp(address);
    assert.equal(opened.address, address);
    await opened.acknowledge();
  });
}

Deno.test("openInheritedHttp() refuses a socket that no Einhorn passed", () => {
  assert.throws(() => openInheritedHttp({ transport: "einhorn", index: 0 }), { name: "InheritedSocketError" });
});
