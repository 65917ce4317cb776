import assert from "node:assert/strict";
import { openLibc } from "./libc.ts";
import { addressOf, cString, pointerOf } from "./memory.ts";
import { linuxTest } from "./testing.ts";

linuxTest("pointerOf() and addressOf() agree with Deno, also inside an array", () => {
  const libc = openLibc();
  const bytes = new Uint8Array(256);
  for (const part of [bytes, bytes.subarray(64)]) {
    const pointer = pointerOf(libc, part);
    assert.equal(Deno.UnsafePointer.value(pointer), addressOf(libc, part));
    assert.ok(Deno.UnsafePointer.equals(pointer, Deno.UnsafePointer.of(part)!));
  }
  assert.equal(addressOf(libc, bytes.subarray(64)), addressOf(libc, bytes) + 64n);
});

linuxTest("pointerOf() refuses an empty array", () => {
  assert.throws(() => pointerOf(openLibc(), new Uint8Array(0)), RangeError);
});

Deno.test("cString() ends with a NUL and contains none", () => {
  assert.deepEqual(cString("ä"), Uint8Array.of(0xc3, 0xa4, 0));
  assert.deepEqual(cString(""), Uint8Array.of(0));
  assert.throws(() => cString("a\0"), RangeError);
});

linuxTest("a socket can still be opened, used and closed after the FFI permission is gone", async () => {
  const face = new URL("./mod.ts", import.meta.url).href;
  const source = `import { BatchReceiver, BatchSender, connectUdp, openLibc, openUdpSocket } from ${
    JSON.stringify(face)
  };
    openLibc();
    await Deno.permissions.revoke({ name: "ffi" });
    const address = { hostname: "127.0.0.1", port: 0 };
    using socket = openUdpSocket({ address, receiveTimeoutMs: 1000 });
    using peer = connectUdp({ address: socket.address });
    const one = { buffer: new Uint8Array(3), offsets: Uint32Array.of(0), lengths: Uint32Array.of(3) };
    new BatchSender(peer.fd, one).send(0, 1);
    console.log(new BatchReceiver(socket.fd).receive());
    try { openUdpSocket({ address: socket.address }); } catch (error) { console.log(error.code); }`;
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(script, source);
  const child = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--allow-ffi", script],
  }).output();
  await Deno.remove(script);
  assert.equal(new TextDecoder().decode(child.stdout), "1\nlinux.EADDRINUSE\n");
});
