import { crc32c } from "../../bytes/mod.ts";
import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { HEADER_BYTES } from "./header.ts";
import { ioError, MemoryFiles } from "./memory_files.ts";
import { encodePositions, parsePositions } from "./position.ts";
import { openSpool, SpoolVersionError } from "./mod.ts";
import { balance, DIRECTORY, drain, metric, openInMemory, points, segmentPaths } from "./testing.ts";

const POSITION = `${DIRECTORY}/position`;
const ALL = Array.from({ length: 10 }, (_, i) => [`a${i}-0`, `a${i}-1`]).flat();

/** The files of a process that was killed after ten batches of two events, one record each; where each record starts. */
async function killed(segmentBytes = 2 ** 20) {
  const opened = await openInMemory({ segmentBytes });
  const starts: number[] = [];
  for (let i = 0; i < 10; i++) {
    await opened.spool.append("out", points(`a${i}`, 2));
    starts.push(opened.files.contents.get(segmentPaths(opened.files).at(-1)!)!.length);
  }
  const files = opened.files.afterKill();
  return {
    files,
    path: segmentPaths(files).at(-1)!,
    starts: [HEADER_BYTES, ...starts.slice(0, -1)],
    end: starts.at(-1)!,
  };
}

/** The files of a process that has stopped with the same backlog: the segment is sealed. */
async function stopped() {
  const opened = await openInMemory();
  const starts: number[] = [HEADER_BYTES];
  for (let i = 0; i < 10; i++) {
    await opened.spool.append("out", points(`a${i}`, 2));
    starts.push(opened.files.contents.get(segmentPaths(opened.files)[0]!)!.length);
  }
  await opened[Symbol.asyncDispose]();
  const files = opened.files.afterKill();
  return { files, path: segmentPaths(files)[0]!, starts: starts.slice(0, -1), end: starts.at(-1)! };
}

function changed(files: MemoryFiles, path: string, change: (bytes: Uint8Array) => Uint8Array): MemoryFiles {
  const copy = files.afterKill();
  copy.put(path, change(copy.contents.get(path)!.slice()));
  return copy;
}

Deno.test("openSpool() cuts a tail torn at any byte of the last record, and says so", async () => {
  const { files, path, starts, end } = await killed();
  for (let cut = starts.at(-1)! + 1; cut < end; cut++) {
    await using opened = await openInMemory({}, changed(files, path, (bytes) => bytes.slice(0, cut)));
    const torn = cut - starts.at(-1)!;
    assert.equal(opened.files.contents.get(path)![starts.at(-1)! + 20], 0xff, "a seal stands where the record was");
    assert.equal(metric(opened.reporter, "limier_spool_truncated_bytes_total"), torn);
    assert.ok(opened.reporter.lines.some(({ level, message }) => level === "warn" && message.includes("torn")));
    await opened.spool.append("out", points("later", 1));
    assert.deepEqual(await drain(opened.spool), [...ALL.slice(0, 18), "later-0"]);
    assert.equal(metric(opened.reporter, "limier_spool_corrupt_records_total"), 0);
    assert.deepEqual(balance(opened.reporter), [19, 19]);
  }
});

Deno.test("openSpool() cuts off a torn header, and what has none", async () => {
  const { files, path } = await killed();
  for (const size of [0, 1, 30, HEADER_BYTES - 1]) {
    await using opened = await openInMemory({}, changed(files, path, (bytes) => bytes.slice(0, size)));
    assert.equal(metric(opened.reporter, "limier_spool_truncated_bytes_total"), size);
    assert.deepEqual(opened.spool.outputs(), [{ name: "out", pendingEvents: 0, pendingBytes: 0 }]);
    await opened.spool.append("out", points("later", 1));
    assert.deepEqual(await drain(opened.spool), ["later-0"]);
  }
});

const tails: [what: string, tail: Uint8Array][] = [
  ["zeros", new Uint8Array(4096)],
  ["noise", crypto.getRandomValues(new Uint8Array(4096))],
  ["markers", Uint8Array.from({ length: 4096 }, (_, i) => [0xf5, 0xff, 0xc1, 0xfe][i % 4]!)],
];
for (const [what, tail] of tails) {
  for (const [how, make] of [["killed", killed], ["stopped", stopped]] as const) {
    Deno.test(`openSpool() cuts off ${what} at the end of a spool whose process was ${how}`, async () => {
      const { files, path } = await make();
      const longer = changed(files, path, (bytes) => new Uint8Array([...bytes, ...tail]));
      await using opened = await openInMemory({}, longer);
      assert.equal(metric(opened.reporter, "limier_spool_truncated_bytes_total"), 4096);
      assert.equal(metric(opened.reporter, "limier_spool_lost_events_total"), 0);
      await opened.spool.append("out", points("later", 1));
      assert.deepEqual(await drain(opened.spool), [...ALL, "later-0"]);
    });
  }
}

