import assert from "node:assert/strict";
import { type ListenAddress, parseListenAddress } from "../statsd/mod.ts";
import { resolveTarget, SendError, sendPayloads } from "./emit_send.ts";

const encoder = new TextEncoder();
const PAYLOADS = ["a:1|c", "", "b:é|s"].map((text) => encoder.encode(text));
const linux = { ignore: Deno.build.os !== "linux" };

function at(text: string): ListenAddress {
  const address = parseListenAddress(text);
  assert.ok(address, text);
  return address;
}

async function receive(socket: Deno.DatagramConn, count: number): Promise<Uint8Array[]> {
  const got: Uint8Array[] = [];
  while (got.length < count) got.push((await socket.receive())[0]);
  socket.close();
  return got;
}

async function readAll(listener: Deno.Listener): Promise<Uint8Array> {
  const connection = await listener.accept();
  const bytes = new Uint8Array(await new Response(connection.readable).arrayBuffer());
  listener.close();
  return bytes;
}

Deno.test("sendPayloads() sends datagrams over UDP, each as it is", async () => {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  await sendPayloads(await resolveTarget(at(`udp://localhost:${port}`)), PAYLOADS);
  assert.deepEqual(await receive(socket, 3), PAYLOADS);
});

for (const name of ["path", "@name"]) {
  Deno.test({
    ...linux,
    name: `sendPayloads() sends datagrams to a unix socket by its ${name}`,
    fn: async () => {
      const path = name === "path" ? `${await Deno.makeTempDir()}/x.sock` : `@limier-test-${crypto.randomUUID()}`;
      const socket = Deno.listenDatagram({ transport: "unixpacket", path: path.replace("@", "\0") });
      await sendPayloads(at(`unixgram://${path}`), PAYLOADS);
      assert.deepEqual(await receive(socket, 3), PAYLOADS);
    },
  });
  Deno.test({
    ...linux,
    name: `sendPayloads() writes to a unix stream by its ${name}`,
    fn: async () => {
      const path = name === "path" ? `${await Deno.makeTempDir()}/x.sock` : `@limier-test-${crypto.randomUUID()}`;
      const listener = Deno.listen({ transport: "unix", path: path.replace("@", "\0") });
      const [got] = await Promise.all([readAll(listener), sendPayloads(at(`unix://${path}`), PAYLOADS)]);
      assert.deepEqual(got, encoder.encode("a:1|cb:é|s"));
    },
  });
}

Deno.test("sendPayloads() writes all of a long payload over TCP", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const long = new Uint8Array(8_000_000).map((_, i) => i % 251);
  const [got] = await Promise.all([readAll(listener), sendPayloads(at(`tcp://127.0.0.1:${port}`), [long])]);
  assert.equal(got.length, long.length);
  assert.ok(got.every((byte, i) => byte === i % 251));
});

const unreachable = [
  "tcp://127.0.0.1:1",
  "unix:///nonexistent/x.sock",
  "unixgram:///nonexistent/x.sock",
  "unixgram:@no",
];
for (const target of unreachable) {
  Deno.test({
    ...linux,
    name: `sendPayloads() says that nothing listens at ${target}`,
    fn: () =>
      assert.rejects(
        sendPayloads(at(target), PAYLOADS),
        (error) => error instanceof SendError && error.message.startsWith("Cannot send to "),
      ),
  });
}

Deno.test("sendPayloads() refuses more than a datagram holds", async () => {
  await assert.rejects(sendPayloads(at("udp://127.0.0.1:9"), [new Uint8Array(70_000)]), SendError);
});

Deno.test("resolveTarget() takes no host for this one", async () => {
  assert.equal((await resolveTarget(at("udp://:8125"))).hostname, "127.0.0.1");
  assert.equal((await resolveTarget(at("udp6://:8125"))).hostname, "::1");
});

Deno.test("resolveTarget() leaves literals and paths", async () => {
  for (const text of ["udp://127.0.0.1:1", "tcp://[::1]:1", "unix:///x", "unixgram:@y"]) {
    assert.deepEqual(await resolveTarget(at(text)), at(text));
  }
});

Deno.test("resolveTarget() says which name is not known", async () => {
  await assert.rejects(
    resolveTarget(at("udp://no-such-host.invalid:8125")),
    (error) => error instanceof SendError && error.message.includes("no-such-host.invalid:8125"),
  );
});
