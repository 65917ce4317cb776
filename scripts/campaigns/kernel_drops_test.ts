import assert from "node:assert/strict";
import { backlogDrops, sumDrops, udpDrops } from "./kernel_drops.ts";

const HEAD = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref " +
  "pointer drops             ";
const row = (address: string, drops: number) =>
  `  123: ${address} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4242 2 0000000000000000 ${drops}     `;

const texts = [
  [HEAD, row("0100007F:1FBD", 7), row("0100007F:1FBD", 5), row("0100007F:0035", 9), ""].join("\n"),
  [HEAD, row("00000000000000000000000001000000:1FBD", 1), ""].join("\n"),
];

for (const [port, drops] of [[8125, 13], [53, 9], [54, undefined]] as const) {
  Deno.test(`sumDrops() finds ${drops} drops at port ${port}`, () => assert.equal(sumDrops(texts, port), drops));
}

Deno.test({
  name: "udpDrops() and backlogDrops() read this host",
  ignore: Deno.build.os !== "linux",
  fn() {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port } = socket.addr as Deno.NetAddr;
    assert.equal(udpDrops(port), 0);
    socket.close();
    assert.equal(udpDrops(port), undefined);
    assert.ok(Number.isInteger(backlogDrops()));
  },
});
