import assert from "node:assert/strict";
import { possibleCpus } from "./bpf.ts";
import { effectiveCapabilities } from "./host_facts.ts";
import { BatchReceiver } from "./receiver.ts";
import { BatchSender } from "./sender.ts";
import { connectUdp, openUdpSocket } from "./socket.ts";
import {
  type LoadBalancing,
  openReuseportGroup,
  type ReuseportGroup,
  type ReuseportGroupOptions,
} from "./reuseport.ts";
import { linuxTest, prepare } from "./testing.ts";
import { isFile, testUnless } from "../testing/mod.ts";

const isLinux = Deno.build.os === "linux";
const capabilities = isLinux ? effectiveCapabilities(Deno.readTextFileSync("/proc/self/status")) ?? [] : [];
const hasBpf = capabilities.includes("CAP_BPF");
const lacking = hasBpf ? undefined : "it needs CAP_BPF";

function ebpfTest(name: string, body: () => void): void {
  testUnless(lacking, name, body);
}

const DATAGRAMS = 400;

function open(options: Partial<ReuseportGroupOptions> = {}): ReuseportGroup {
  return openReuseportGroup({
    address: { hostname: "127.0.0.1", port: 0 },
    sockets: 4,
    receiveBufferBytes: 8 << 20,
    receiveTimeoutMs: 20,
    ...options,
  });
}

/** Sends from one port, a call a datagram. */
function send(address: ReuseportGroup["address"], count = DATAGRAMS): void {
  using peer = connectUdp({ address });
  const sender = new BatchSender(peer.fd, prepare(Array.from({ length: count }, (_, i) => `${i}`)));
  for (let sent = 0; sent < count;) sent += sender.send(sent, 1);
}

/** What lies in each socket: taken out, and counted. */
function drain(group: ReuseportGroup): number[] {
  return group.sockets.map(({ fd }) => {
    const receiver = new BatchReceiver(fd);
    let count = 0;
    for (let got = receiver.receive(); got > 0; got = receiver.receive()) count += got;
    return count;
  });
}

const sum = (counts: number[]) => counts.reduce((a, b) => a + b, 0);
const predecessorOf = ({ sockets, balancing }: ReuseportGroup) => ({ sockets: sockets.length, balancing });

ebpfTest("a group spreads the datagrams of one sender evenly by eBPF", () => {
  using group = open();
  assert.deepEqual([group.balancing, group.notes], ["ebpf", []]);
  send(group.address);
  const counts = drain(group);
  assert.equal(sum(counts), DATAGRAMS);
  // What comes by one CPU is spread evenly; a sender that migrates leaves a rest on each.
  assert.ok(Math.max(...counts) - Math.min(...counts) <= possibleCpus(), `${counts}`);
  assert.equal(group.balanced(), BigInt(DATAGRAMS));
});

linuxTest("a group spreads the datagrams of one sender at random by classic BPF", () => {
  using group = open({ balancing: "cbpf" });
  assert.deepEqual([group.balancing, group.notes, group.balanced()], ["cbpf", [], undefined]);
  send(group.address);
  const counts = drain(group);
  assert.equal(sum(counts), DATAGRAMS);
  // Six standard deviations of a binomial distribution are 52.
  assert.ok(counts.every((count) => Math.abs(count - DATAGRAMS / 4) < 60), `${counts}`);
});

for (const handsOver of [false, true]) {
  linuxTest(`a group balanced by hash keeps a sender on one socket, handsOver ${handsOver}`, () => {
    using group = open({ balancing: "hash", handsOver });
    for (let round = 0; round < 4; round++) {
      send(group.address, 50);
      assert.deepEqual(drain(group).sort((a, b) => a - b), [0, 0, 0, 50]);
    }
    assert.equal(group.balanced(), undefined);
  });
}

ebpfTest("a group balanced by hash that hands over spreads senders by eBPF", () => {
  using group = open({ balancing: "hash", handsOver: true });
  assert.equal(group.balancing, "ebpf");
  for (let sender = 0; sender < 100; sender++) send(group.address, 1);
  const counts = drain(group);
  assert.equal(sum(counts), 100);
  assert.ok(counts.every((count) => count > 0), `${counts}`);
});

testUnless(lacking, "four workers receive equal shares of one sender", async () => {
  using group = open();
  const source = `import { BatchReceiver } from ${JSON.stringify(new URL("./mod.ts", import.meta.url).href)};
      onmessage = ({ data: { fd, stop } }) => {
        const receiver = new BatchReceiver(fd);
        postMessage("ready");
        let count = 0;
        for (let got = 1; got > 0 || Atomics.load(stop, 0) === 0;) count += got = receiver.receive();
        postMessage(count);
        close();
      };`;
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const workers = await Promise.all(group.sockets.map(async ({ fd }) => {
    const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, { type: "module" });
    const heard = () => new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
    const ready = heard();
    worker.postMessage({ fd, stop });
    await ready;
    return { count: heard() };
  }));
  const datagrams = 20_000;
  send(group.address, datagrams);
  Atomics.store(stop, 0, 1);
  const counts = await Promise.all(workers.map(({ count }) => count)) as number[];
  assert.equal(sum(counts), datagrams);
  assert.ok(Math.max(...counts) - Math.min(...counts) <= possibleCpus(), `${counts}`);
});

ebpfTest("a group on [::] takes IPv4 and IPv6 senders in turn", () => {
  using group = open({ address: { hostname: "::", port: 0 } });
  for (const hostname of ["127.0.0.1", "::1"]) {
    send({ hostname, port: group.address.port }, 40);
    const counts = drain(group);
    assert.equal(sum(counts), 40);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= possibleCpus(), `${counts}`);
  }
});