const fields: [what: string, at: number][] = [
  ["marker", 0],
  ["checksum", 4],
  ["length", 8],
  ["length, made huge", 11],
  ["sequence", 12],
  ["kind", 20],
  ["flags", 21],
  ["name", 25],
  ["number of events", 52],
  ["events", 64],
];
for (const [what, at] of fields) {
  for (const [how, make] of [["killed", killed], ["stopped", stopped]] as const) {
    Deno.test(`a bit flipped in the ${what} of a record costs that record alone (${how})`, async () => {
      const { files, path, starts } = await make();
      const damaged = changed(files, path, (bytes) => {
        bytes[starts[4]! + at]! ^= 0x40;
        return bytes;
      });
      const opened = await openInMemory({}, damaged);
      assert.deepEqual(await drain(opened.spool), ALL.filter((text) => !text.startsWith("a4-")));
      assert.equal(metric(opened.reporter, "limier_spool_lost_events_total"), 2);
      assert.equal(metric(opened.reporter, "limier_spool_corrupt_records_total"), 1);
      const [accepted, settled] = balance(opened.reporter);
      assert.equal(accepted, settled);
      await opened[Symbol.asyncDispose]();
      assert.ok([...damaged.contents.keys()].some((name) => name.includes("/damaged-")), "the file is kept aside");
    });
  }
}

Deno.test("a damaged header costs no record", async () => {
  const { files, path } = await killed();
  const damaged = changed(files, path, (bytes) => {
    bytes[0]! ^= 1;
    return bytes;
  });
  await using opened = await openInMemory({}, damaged);
  assert.deepEqual(await drain(opened.spool), ALL);
});

Deno.test("a damaged seal costs no record", async () => {
  const { files, path, end } = await stopped();
  const damaged = changed(files, path, (bytes) => {
    bytes[end + 30]! ^= 1;
    return bytes;
  });
  await using opened = await openInMemory({}, damaged);
  assert.deepEqual(await drain(opened.spool), ALL);
  assert.deepEqual(balance(opened.reporter), [20, 20]);
});

Deno.test("damage at the end of an older segment is counted as lost, and nothing else is", async () => {
  const { files } = await killed(400);
  const [first, second] = segmentPaths(files);
  assert.ok(second !== undefined);
  const damaged = changed(files, first!, (bytes) => bytes.fill(0, bytes.length - 250));
  const opened = await openInMemory({}, damaged);
  const came = await drain(opened.spool);
  const lost = metric(opened.reporter, "limier_spool_lost_events_total");
  assert.ok(lost > 0);
  const gap = ALL.findIndex((text) => !came.includes(text));
  assert.deepEqual(came, ALL.toSpliced(gap, lost));
  await opened[Symbol.asyncDispose]();
});

Deno.test("a segment of nothing but noise is set aside, the others are read", async () => {
  const { files } = await killed(400);
  const [first] = segmentPaths(files);
  const damaged = changed(files, first!, (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>));
  const opened = await openInMemory({}, damaged);
  const came = await drain(opened.spool);
  assert.ok(came.length > 0 && came.length < ALL.length);
  assert.deepEqual(came, ALL.slice(-came.length));
  await opened[Symbol.asyncDispose]();
});

Deno.test("a record inside an event's bytes is never taken for one", async () => {
  const { files, path, starts } = await killed();
  const bytes = files.contents.get(path)!;
  const record = bytes.slice(starts[3]!, starts[4]!);
  const opened = await openInMemory();
  const events = new Uint8Array(2 * record.length).map((_, i) => record[i % record.length]!);
  await opened.spool.append("out", {
    id: 1,
    kind: "points",
    timestamp: 1,
    bytes: events,
    ends: Uint32Array.of(record.length, 2 * record.length),
  });
  await opened.spool.append("out", points("next", 1));
  const copy = opened.files.afterKill();
  const damaged = changed(copy, segmentPaths(copy)[0]!, (all) => {
    all[HEADER_BYTES + 4]! ^= 1;
    return all;
  });
  await using again = await openInMemory({}, damaged);
  const came = await drain(again.spool);
  assert.deepEqual(came, ["next-0"]);
});

const positionFaults: [what: string, change: (bytes: Uint8Array) => Uint8Array | undefined][] = [
  ["missing", () => undefined],
  ["empty", () => new Uint8Array(0)],
  ["cut short", (bytes) => bytes.slice(0, -1)],
  ["damaged", (bytes) => bytes.map((byte, i) => i === 40 ? byte ^ 1 : byte)],
  ["another spool's", (bytes) => {
    const parsed = parsePositions(bytes);
    assert.ok(parsed.state === "ok");
    return encodePositions({ ...parsed.positions, installation: new Uint8Array(16).fill(7) });
  }],
];
for (const [what, change] of positionFaults) {
  Deno.test(`openSpool() sends all that is stored again when the position file is ${what}`, async () => {
    const before = await openInMemory();
    for (let i = 0; i < 10; i++) await before.spool.append("out", points(`a${i}`, 2));
    const reader = before.spool.reader("out");
    for (let i = 0; i < 3; i++) reader.finish((await reader.next())!, "delivered");
    await before[Symbol.asyncDispose]();
    const files = before.files.afterKill();
    files.put(POSITION, change(files.contents.get(POSITION)!.slice()));
    await using opened = await openInMemory({}, files);
    const { from } = await opened.spool.append("out", points("later", 1));
    assert.ok(from > 20, "numbers go on");
    assert.deepEqual(await drain(opened.spool), [...ALL, "later-0"]);
    assert.equal(opened.spool.installation, before.spool.installation);
  });
}

