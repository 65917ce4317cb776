import assert from "node:assert/strict";
import { Section } from "../config/mod.ts";
import { type HttpConfig, readHttpConfig } from "./config.ts";
import { HTTP_LIMITS } from "./server.ts";

const DEFAULTS: HttpConfig = {
  address: { transport: "tcp", hostname: "127.0.0.1", port: 8127 },
  quit: false,
  config: false,
  allowedHosts: ["127.0.0.1"],
  limits: HTTP_LIMITS,
};

const accepted: [section: object, config: HttpConfig][] = [
  [{}, DEFAULTS],
  [{ address: "" }, { ...DEFAULTS, address: null, allowedHosts: [] }],
  [{ address: ":80" }, { ...DEFAULTS, address: { transport: "tcp", hostname: "", port: 80 }, allowedHosts: [] }],
  [{ address: "/run/l" }, { ...DEFAULTS, address: { transport: "unix", path: "/run/l" }, allowedHosts: [] }],
  [{ address: "fd@3", quit: true }, { ...DEFAULTS, address: { transport: "fd", fd: 3 }, quit: true, allowedHosts: [] }],
  [{ config: true, token: "abc" }, { ...DEFAULTS, config: true, token: "abc" }],
  [{ allowed_hosts: ["a.example"] }, { ...DEFAULTS, allowedHosts: ["a.example", "127.0.0.1"] }],
  [{ max_body: "1MiB", max_connections: 7 }, {
    ...DEFAULTS,
    limits: { ...HTTP_LIMITS, maxBodyBytes: 1_048_576, maxConnections: 7 },
  }],
  [{ tls: { cert_file: "c", key_file: "k" } }, { ...DEFAULTS, tls: { certFile: "c", keyFile: "k" } }],
  [{ tls: { cert_file: "c", key_file: "k", client_ca_file: "a" } }, {
    ...DEFAULTS,
    tls: { certFile: "c", keyFile: "k", clientCaFile: "a" },
  }],
];
for (const [section, config] of accepted) {
  Deno.test(`readHttpConfig() reads ${JSON.stringify(section)}`, () => {
    assert.deepEqual(readHttpConfig(Section.of(section)), config);
  });
}

const refused: [section: object, message: RegExp][] = [
  [{ adress: ":80" }, /no such key; did you mean address/],
  [{ address: "8127" }, /address = "8127": write host:port/],
  [{ address: 8127 }, /address/],
  [{ quit: "yes" }, /quit = "yes": write true or false/],
  [{ token: "a b" }, /token = REDACTED: write letters, digits/],
  [{ token_file: "/nonexistent/token" }, /token_file/],
  [{ allowed_hosts: "a" }, /allowed_hosts/],
  [{ max_body: "1" }, /max_body/],
  [{ max_connections: 0 }, /max_connections/],
  [{ tls: { cert_file: "c" } }, /tls\.key_file/],
  [{ tls: { key_file: "k" } }, /tls\.cert_file/],
  [{ tls: { client_ca_file: "a" } }, /tls\.cert_file/],
  [{ tls: { cert: "c" } }, /no such key/],
];
for (const [section, message] of refused) {
  Deno.test(`readHttpConfig() refuses ${JSON.stringify(section)}`, () => {
    assert.throws(() => readHttpConfig(Section.of(section)), message);
  });
}

Deno.test("readHttpConfig() reads the token from a file", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "from.file\n");
    assert.equal(readHttpConfig(Section.of({ token_file: path })).token, "from.file");
  } finally {
    await Deno.remove(path);
  }
});
