import assert from "node:assert/strict";
import net from "node:net";
import { LockHeld } from "./lock_file.ts";
import { BatchReceiver } from "./receiver.ts";
import { BatchSender } from "./sender.ts";
import { collect, linuxTest, prepare } from "./testing.ts";
import { connectUnixDatagram, openUnixDatagramSocket, openUnixListener } from "./unix_socket.ts";

const exists = (path: string) => {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    assert.ok(error instanceof Deno.errors.NotFound);
    return false;
  }
};

linuxTest("openUnixDatagramSocket() receives at a path, lets everyone send, and removes its files", () => {
  const path = `${Deno.makeTempDirSync()}/s.sock`;
  const socket = openUnixDatagramSocket(path, { receiveTimeoutMs: 500, receiveBufferBytes: 65536 });
  assert.equal(socket.receiveBufferBytes, 65536);
  assert.deepEqual(socket.address, { path });
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o666);
  assert.ok(exists(`${path}.lock`));
  {
    using peer = connectUnixDatagram(path);
    assert.equal(new BatchSender(peer.fd, prepare(["a:1|c", "", "b:2|c"])).send(0, 3), 3);
  }
  assert.deepEqual(collect(new BatchReceiver(socket.fd), 3), ["a:1|c", "", "b:2|c"]);
  socket.close();
  assert.equal(exists(path), false);
  assert.equal(exists(`${path}.lock`), false);
  socket.close();
  openUnixDatagramSocket(path).close();
});

linuxTest("openUnixDatagramSocket() works in the abstract namespace, without files", () => {
  const path = `@limier-test-${crypto.randomUUID()}`;
  using socket = openUnixDatagramSocket(path, { receiveTimeoutMs: 500 });
  assert.throws(() => openUnixDatagramSocket(path), { errno: "EADDRINUSE", message: /^Cannot bind @limier-test-/ });
  using peer = connectUnixDatagram(path);
  new BatchSender(peer.fd, prepare(["a:1|c"])).send(0, 1);
  assert.deepEqual(collect(new BatchReceiver(socket.fd), 1), ["a:1|c"]);
  assert.equal(exists(`${path}.lock`), false);
});

linuxTest("openUnixDatagramSocket() refuses a path that another instance holds", () => {
  const path = `${Deno.makeTempDirSync()}/s.sock`;
  using socket = openUnixDatagramSocket(path);
  assert.throws(() => openUnixDatagramSocket(path), LockHeld);
  assert.ok(exists(socket.address.path));
});

linuxTest("openUnixDatagramSocket() replaces a stale socket", () => {
  const path = `${Deno.makeTempDirSync()}/s.sock`;
  const first = openUnixDatagramSocket(path);
  Deno.linkSync(path, `${path}.kept`);
  first.close();
  Deno.renameSync(`${path}.kept`, path); // as a killed process leaves it
  using second = openUnixDatagramSocket(path, { receiveTimeoutMs: 500 });
  using peer = connectUnixDatagram(path);
  new BatchSender(peer.fd, prepare(["a:1|c"])).send(0, 1);
  assert.deepEqual(collect(new BatchReceiver(second.fd), 1), ["a:1|c"]);
});

linuxTest("openUnixDatagramSocket() leaves alone a socket that a program without the lock has open", () => {
  const path = `${Deno.makeTempDirSync()}/s.sock`;
  using foreign = Deno.listen({ transport: "unix", path });
  assert.throws(() => openUnixDatagramSocket(path), {
    errno: "EADDRINUSE",
    message: /: another program has that socket open; stop it/,
  });
  assert.ok(exists(foreign.addr.path));
  assert.equal(exists(`${path}.lock`), false);
});

linuxTest("openUnixDatagramSocket() leaves alone a file that is no socket", () => {
  const path = `${Deno.makeTempDirSync()}/s.sock`;
  Deno.writeTextFileSync(path, "precious");
  assert.throws(() => openUnixDatagramSocket(path), {
    errno: "EADDRINUSE",
    message: /: the file there is not a socket; remove it/,
  });
  assert.equal(Deno.readTextFileSync(path), "precious");
  assert.equal(exists(`${path}.lock`), false);
});

linuxTest("close() leaves a socket that has taken the place of ours", () => {
  const path = `${Deno.makeTempDirSync()}/s.sock`;
  const socket = openUnixDatagramSocket(path);
  Deno.removeSync(path);
  using foreign = Deno.listen({ transport: "unix", path });
  socket.close();
  assert.ok(exists(foreign.addr.path));
});

linuxTest("openUnixDatagramSocket() refuses bad paths", () => {
  const directory = Deno.makeTempDirSync();
  assert.throws(() => openUnixDatagramSocket(`${directory}/none/s.sock`), {
    code: "linux.ENOENT",
    message: /: create its directory first$/,
  });
  assert.throws(() => openUnixDatagramSocket(""), RangeError);
  assert.throws(() => openUnixDatagramSocket("@"), RangeError);
  assert.throws(() => openUnixDatagramSocket(`${directory}/${"x".repeat(108)}`), /Linux takes 107/);
});

linuxTest("connectUnixDatagram() says that nothing listens", () => {
  const path = `${Deno.makeTempDirSync()}/s.sock`;
  assert.throws(() => connectUnixDatagram(path), { code: "linux.ENOENT", message: /: nothing listens there$/ });
  assert.throws(() => connectUnixDatagram("@limier-test-nobody"), { code: "linux.ECONNREFUSED" });
});

linuxTest("openUnixListener() hands a descriptor to a node:net server, and removes its files afterwards", async () => {
  const path = `${Deno.makeTempDirSync()}/s.sock`;
  const listener = openUnixListener(path);
  assert.throws(() => openUnixListener(path), LockHeld);
  const server = net.createServer((connection) => connection.end("hello"));
  await new Promise<void>((resolve) => server.listen({ fd: listener.handOver() }, resolve));
  using connection = await Deno.connect({ transport: "unix", path });
  assert.equal(await new Response(connection.readable).text(), "hello");
  await new Promise((resolve) => server.close(resolve));
  listener.close();
  assert.equal(exists(path), false);
  assert.equal(exists(`${path}.lock`), false);
});
