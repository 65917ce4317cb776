/**
 * Sends datagrams of NetFlow version 9, 25 flows each, the template first:
 *
 *     deno run -A scripts/bench/flow_sender.ts PORT SECONDS RATE
 *
 * RATE is datagrams a second, 0 for as many as can be. Prints how many the kernel took.
 */
import { usualRecords, usualTemplate } from "../../src/flow/mod.ts";
import { BatchSender, connectUdp } from "../../src/linux/mod.ts";

/** Flows of a datagram. */
export const FLOWS_A_DATAGRAM = 25;
const DIFFERENT = 256;
const BURST = 32;

function prepared(datagrams: readonly Uint8Array[]) {
  const buffer = new Uint8Array(datagrams.reduce((sum, { length }) => sum + length, 0));
  const offsets = new Uint32Array(datagrams.length), lengths = new Uint32Array(datagrams.length);
  let at = 0;
  for (const [i, datagram] of datagrams.entries()) {
    buffer.set(datagram, at);
    offsets[i] = at;
    lengths[i] = datagram.length;
    at += datagram.length;
  }
  return { buffer, offsets, lengths };
}

if (import.meta.main) {
  const [port = 0, seconds = 1, rate = 0] = Deno.args.map(Number);
  using socket = connectUdp({ address: { hostname: "127.0.0.1", port }, sendBufferBytes: 1 << 20 });
  const template = new BatchSender(socket.fd, prepared([usualTemplate(9)]));
  const records = new BatchSender(
    socket.fd,
    prepared(Array.from({ length: DIFFERENT }, (_, i) => usualRecords(9, FLOWS_A_DATAGRAM, i))),
  );
  while (template.send(0, 1) === 0);
  const startMs = performance.now();
  let sent = 0;
  for (let elapsedS = 0; elapsedS < seconds; elapsedS = (performance.now() - startMs) / 1000) {
    const due = rate === 0 ? Infinity : elapsedS * rate;
    while (sent < due) {
      const first = sent % DIFFERENT;
      sent += records.send(first, Math.max(1, Math.min(BURST, DIFFERENT - first, Math.floor(due - sent))));
      if (rate === 0 && (performance.now() - startMs) / 1000 >= seconds) break;
    }
    if (rate > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  console.log(JSON.stringify({ sent }));
}
