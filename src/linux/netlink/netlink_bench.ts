/**
 * What a dump costs by itself, on whatever sockets this host has: the request, the kernel's answer, and the walk over its
 * messages. `deno task bench netlink` sets it beside a C program, on thousands of sockets.
 */
import { DiagDumper } from "./diag_dumper.ts";
import { encodeDenyFilter } from "./diag_filter.ts";
import { MessageCursor, Step } from "./message_cursor.ts";
import { SocketLookup } from "./socket_lookup.ts";
import { joined, netlinkMessage } from "./testing.ts";

let sink = 0;

const datagram = joined(...Array.from({ length: 64 }, (_, i) => netlinkMessage(new Uint8Array(500).fill(i))));
const cursor = new MessageCursor();
Deno.bench("MessageCursor: 64 messages", () => {
  cursor.load(datagram, 0, datagram.length);
  while (cursor.next() === Step.message) sink += cursor.end - cursor.payload;
});

if (Deno.build.os === "linux") {
  const listeners = Array.from({ length: 100 }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const all = new DiagDumper({ family: 2 });
  Deno.bench(
    `dump() of ${listeners.length} listeners and this host's sockets`,
    { group: "dump", baseline: true },
    () => {
      if (all.dump().status === "complete") sink += all.count;
    },
  );
  const filter = encodeDenyFilter(2, [{ end: "local", address: Uint8Array.of(127, 0, 0, 0), prefixBits: 8 }]);
  const filtering = new DiagDumper({ family: 2, filter });
  Deno.bench("dump() that leaves them out in the kernel", { group: "dump" }, () => {
    if (filtering.dump().status === "complete") sink += filtering.count;
  });
  all.dump();
  const id = all.bytes.slice(all.start(0) + 4, all.start(0) + 52);
  const lookup = new SocketLookup();
  Deno.bench("find() of one socket", () => {
    if (lookup.find(2, id, 0) === "found") sink++;
  });
}
