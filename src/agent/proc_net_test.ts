import assert from "node:assert/strict";
import { isLimierCommand, openFileLimits, socketInodes, softnetDrops, udpCounters } from "./proc_net.ts";

const SNMP = `Ip: Forwarding DefaultTTL
Ip: 1 64
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
Udp: 74097117 150018 5193813 79440949 5193811 0 2 0 0
UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
UdpLite: 9 9 9 9 9 9 9 9 9
`;
const SNMP6 = `Ip6InReceives                   \t12
Udp6InDatagrams                 \t11
Udp6InErrors                    \t7
Udp6RcvbufErrors                \t5
UdpLite6RcvbufErrors            \t9
`;

Deno.test("udpCounters() adds IPv4 and IPv6", () => {
  assert.deepEqual(udpCounters(SNMP, SNMP6), { received: 74097128, bufferDrops: 5193816 });
  assert.deepEqual(udpCounters(SNMP, ""), { received: 74097117, bufferDrops: 5193811 });
});
for (const text of ["", "Ip: A\nIp: 1\n", "Udp: InDatagrams\n"]) {
  Deno.test(`udpCounters() has nothing of ${JSON.stringify(text)}`, () => assert.equal(udpCounters(text, SNMP6), null));
}

const softnets: [text: string, drops: number][] = [
  ["02798af8 00000000 00000007 00000000\n0245c965 00000000 00000009 00000000\n", 0],
  ["02798af8 0000000a 00000007\n0245c965 00000100 00000009\n", 266],
  ["", 0],
];
for (const [text, drops] of softnets) {
  Deno.test(`softnetDrops() reads ${drops}`, () => assert.equal(softnetDrops(text), drops));
}

const limits: [text: string, expected: ReturnType<typeof openFileLimits>][] = [
  ["Max processes 1 2 processes\nMax open files            1024                 524288               files     \n", {
    soft: 1024,
    hard: 524288,
  }],
  ["Max open files            unlimited            unlimited            files\n", { soft: Infinity, hard: Infinity }],
  ["Max open files            many\n", null],
  ["", null],
];
for (const [text, expected] of limits) {
  Deno.test(`openFileLimits() reads ${JSON.stringify(text)}`, () => assert.deepEqual(openFileLimits(text), expected));
}

const TABLE =
  `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  407: 0100007F:1FBD 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 20915 2 0000000000000000 0
  408: 0100007F:1FBD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 20916 2 0000000000000000 0
  409: 0100007F:0050 0100007F:1FBD 07 00000000:00000000 00:00000000 00000000     0        0 20917 2 0000000000000000 0
  410: 00000000000000000000000000000000:1FBD 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 0 2 0000 0
`;

Deno.test("socketInodes() finds the sockets bound to a port", () => {
  assert.deepEqual(socketInodes(TABLE, "udp", 8125), ["20915", "20916"]);
  assert.deepEqual(socketInodes(TABLE, "udp", 80), ["20917"]);
  assert.deepEqual(socketInodes(TABLE, "udp", 8126), []);
  assert.deepEqual(socketInodes("", "udp", 8125), []);
});
Deno.test("socketInodes() leaves out TCP connections", () => {
  assert.deepEqual(socketInodes(TABLE, "tcp", 8125), ["20916"]);
  assert.deepEqual(socketInodes(TABLE, "tcp", 80), []);
});

const commands: [cmdline: string, is: boolean][] = [
  ["/usr/bin/limier\0run\0", true],
  ["limier\0run\0", true],
  ["deno\0run\0-A\0src/main.ts\0run\0", true],
  ["/opt/deno\0run\0-A\0/srv/limier/src/main.ts\0run\0", true],
  ["deno\0run\0app.ts\0", false],
  ["vi\0src/main.ts\0", false],
  ["/usr/bin/notlimier\0", false],
  ["tail\0/var/log/limier\0", false],
  ["", false],
];
for (const [cmdline, is] of commands) {
  Deno.test(`isLimierCommand() ${is ? "knows" : "does not know"} ${JSON.stringify(cmdline)}`, () => {
    assert.equal(isLimierCommand(cmdline), is);
  });
}
