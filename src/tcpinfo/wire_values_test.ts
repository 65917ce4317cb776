import assert from "node:assert/strict";
import { bytesOf, fixturePayloads, V4 } from "./testing.ts";
import { Refusal, SocketMessage } from "./wire.ts";
import { attributesObject } from "./wire_objects.ts";
import { BBRINFO, DCTCPINFO, type JsonObject, MEMINFO, SKMEMINFO, VEGASINFO } from "./wire_structures.ts";
import { TCP_INFO_NAMES } from "./wire_tcp_info.ts";
import { Longer, SocketValues } from "./wire_values.ts";

const values = new SocketValues("7.0");

function read(...hex: string[]): SocketValues {
  const bytes = bytesOf(V4, ...hex);
  const socket = new SocketMessage();
  assert.equal(socket.load(bytes, 0, bytes.length), Refusal.none);
  values.read(socket);
  return values;
}

/** A structure as the numbers of its fields, in their order; NaN for one that is not there. */
function numbers(object: unknown, names: readonly string[]): number[] {
  const fields = (object ?? {}) as JsonObject;
  return names.map((name) => fields[name] === undefined ? NaN : Number(fields[name]));
}

function number(value: unknown): number {
  return typeof value === "number" ? value : NaN;
}

Deno.test("read() gives what the objects of the same socket say, whichever socket was before", () => {
  const socket = new SocketMessage();
  let seen = 0;
  for (const { name, bytes, start, end } of fixturePayloads()) {
    if (socket.load(bytes, start, end) !== Refusal.none) continue;
    seen++;
    values.read(socket);
    const object = attributesObject(socket, "7.0");
    const of = (key: string) => object[`INET_DIAG_${key}`];
    const names = (fields: readonly (readonly [string, number, number])[]) => fields.map(([name]) => name);
    assert.deepEqual([...values.info], numbers(of("INFO"), TCP_INFO_NAMES), name);
    assert.deepEqual([...values.meminfo], numbers(of("MEMINFO"), names(MEMINFO)), name);
    assert.deepEqual([...values.skmeminfo], numbers(of("SKMEMINFO"), names(SKMEMINFO)), name);
    assert.deepEqual([...values.vegasinfo], numbers(of("VEGASINFO"), names(VEGASINFO)), name);
    assert.deepEqual([...values.dctcpinfo], numbers(of("DCTCPINFO"), names(DCTCPINFO)), name);
    assert.deepEqual([...values.bbrinfo], numbers(of("BBRINFO"), ["bw", ...names(BBRINFO).slice(2)]), name);
    assert.equal(values.congestion, of("CONG") ?? "", name);
    for (const key of ["TOS", "TCLASS", "SHUTDOWN", "PROTOCOL", "SKV6ONLY"] as const) {
      assert.equal(values[key.toLowerCase() as Lowercase<typeof key>], number(of(key)), `${name} ${key}`);
    }
    assert.equal(values.mark, number(of("MARK")), name);
    assert.equal(values.classId, number(of("CLASS_ID")), name);
    const group = of("CGROUP_ID");
    const halves = typeof group === "bigint" ? [Number(group & 0xffff_ffffn), Number(group >> 32n)] : [NaN, NaN];
    assert.deepEqual([values.cgroupIdLow, values.cgroupIdHigh], halves, name);
  }
  assert.ok(seen > 150, `${seen} sockets`);
});

Deno.test("read() takes the bits of SOCKOPT as 16", () => {
  assert.equal(read("060016005203").sockopt, 0x0352);
  assert.ok(Number.isNaN(read("0500160052").sockopt));
});

Deno.test("read() takes a mark of exactly four bytes", () => {
  assert.equal(read("08000f00010000ff").mark, 0xff00_0001);
  assert.ok(Number.isNaN(read("0c000f000100000000000000").mark));
});

const longer: [what: string, hex: string, bits: number][] = [
  ["MEMINFO", `15000100${"00".repeat(17)}`, Longer.meminfo],
  ["INFO", `1d010200${"00".repeat(281)}`, Longer.info],
  ["VEGASINFO", `18000300${"00".repeat(20)}`, Longer.vegasinfo],
  ["SKMEMINFO", `29000700${"00".repeat(37)}`, Longer.skmeminfo],
  ["DCTCPINFO", `15000900${"00".repeat(17)}`, Longer.dctcpinfo],
  ["BBRINFO", `19001000${"00".repeat(21)}`, Longer.bbrinfo],
  ["nothing", `1c010200${"00".repeat(280)}`, 0],
];
for (const [what, hex, bits] of longer) {
  Deno.test(`read() notes that ${what} is longer than known`, () => assert.equal(read(hex).longer, bits));
}

Deno.test("read() tells congestion controls apart, and makes no more strings than it keeps", () => {
  const name = (text: string) => {
    const bytes = new TextEncoder().encode(text + "\0");
    return (4 + bytes.length).toString(16).padStart(2, "0") + "000400" + bytes.toHex();
  };
  for (const text of ["cubic", "cubi", "cubic2", "bbr", "cubic", "bbr", ""]) {
    assert.equal(read(name(text)).congestion, text);
  }
  for (let i = 0; i < 200; i++) assert.equal(read(name(`one${i}`)).congestion, `one${i}`);
  assert.equal(read("04000400").congestion, "");
});
