import assert from "node:assert/strict";
import { ConfigError, Section } from "../config/mod.ts";
import { type HttpTarget, httpTargetOf, parseHttpTarget, refuseBadHttpHosts } from "./http_target.ts";

const targets: [entry: string, origin: string, path: string, label: string][] = [
  ["https://api.datadoghq.com", "https://api.datadoghq.com", "", "api.datadoghq.com:443"],
  ["https://api.datadoghq.com/", "https://api.datadoghq.com", "", "api.datadoghq.com:443"],
  ["http://h:80/", "http://h", "", "h:80"],
  ["http://127.0.0.1:9090/api/v1/write", "http://127.0.0.1:9090", "/api/v1/write", "127.0.0.1:9090"],
  ["localhost/p", "http://localhost", "/p", "localhost:80"],
  ["host:8080", "http://host:8080", "", "host:8080"],
  ["2001:db8::1", "http://[2001:db8::1]", "", "[2001:db8::1]:80"],
  ["[2001:db8::1]:9200", "http://[2001:db8::1]:9200", "", "[2001:db8::1]:9200"],
  ["", "http://localhost", "", "localhost:80"],
];
for (const [entry, origin, path, label] of targets) {
  Deno.test(`parseHttpTarget() reads "${entry}"`, () => {
    assert.deepEqual(parseHttpTarget(entry), { origin, path, search: "", label } satisfies HttpTarget);
  });
}

Deno.test("parseHttpTarget() keeps credentials out of what is shown", () => {
  const target = parseHttpTarget("https://me:p%40ss@h/x?y=1")!;
  assert.equal(target.authorization, `Basic ${btoa("me:p@ss")}`);
  assert.deepEqual([target.origin, target.path, target.search, target.label], ["https://h", "/x", "?y=1", "h:443"]);
});

for (const entry of ["ftp://h", "https://", "http://h:99999", "http://a b/", "h:port"]) {
  Deno.test(`parseHttpTarget() refuses "${entry}"`, () => {
    assert.equal(parseHttpTarget(entry), null);
    assert.throws(() => httpTargetOf(entry), TypeError);
    assert.throws(() => refuseBadHttpHosts(Section.of({ hosts: ["http://good", entry] })), ConfigError);
  });
}
