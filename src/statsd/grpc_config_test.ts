import assert from "node:assert/strict";
import { Section } from "../config/mod.ts";
import { formatAddress } from "./address.ts";
import { readStatsdConfig, type StatsdConfig } from "./config.ts";

function read(section: object): StatsdConfig {
  return readStatsdConfig(Section.of(section), false);
}

Deno.test("readStatsdConfig() listens for and forwards over gRPC only where it is told to", () => {
  const { grpcListen, grpcImport, forwardUseGrpc, forwardSetFormat } = read({});
  assert.deepEqual([grpcListen, grpcImport, forwardUseGrpc, forwardSetFormat], [[], [], false, "v7"]);
  assert.deepEqual(read({ grpc_address: "" }).grpcImport, []);
});

Deno.test("readStatsdConfig() reads where gRPC arrives", () => {
  const { grpcListen, grpcImport } = read({
    grpc_listen_addresses: ["tcp://127.0.0.1:8126", "unix:///run/grpc.sock"],
    grpc_address: ":8128",
  });
  assert.deepEqual(grpcListen.map(formatAddress), ["tcp://127.0.0.1:8126", "unix:///run/grpc.sock"]);
  assert.deepEqual(grpcImport.map(formatAddress), ["tcp://:8128"]);
});

const accepted: object[] = [
  { forward_address: "global:8128", forward_use_grpc: true },
  { forward_address: "http://global:8128", forward_use_grpc: true },
  { forward_address: "", forward_use_grpc: true },
  { forward_address: "http://global:8127", forward_set_format: "v1" },
  { forward_address: "https://global:8128", forward_use_grpc: true, forward_tls_authority_certificate: "/ca.crt" },
  {
    forward_address: "https://global:8128",
    forward_use_grpc: true,
    forward_tls_certificate: "/own.crt",
    forward_tls_key: "/own.key",
  },
];
for (const section of accepted) {
  Deno.test(`readStatsdConfig() accepts ${JSON.stringify(section)}`, () => void read(section));
}

const refused: [section: object, message: RegExp][] = [
  [{ grpc_listen_addresses: ["udp://127.0.0.1:1"] }, /grpc_listen_addresses .*write a list of tcp:\/\/host:port/],
  [{ grpc_listen_addresses: ["unixgram:///x"] }, /grpc_listen_addresses/],
  [{ grpc_address: "tcp://127.0.0.1:8128" }, /grpc_address .*write host:port/],
  [{ grpc_address: "nowhere" }, /grpc_address/],
  [{ forward_address: "global", forward_use_grpc: true }, /forward_address = "global": write host:port/],
  [{ forward_address: "http://global:8127/import", forward_use_grpc: true }, /forward_address/],
  [{ forward_set_format: "v2" }, /forward_set_format = "v2"/],
  [{ forward_address: "g:1", forward_use_grpc: true, forward_set_format: "v1" }, /releases that want v1 take no gRPC/],
  [{ forward_tls_certificate: "/own.crt" }, /forward_tls_certificate .*forward_tls_key beside it/],
  [{ forward_tls_key: "/own.key" }, /forward_tls_key .*forward_tls_certificate beside it/],
  [
    { forward_address: "global:8128", forward_use_grpc: true, forward_tls_authority_certificate: "/ca.crt" },
    /forward_tls_authority_certificate .*https:\/\/host:port/,
  ],
  [{ forward_address: "https://global:1", forward_tls_authority_certificate: "/ca.crt" }, /forward_use_grpc: true/],
];
for (const [section, message] of refused) {
  Deno.test(`readStatsdConfig() refuses ${JSON.stringify(section)}`, () => {
    assert.throws(() => read(section), message);
  });
}
