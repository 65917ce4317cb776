import assert from "node:assert/strict";
import { linuxTest } from "../testing.ts";
import { DestroyListener } from "./destroy_listener.ts";

/** Local and remote port of notifications until `isEnough`, or nothing comes any more. */
function portsUntil(listener: DestroyListener, isEnough: (seen: Set<string>) => boolean): Set<string> {
  const seen = new Set<string>();
  for (let idle = 0; idle < 100 && !isEnough(seen);) {
    const count = listener.wait();
    if (count === 0) idle++;
    for (let i = 0; i < count; i++) {
      const at = listener.start(i);
      const { bytes } = listener;
      assert.ok(listener.end(i) - at >= 72);
      assert.equal(bytes[at + 1], 7); // TCP_CLOSE, whatever it was before
      seen.add(`${bytes[at + 4]! << 8 | bytes[at + 5]!} ${bytes[at + 6]! << 8 | bytes[at + 7]!}`);
    }
  }
  return seen;
}

linuxTest("wait() hears of both ends of a short connection", async () => {
  using destroyed = new DestroyListener({ waitMs: 50 });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const server = await listener.accept();
  const { port } = client.localAddr as Deno.NetAddr;
  client.close();
  server.close();
  listener.close();
  const both = [`${port} ${listener.addr.port}`, `${listener.addr.port} ${port}`];
  const seen = portsUntil(destroyed, (seen) => both.every((one) => seen.has(one)));
  for (const one of both) assert.ok(seen.has(one), one);
  assert.equal(destroyed.refused, 0);
});

linuxTest("receive() does not wait", () => {
  using destroyed = new DestroyListener({ waitMs: 60_000 });
  while (destroyed.receive() > 0) continue; // others on this host close sockets too
  assert.equal(destroyed.overflows, 0);
  assert.equal(destroyed.dropped(), 0);
});

linuxTest("overflows and dropped() tell of notifications that had no room", async () => {
  using destroyed = new DestroyListener({ receiveBufferBytes: 1024, waitMs: 50, batch: 4 });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (let i = 0; i < 40; i++) {
    const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    (await listener.accept()).close();
    client.close();
  }
  let heard = 0;
  for (let idle = 0; idle < 3;) {
    const count = destroyed.wait();
    assert.ok(count <= 4);
    heard += count;
    if (count === 0) idle++;
  }
  assert.ok(heard > 0);
  assert.ok(destroyed.overflows > 0);
  assert.ok(destroyed.dropped() > 0);
});

linuxTest("receive() throws once it is closed", () => {
  const destroyed = new DestroyListener();
  destroyed.close();
  destroyed.close();
  assert.throws(() => destroyed.receive(), { errno: "EBADF" });
});