linuxTest("a group of one socket needs no program, and its port is its own", () => {
  using group = open({ sockets: 1 });
  assert.deepEqual([group.balancing, group.notes], ["hash", []]);
  assert.throws(() => openUdpSocket({ address: group.address, reusePort: true }), { errno: "EADDRINUSE" });
});

linuxTest("a second group on an address is refused unless it names a predecessor", () => {
  using group = open({ handsOver: true });
  assert.throws(() => open({ address: group.address, handsOver: true }), { errno: "EADDRINUSE" });
  assert.throws(() => open({ address: group.address, sockets: 1 }), { errno: "EADDRINUSE" });
});

const ways: [was: LoadBalancing, now: LoadBalancing, old: number, young: number][] = [];
for (const way of hasBpf ? ["ebpf", "cbpf", "hash"] as const : ["cbpf"] as const) {
  ways.push([way, way, 1, 1], [way, way, 2, 2], [way, way, 3, 1], [way, way, 2, 5]);
}
if (hasBpf) ways.push(["ebpf", "cbpf", 3, 2], ["cbpf", "ebpf", 3, 2]);

for (const [was, now, old, young] of ways) {
  linuxTest(`a group of ${young} (${now}) takes over from one of ${old} (${was}) without losing a datagram`, () => {
    using before = open({ sockets: old, balancing: was, handsOver: true });
    send(before.address, 100);
    using after = open({
      address: before.address,
      sockets: young,
      balancing: now,
      handsOver: true,
      predecessor: predecessorOf(before),
    });
    send(before.address, 100);
    assert.equal(sum(drain(after)), 0);
    after.takeOver();
    send(before.address, 100);
    assert.equal(sum(drain(before)), 200);
    // One by one, as they are closed: what is sent meanwhile must not come to one that is drained.
    const left = [...before.sockets];
    for (let socket = left.shift(); socket !== undefined; socket = left.shift()) {
      socket.close();
      send(before.address, 100);
      assert.equal(sum(drain({ ...before, sockets: left })), 0);
    }
    after.balance();
    send(before.address, 100);
    assert.equal(sum(drain(after)), 200 + 100 * old);
  });
}

linuxTest("a group without a program holds back what comes before its successor takes over", () => {
  // As where the kernel refuses eBPF: several sockets that the hash chooses among.
  using before = open({ sockets: 2, balancing: "hash" });
  assert.equal(before.balancing, "hash");
  using after = open({
    address: before.address,
    sockets: 2,
    balancing: "cbpf",
    predecessor: predecessorOf(before),
  });
  for (let sender = 0; sender < 50; sender++) send(before.address, 1);
  assert.deepEqual([sum(drain(before)), sum(drain(after))], [50, 0]);
});

linuxTest("a predecessor goes on when its successor leaves without having taken over", () => {
  for (const balancing of ["auto", "cbpf", "hash"] as const) {
    using before = open({ sockets: 2, balancing, handsOver: true });
    open({ address: before.address, sockets: 2, balancing, predecessor: predecessorOf(before) }).close();
    const { balancing: program } = before;
    before.balance();
    assert.equal(before.balancing, program);
    send(before.address, 50);
    assert.equal(sum(drain(before)), 50);
  }
});

const cpuLists: [list: string, cpus: number][] = [["0\n", 1], ["0-3\n", 4], ["0,2-63\n", 64]];
for (const [list, cpus] of cpuLists) {
  Deno.test(`possibleCpus() counts ${cpus} in ${JSON.stringify(list)}`, () => assert.equal(possibleCpus(list), cpus));
}
Deno.test("possibleCpus() refuses what is no list", () => {
  assert.throws(() => possibleCpus("none\n"), RangeError);
});

for (const sockets of [0, 257, 1.5, NaN]) {
  Deno.test(`openReuseportGroup() refuses ${sockets} sockets`, () => {
    assert.throws(() => open({ sockets }), RangeError);
  });
}

/** Runs a program with no capability at all; root's files stay root's. */
async function withoutCapabilities(source: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("setpriv", {
    args: ["--bounding-set=-all", "--inh-caps=-all", Deno.execPath(), "eval", source],
    env: { NO_COLOR: "1" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

testUnless(
  capabilities.includes("CAP_SETPCAP") && isFile("/usr/bin/setpriv") ? undefined : "it needs setpriv and CAP_SETPCAP",
  "a group without capabilities is balanced by classic BPF, and says why",
  async () => {
    const source = `import { openReuseportGroup } from ${JSON.stringify(new URL("./mod.ts", import.meta.url).href)};
      const address = { hostname: "127.0.0.1", port: 0 };
      for (const balancing of ["auto", "hash"]) {
        const group = openReuseportGroup({ address, sockets: 2, balancing, handsOver: true });
        console.log(JSON.stringify([group.balancing, group.notes]));
      }`;
    const lines = (await withoutCapabilities(source)).trim().split("\n").map((line) => JSON.parse(line));
    const why = "Cannot make the eBPF map limier_sockets: EPERM (operation not permitted): give the process CAP_BPF " +
      "(CAP_SYS_ADMIN before Linux 5.8); if it has it, before Linux 5.11, the limit of locked memory is too low " +
      "(ulimit -l, LimitMEMLOCK=)";
    assert.deepEqual(lines, [
      ["cbpf", [`${why}; classic BPF balances instead`]],
      ["hash", [`${why}; a successor takes over by classic BPF`]],
    ]);
  },
);
