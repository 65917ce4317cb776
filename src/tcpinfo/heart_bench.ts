import { madeSocket, Watched } from "./heart_testing.ts";

const COUNT = 10_000;
const bytes = Array.from({ length: COUNT }, (_, i) => {
  return madeSocket({ cookie: BigInt(i + 1), attributes: { 4: "637562696300", 5: "00", 7: "00".repeat(36), 8: "00" } });
});
/** One dump, message behind message. */
const dump = new Uint8Array(bytes.reduce((sum, { length }) => sum + length, 0));
const starts = new Uint32Array(COUNT + 1);
for (const [i, one] of bytes.entries()) {
  dump.set(one, starts[i]);
  starts[i + 1] = starts[i]! + one.length;
}

const watched = new Watched({ maxConnections: COUNT });
const { heart } = watched;
let timeMs = 0;

function cycle(): void {
  timeMs += 10;
  heart.beginCycle();
  for (let i = 0; i < COUNT; i++) heart.observe(2, dump, starts[i]!, starts[i + 1]!, timeMs, timeMs);
  heart.endCycle({ inet: true, inet6: true }, timeMs, timeMs);
}
cycle();
watched.said();

Deno.bench({ name: `heart: a cycle of ${COUNT} connections that stay as they are`, group: "tcpinfo heart", fn: cycle });

Deno.bench({
  name: `the same bytes looked at and no more`,
  group: "tcpinfo heart",
  baseline: true,
  fn() {
    let sum = 0;
    for (let i = 0; i < dump.length; i++) sum += dump[i]!;
    if (sum === 0) throw new RangeError("there are sockets in it");
  },
});
