import assert from "node:assert/strict";
import { linuxTest } from "../testing.ts";
import { DiagDumper, type DumpReport } from "./diag_dumper.ts";
import { type Answer, CUT, done, FOREIGN, joined, netlinkMessage, ScriptedTransport, status } from "./testing.ts";

/** A payload that only says which socket it is. */
const socket = (id: number) => new Uint8Array(72).fill(id);

function dump(answers: readonly (readonly Answer[])[], filter?: Uint8Array) {
  const transport = new ScriptedTransport(answers);
  const dumper = new DiagDumper({ family: 2, filter }, transport);
  const report = dumper.dump();
  const ids = Array.from({ length: dumper.count }, (_, i) => dumper.bytes[dumper.start(i)]);
  return { transport, dumper, report, ids };
}

function counts(report: DumpReport) {
  const { attempts, interrupted, wrongSequence, wrongPort, foreign } = report;
  return { attempts, interrupted, wrongSequence, wrongPort, foreign };
}
const NOTHING = { attempts: 1, interrupted: 0, wrongSequence: 0, wrongPort: 0, foreign: 0 };

Deno.test("dump() notes the sockets of all datagrams", () => {
  const { report, ids, dumper, transport } = dump([[
    joined(netlinkMessage(socket(1)), netlinkMessage(socket(2).subarray(0, 71))),
    netlinkMessage(socket(3)),
    joined(netlinkMessage(socket(4)), done()),
  ]]);
  assert.equal(report.status, "complete");
  assert.deepEqual(counts(report), NOTHING);
  assert.deepEqual(ids, [1, 2, 3, 4]);
  assert.deepEqual([0, 1, 2, 3].map((i) => dumper.end(i) - dumper.start(i)), [72, 71, 72, 72]);
  assert.deepEqual([transport.opened, transport.closed], [1, 0]);
});

Deno.test("dump() keeps its socket and counts its requests", () => {
  const { dumper, transport } = dump([[done()], [netlinkMessage(socket(5)), done()]]);
  assert.equal(dumper.dump().status, "complete");
  assert.equal(dumper.count, 1);
  assert.deepEqual(transport.requests.map((request) => request[8]), [1, 2]);
  assert.equal(transport.opened, 1);
});

const failures: [what: string, answers: Answer[], reason: string, errno: number | undefined][] = [
  ["an end with an error", [netlinkMessage(socket(1)), done(-2)], "done status", 2],
  ["a refusal", [netlinkMessage(joined(status(-22), new Uint8Array(16)), { type: 2, flags: 0 })], "NLMSG_ERROR", 22],
  ["a refusal because another dump goes on", [netlinkMessage(status(-16), { type: 2, flags: 0 })], "NLMSG_ERROR", 16],
  ["no answer", [-11], "dump failed", undefined],
  ["an answer that never ends", [netlinkMessage(socket(1)), -11], "dump failed", undefined],
  ["a socket that cannot be received from", [-9], "dump failed", 9],
  ["a datagram that was cut off", [netlinkMessage(socket(1)), CUT], "truncated", undefined],
  ["an impossible length", [joined(netlinkMessage(socket(1)), new Uint8Array(16))], "malformed message", undefined],
  ["a cut header", [new Uint8Array(9).fill(1)], "malformed message", undefined],
  ["an end without a status", [netlinkMessage(new Uint8Array(0), { type: 3 })], "malformed message", undefined],
  ["an error of three bytes", [netlinkMessage(new Uint8Array(3), { type: 2 })], "malformed message", undefined],
];
for (const [what, answers, reason, errno] of failures) {
  Deno.test(`dump() fails on ${what}, gives no sockets, and opens another socket next time`, () => {
    const { report, dumper, transport } = dump([answers, [netlinkMessage(socket(9)), done()]]);
    assert.equal(report.status, "failed");
    assert.equal(report.failure?.reason, reason);
    assert.equal(report.failure?.errno, errno);
    assert.match(report.failure?.message ?? "", /^Cannot dump the sockets of AF_INET: /);
    assert.equal(dumper.count, 0);
    assert.equal(transport.closed, 1);
    assert.equal(dumper.dump().status, "complete");
    assert.equal(dumper.count, 1);
    assert.equal(transport.opened, 2);
  });
}

Deno.test("dump() passes over what is not meant for it, and counts it", () => {
  const { report, ids } = dump([[
    joined(netlinkMessage(socket(1), { sequence: 99 }), netlinkMessage(socket(2), { portId: 5 })),
    joined(netlinkMessage(status(-2), { type: 3, sequence: 99 }), netlinkMessage(socket(3), { type: 1 })),
    FOREIGN,
    joined(netlinkMessage(status(0), { type: 2 }), netlinkMessage(socket(4), { type: 33 }), netlinkMessage(socket(5))),
    done(),
  ]]);
  assert.equal(report.status, "complete");
  assert.deepEqual(counts(report), { ...NOTHING, wrongSequence: 2, wrongPort: 1, foreign: 1 });
  assert.deepEqual(ids, [5]);
});

Deno.test("dump() repeats an interrupted dump and gives the one that was not", () => {
  const { report, ids, transport } = dump([
    [netlinkMessage(socket(1), { flags: 0x12 }), done()],
    [netlinkMessage(socket(2)), done(0, 0x12)],
    [netlinkMessage(socket(3)), done()],
  ]);
  assert.equal(report.status, "complete");
  assert.deepEqual(counts(report), { ...NOTHING, attempts: 3, interrupted: 2 });
  assert.deepEqual(ids, [3]);
  assert.equal(transport.opened, 1);
});

