import assert from "node:assert/strict";
import { zstdDecompressSync } from "node:zlib";
import { Anonymizer } from "./anonymize.ts";
import { HandFed, nameOf } from "./archive_testing.ts";
import { At } from "./stats.ts";
import { frameAt } from "./zstd_frames.ts";

const at = (time: string) => Date.parse(`2024-${time}Z`);
const START = at("02-29T23:55:00.000");
const FEB = "2024/02/29", MAR = "2024/03/01";

Deno.test("Archive writes a connection's records into one file, metadata first", async () => {
  await using fed = new HandFed();
  fed.first(1, START);
  fed.next(1, START + 1000);
  fed.end(1);
  assert.deepEqual(fed.names(), [nameOf(FEB, 1, 0)]);
  const [metadata, ...snapshots] = fed.read(nameOf(FEB, 1, 0));
  assert.deepEqual(metadata, {
    kind: "metadata",
    uuid: "U_0000000000000001",
    sequence: 0,
    start_time: "2024-02-29T23:55:00Z",
  });
  assert.deepEqual(snapshots.map(({ timestamp }) => timestamp), ["2024-02-29T23:55:00Z", "2024-02-29T23:55:01Z"]);
  assert.equal(fed.stats[At.files], 1);
  assert.equal(fed.stats[At.records], 2);
});

Deno.test("Archive rotates as files age, into the directory of the day, and names no file twice", async () => {
  await using fed = new HandFed();
  const rows: [time: string, sequence: number, folder: string][] = [
    ["02-29T23:55:00.000", 0, FEB],
    ["03-01T00:04:59.990", 0, FEB],
    ["03-01T00:05:00.000", 0, FEB],
    ["03-01T00:05:00.010", 1, MAR],
    ["03-01T00:47:30.000", 2, MAR],
    ["03-01T00:47:30.010", 2, MAR],
    ["03-01T00:47:30.020", 2, MAR],
    ["03-01T00:47:30.030", 2, MAR],
    ["03-01T00:55:00.010", 3, MAR],
  ];
  for (const [i, [time]] of rows.entries()) i === 0 ? fed.first(1, at(time)) : fed.next(1, at(time));
  fed.end(1);
  const want = new Map<string, number>();
  for (const [, sequence, folder] of rows) {
    const name = nameOf(folder, 1, sequence);
    want.set(name, (want.get(name) ?? 0) + 1);
  }
  assert.deepEqual(fed.names(), [...want.keys()]);
  for (const [name, records] of want) assert.equal(fed.read(name).length, records + 1, name);
  assert.equal(fed.read(nameOf(MAR, 1, 2))[0]?.sequence, 2);
  assert.equal(fed.read(nameOf(MAR, 1, 2))[0]?.start_time, "2024-02-29T23:55:00Z");

  // The same connection, followed anew: nothing is overwritten.
  fed.first(1, at("03-01T00:58:00.000"));
  fed.end(1);
  assert.equal(fed.read(nameOf(MAR, 1, 0))[0]?.start_time, "2024-03-01T00:58:00Z");
  fed.first(1, at("03-01T00:59:00.000"));
  fed.end(1);
  assert.equal(fed.read(nameOf(MAR, 1, 4))[0]?.sequence, 4);
});

Deno.test("Archive ends the file of an idle connection when it is too old", async () => {
  await using fed = new HandFed();
  fed.first(1, START);
  fed.tick(START + 6000);
  assert.deepEqual(fed.names(), [`${nameOf(FEB, 1, 0)}.partial`]);
  fed.tick(START + 600_001);
  assert.deepEqual(fed.names(), [nameOf(FEB, 1, 0)]);
  fed.next(1, START + 700_000);
  fed.end(1);
  assert.deepEqual(fed.names(), [nameOf(FEB, 1, 0), nameOf(MAR, 1, 1)]);
});

Deno.test("Archive writes lines within the flush interval, each time as a complete frame", async () => {
  await using fed = new HandFed({ flushIntervalMs: 5000 });
  fed.first(1, START);
  fed.tick(START + 3000);
  assert.deepEqual(fed.names(), []);
  fed.tick(START + 4001);
  fed.next(1, START + 4500);
  fed.next(1, START + 5000);
  fed.tick(START + 8501);
  const name = `${nameOf(FEB, 1, 0)}.partial`;
  assert.equal(fed.read(name).length, 4);
  const bytes = Deno.readFileSync(`${fed.directory}/${name}`);
  const frames: number[] = [];
  for (let from = 0; from < bytes.length;) {
    const { kind, end } = frameAt(bytes, from);
    assert.equal(kind, "data");
    assert.ok(zstdDecompressSync(bytes.subarray(from, end)).at(-1) === 0x0a, "each ends with a line");
    assert.ok((bytes[from + 4]! & 4) !== 0, "each has a checksum");
    frames.push(from = end);
  }
  assert.equal(frames.length, 2);
});