Deno.test("openSpool() sets back a position that is ahead of everything", async () => {
  const { files } = await killed();
  const parsed = parsePositions(files.contents.get(POSITION)!);
  assert.ok(parsed.state === "ok");
  const outputs = new Map([["out", { lowWater: parsed.positions.reserved + 5, totals: new Map() }]]);
  files.put(POSITION, encodePositions({ ...parsed.positions, outputs }));
  await using opened = await openInMemory({}, files);
  assert.ok(opened.reporter.lines.some(({ message }) => message.includes("ahead")));
  await opened.spool.append("out", points("later", 1));
  assert.deepEqual(await drain(opened.spool), ["later-0"]);
});

Deno.test("openSpool() goes on from an older position", async () => {
  const before = await openInMemory();
  for (let i = 0; i < 10; i++) await before.spool.append("out", points(`a${i}`, 2));
  const stale = before.files.contents.get(POSITION)!.slice();
  await drain(before.spool);
  await before.spool.append("out", points("later", 1));
  await before[Symbol.asyncDispose]();
  const files = before.files.afterKill();
  files.put(POSITION, stale);
  await using opened = await openInMemory({}, files);
  assert.deepEqual(await drain(opened.spool), [...ALL, "later-0"]);
});

for (const [what, at] of [["segment", 8], ["position file", 8]] as const) {
  Deno.test(`openSpool() refuses a ${what} of a newer version, and touches nothing`, async () => {
    const { files, path } = await stopped();
    const newer = changed(files, what === "segment" ? path : POSITION, (bytes) => {
      bytes[at] = 2;
      const view = new DataView(bytes.buffer);
      if (what === "segment") view.setUint32(HEADER_BYTES - 4, crc32c(bytes.subarray(0, HEADER_BYTES - 4)), true);
      else view.setUint32(16, crc32c(bytes.subarray(20), crc32c(bytes.subarray(0, 16))), true);
      return bytes;
    });
    let changes = 0;
    newer.fault = ({ kind }) => void (kind !== "makeDirectory" && changes++);
    let released = 0;
    const lock = () => ({ release: () => void released++ });
    const deps = { clock: new FakeClock(), reporter: recordingReporter(), files: newer, lock };
    await assert.rejects(openSpool({ directory: DIRECTORY }, deps), (error) => {
      assert.ok(error instanceof SpoolVersionError && error.code === "output.spool_version");
      assert.match(error.message, /^Cannot open the spool: .* has version 2 and this program reads up to 1/);
      return true;
    });
    assert.deepEqual([changes, released], [0, 1]);
  });
}

Deno.test("openSpool() passes on what the file system says, and lets go of the lock", async () => {
  const files = new MemoryFiles();
  files.list = () => Promise.reject(ioError());
  let released = 0;
  const lock = () => ({ release: () => void released++ });
  const deps = { clock: new FakeClock(), reporter: recordingReporter(), files, lock };
  await assert.rejects(openSpool({ directory: DIRECTORY }, deps), /Input\/output error/);
  assert.equal(released, 1);
});

for (const options of [{ maxBytes: 0 }, { maxBytes: NaN }, { maxEventBytes: 0 }, { maxEventBytes: 5 * 2 ** 20 }]) {
  Deno.test(`openSpool() refuses ${JSON.stringify(options)}`, async () => {
    await assert.rejects(openInMemory(options), RangeError);
  });
}

Deno.test("openSpool() reads no sealed segment but the one in which a position is", async () => {
  const before = await openInMemory({ segmentBytes: 10_000 });
  for (let i = 0; i < 100; i++) await before.spool.append("out", points(`a${i}`, 5, 200));
  const reader = before.spool.reader("out");
  for (let i = 0; i < 13; i++) reader.finish((await reader.next())!, "delivered");
  await before[Symbol.asyncDispose]();
  const files = before.files.afterKill();
  let bytes = 0;
  const open = files.open.bind(files);
  files.open = async (path) => {
    const file = await open(path);
    return {
      ...file,
      readAt: async (offset, into) => {
        const read = await file.readAt(offset, into);
        bytes += read;
        return read;
      },
    };
  };
  await using opened = await openInMemory({}, files);
  assert.ok(bytes < 25_000, `${bytes} bytes were read`);
  assert.equal(opened.spool.outputs()[0]!.pendingEvents, 435);
  assert.equal((await drain(opened.spool)).length, 435);
});