Deno.test("dump() keeps the data of the fourth interrupted dump, and says so", () => {
  const { report, ids } = dump([1, 2, 3, 4, 5].map((id) => [netlinkMessage(socket(id)), done(0, 0x12)]));
  assert.equal(report.status, "inconsistent");
  assert.deepEqual(counts(report), { ...NOTHING, attempts: 4, interrupted: 4 });
  assert.deepEqual(ids, [4]);
});

for (
  const [what, answers] of [
    ["ENOBUFS", [netlinkMessage(socket(1)), -105]],
    ["NLMSG_OVERRUN", [netlinkMessage(new Uint8Array(0), { type: 4 })]],
  ] as [string, Answer[]][]
) {
  Deno.test(`dump() tries again once with a new socket after ${what}`, () => {
    const { report, ids, transport } = dump([answers, [netlinkMessage(socket(2)), done()]]);
    assert.equal(report.status, "complete");
    assert.equal(report.attempts, 2);
    assert.deepEqual(ids, [2]);
    assert.deepEqual([transport.opened, transport.closed], [2, 1]);
    const twice = dump([answers, answers]);
    assert.equal(twice.report.failure?.reason, "enobufs");
    assert.equal(twice.report.attempts, 2);
  });
}

Deno.test("dump() goes on without a filter that the kernel does not take", () => {
  const refusal = netlinkMessage(status(-22), { type: 2, flags: 0 });
  const answers = [[refusal], [netlinkMessage(socket(1)), done()], [done()]];
  const { report, dumper, transport } = dump(answers, Uint8Array.of(0, 4, 4, 0));
  assert.equal(report.status, "complete");
  assert.equal(dumper.filters, false);
  dumper.dump();
  assert.deepEqual(transport.requests.map(({ length }) => length), [80, 72, 72]);
});

Deno.test("dump() grows its buffer, and fails when it may not", () => {
  const datagram = joined(...Array.from({ length: 300 }, (_, i) => netlinkMessage(socket(i & 255))));
  const answers = [[...Array<Uint8Array>(30).fill(datagram), done()]];
  const { report, ids, dumper } = dump(answers);
  assert.equal(report.status, "complete");
  assert.equal(ids.length, 9000);
  assert.deepEqual(ids.slice(300, 303), [0, 1, 2]);
  assert.equal(dumper.bytes.length, 1 << 20);
  const bounded = new DiagDumper({ family: 2, mostBytes: 512 * 1024 }, new ScriptedTransport(answers));
  assert.match(bounded.dump().failure?.message ?? "", /more than 524288 bytes/);
});

linuxTest(
  "dump() shows a connection of this process, and the kernel's answer stays the same from dump to dump",
  async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    using _server = await listener.accept();
    const { port } = client.localAddr as Deno.NetAddr;
    using dumper = new DiagDumper({ family: 2 });
    for (let round = 0; round < 3; round++) {
      assert.equal(dumper.dump().status, "complete");
      const found: Uint8Array[] = [];
      for (let i = 0; i < dumper.count; i++) {
        const message = dumper.bytes.subarray(dumper.start(i), dumper.end(i));
        if ((message[4]! << 8 | message[5]!) === port) found.push(message);
      }
      assert.equal(found.length, 1);
      assert.deepEqual([...found[0]!.subarray(0, 2)], [2, 1]);
      assert.equal(found[0]![6]! << 8 | found[0]![7]!, listener.addr.port);
      assert.deepEqual([...found[0]!.subarray(24, 28)], [127, 0, 0, 1]);
    }
  },
);

linuxTest("dump() shows what the states ask for", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const [states, isThere] of [[1 << 10, true], [1 << 1, false]] as const) {
    using dumper = new DiagDumper({ family: 2, states });
    assert.equal(dumper.dump().status, "complete");
    const ports = Array.from({ length: dumper.count }, (_, i) => {
      const at = dumper.start(i) + 4;
      return dumper.bytes[at]! << 8 | dumper.bytes[at + 1]!;
    });
    assert.equal(ports.includes(listener.addr.port), isThere);
  }
});

linuxTest("dump() works again after close()", () => {
  using dumper = new DiagDumper({ family: 10 });
  assert.equal(dumper.dump().status, "complete");
  dumper.close();
  dumper.close();
  assert.equal(dumper.dump().status, "complete");
});

linuxTest("dump() keeps its arrays from the collector", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using dumper = new DiagDumper({ family: 2 });
  let kept: Uint8Array[] = [];
  for (let round = 0; round < 300; round++) {
    // Garbage of the sizes of its arrays: were those freed, some of it would take their place.
    for (let i = 0; i < 20; i++) kept.push(...[12, 16, 64, 72].map((size) => new Uint8Array(size).fill(0xa5)));
    if (kept.length > 2_000) kept = [];
    if (round % 50 === 0) kept.push(new Uint8Array(8 << 20));
    assert.equal(dumper.dump().status, "complete");
    const ports = Array.from({ length: dumper.count }, (_, i) => {
      const at = dumper.start(i) + 4;
      return dumper.bytes[at]! << 8 | dumper.bytes[at + 1]!;
    });
    assert.ok(ports.includes(listener.addr.port));
  }
});