Deno.test("Archive writes at 64 KiB a connection, and when the memory for lines is full", async () => {
  await using one = new HandFed();
  one.first(1, START);
  for (let i = 0; i < 130; i++) one.next(1, START + i);
  assert.equal(one.stats[At.frames], 1);
  await using many = new HandFed({ bufferBytes: 256 * 1024 });
  for (let cookie = 1; cookie <= 300; cookie++) many.first(cookie, START);
  assert.ok(many.stats[At.frames]! > 100);
  for (let cookie = 1; cookie <= 300; cookie++) many.end(cookie);
  for (let cookie = 1; cookie <= 300; cookie++) assert.equal(many.read(nameOf(FEB, cookie, 0)).length, 2);
});

Deno.test("Archive loses the record of a file that can't be begun, and tries again with the next", async () => {
  await using fed = new HandFed();
  Deno.writeTextFileSync(`${fed.directory}/2024`, "in the way");
  fed.first(1, START);
  assert.equal(fed.stats[At.rotateErrors], 1);
  assert.equal(fed.stats[At.lostRecords], 1);
  assert.match(fed.warnings[0]!, /^Cannot begin a file of U_0000000000000001: /);
  Deno.removeSync(`${fed.directory}/2024`);
  fed.next(1, START + 1000);
  fed.end(1);
  const [metadata, ...rest] = fed.read(nameOf(FEB, 1, 0));
  assert.equal(metadata?.sequence, 0);
  assert.equal(rest.length, 1);
});

Deno.test("Archive ends a file that can't be written, and goes on with the next sequence", async () => {
  await using fed = new HandFed();
  fed.first(1, START);
  fed.first(2, START);
  fed.tick(START + 4001);
  const path = `${fed.directory}/${nameOf(FEB, 1, 0)}.partial`;
  Deno.removeSync(path);
  Deno.mkdirSync(path); // a directory takes no lines
  fed.next(1, START + 5000);
  fed.next(2, START + 5000);
  fed.tick(START + 9001);
  assert.equal(fed.stats[At.writeErrors], 1);
  assert.equal(fed.stats[At.lostRecords], 1);
  assert.match(fed.warnings[0]!, /^Cannot write 2024\/02\/29\/U_0000000000000001\.00000\.jsonl\.zst: /);
  fed.next(1, START + 10_000);
  fed.end(1);
  fed.end(2);
  assert.equal(fed.read(nameOf(FEB, 1, 1)).length, 2);
  assert.equal(fed.read(nameOf(FEB, 2, 0)).length, 3, "the other connection has lost nothing");
});

Deno.test("Archive gives files their names once they are on the disk", async () => {
  for (const count of [1, 40]) {
    await using fed = new HandFed({ fsync: () => true });
    for (let cookie = 1; cookie <= count; cookie++) {
      fed.first(cookie, START);
      fed.end(cookie);
    }
    await fed.archive.close();
    const want = Array.from({ length: count }, (_, i) => nameOf(FEB, i + 1, 0)).sort();
    assert.deepEqual(fed.names(), want);
    assert.deepEqual(fed.warnings, []);
  }
});

Deno.test("Archive counts structures that are longer than is known, and attributes that are not", async () => {
  await using fed = new HandFed();
  fed.first(1, START, { infoBytes: 288, attributes: { 7: "00".repeat(40) } });
  fed.next(1, START + 1, { attributes: { 16: "00".repeat(20), 23: "00" } });
  fed.end(1);
  assert.equal(fed.stats[At.largeTcpInfo], 1);
  assert.equal(fed.stats[At.largeSockMemInfo], 1);
  assert.equal(fed.stats[At.largeBbrInfo], 0);
  assert.equal(fed.stats[At.unknownAttributes], 1);
});

Deno.test("Archive writes no record of a family whose addresses it can't hide", async () => {
  await using fed = new HandFed({}, new Anonymizer("netblock"));
  fed.first(1, START);
  fed.next(1, START + 1, { family: 30 as 2 });
  fed.end(1);
  assert.equal(fed.read(nameOf(FEB, 1, 0)).length, 2);
  assert.equal(fed.stats[At.unknownFamily], 1);
});
