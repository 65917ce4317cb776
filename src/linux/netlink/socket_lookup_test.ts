import assert from "node:assert/strict";
import { linuxTest } from "../testing.ts";
import { DiagDumper } from "./diag_dumper.ts";
import { SocketLookup } from "./socket_lookup.ts";
import { type Answer, CUT, done, FOREIGN, netlinkMessage, ScriptedTransport, status } from "./testing.ts";

const ID = new Uint8Array(48).fill(7);
const found = netlinkMessage(new Uint8Array(80).fill(1), { flags: 0 });
const gone = netlinkMessage(status(-2), { type: 2, flags: 0 });

const outcomes: [what: string, answers: Answer[], outcome: string, failure: RegExp][] = [
  ["a socket", [found], "found", /^$/],
  ["ENOENT", [gone], "gone", /^$/],
  [
    "late answers before its own",
    [netlinkMessage(status(-2), { type: 2, sequence: 99 }), FOREIGN, found],
    "found",
    /^$/,
  ],
  ["another errno", [netlinkMessage(status(-1), { type: 2, flags: 0 })], "failed", /EPERM/],
  ["no answer", [], "failed", /EAGAIN/],
  ["a cut answer", [CUT], "failed", /cut off/],
  ["an impossible length", [new Uint8Array(16)], "failed", /malformed/],
  ["an acknowledgement", [netlinkMessage(status(0), { type: 2 })], "failed", /errno 0/],
  ["the end of a dump", [done()], "failed", /type 3/],
  ["an error without a number", [netlinkMessage(new Uint8Array(2), { type: 2 })], "failed", /type 2/],
  [
    "nothing but answers for others",
    Array<Answer>(200).fill(netlinkMessage(ID, { portId: 5 })),
    "failed",
    /for others/,
  ],
];
for (const [what, answers, outcome, failure] of outcomes) {
  Deno.test(`find() is ${outcome} on ${what}`, () => {
    const transport = new ScriptedTransport([answers, [found]]);
    const lookup = new SocketLookup({}, transport);
    assert.equal(lookup.find(2, ID, 0), outcome);
    assert.match(lookup.failure, failure);
    assert.equal(transport.closed, outcome === "failed" ? 1 : 0);
    assert.equal(lookup.find(10, ID, 0), "found");
    assert.deepEqual([lookup.start, lookup.end], [16, 96]);
    assert.equal(lookup.failure, "");
    assert.deepEqual(transport.requests.map((request) => [request[8], request[16]]), [[1, 2], [2, 10]]);
    assert.deepEqual([...transport.requests[0]!.subarray(24)], [...ID]);
  });
}

linuxTest("find() finds a connection by its cookie, and no other that is like it", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using _server = await listener.accept();
  const { port } = client.localAddr as Deno.NetAddr;
  using dumper = new DiagDumper({ family: 2 });
  dumper.dump();
  let id: Uint8Array | undefined;
  for (let i = 0; i < dumper.count; i++) {
    const at = dumper.start(i) + 4;
    if ((dumper.bytes[at]! << 8 | dumper.bytes[at + 1]!) === port) id = dumper.bytes.slice(at, at + 48);
  }
  assert.ok(id !== undefined);
  using lookup = new SocketLookup();
  for (let round = 0; round < 3; round++) {
    assert.equal(lookup.find(2, id, 0), "found");
    assert.deepEqual([...lookup.bytes.subarray(lookup.start + 4, lookup.start + 52)], [...id]);
    assert.ok(lookup.end - lookup.start > 72 + 200); // it came with its tcp_info
  }
  id[40]! ^= 1;
  assert.equal(lookup.find(2, id, 0), "gone");
  id[40]! ^= 1;
  assert.equal(lookup.find(2, id, 0), "found");
});
