/**
 * A process that ends at any of its operations on the disk, or a computer that loses its power there: what was reported as
 * stored comes out of the spool that is opened afterwards.
 */
import assert from "node:assert/strict";
import type { Clock } from "../../clock/mod.ts";
import { eventTexts } from "../testing.ts";
import { type Fault, MemoryFiles, type Operation, type PowerLoss } from "./memory_files.ts";
import type { FsyncPolicy } from "./writer.ts";
import { balance, drain, openInMemory, points } from "./testing.ts";

/** What a run told before it ended. */
interface Told {
  /** Events handed in, stored or not. */
  readonly offered: Set<string>;
  readonly stored: Set<string>;
  readonly finished: Set<string>;
  /** One above the highest number that an event was given. */
  end: number;
}

const SEGMENT_BYTES = 700;

/** Appends for two outputs, reads, finishes out of order, closes and goes on: every kind of operation is among it. */
async function run(files: MemoryFiles, fsync: FsyncPolicy, told: Told): Promise<void> {
  const clock = hastyClock(1_700_000_000_000);
  for (const round of [1, 2]) {
    const { spool } = await openInMemory({ fsync, segmentBytes: SEGMENT_BYTES }, files, clock);
    const append = async (output: string, name: string, count: number) => {
      const batch = points(`${output}-${round}-${name}`, count, 40);
      const texts = eventTexts(batch).map((text) => text.replace(/\.+$/, ""));
      for (const text of texts) told.offered.add(text);
      const { stored, to } = await spool.append(output, batch);
      assert.equal(stored, count);
      for (const text of texts) told.stored.add(text);
      told.end = Math.max(told.end, to);
    };
    await Promise.all([append("a", "1", 3), append("b", "1", 2), append("a", "2", 1)]);
    for (let i = 3; i < 8; i++) await append(i % 2 === 0 ? "a" : "b", String(i), 4);
    const reader = spool.reader("a");
    const [first, second] = [(await reader.next())!, (await reader.next())!];
    for (const batch of [second, first]) {
      reader.finish(batch, "delivered");
      for (const text of eventTexts(batch.batch)) told.finished.add(text.replace(/\.+$/, ""));
    }
    await new Promise((resolve) => setTimeout(resolve, 0)); // the positions are saved
    await append("b", "8", 5);
    await spool[Symbol.asyncDispose]();
  }
}

/** A clock on which every wait is over at once. */
function hastyClock(nowMs: number): Clock {
  const startMs = nowMs;
  const sleepUntil = async (ms: number): Promise<void> => {
    await Promise.resolve();
    nowMs = Math.max(nowMs, ms);
  };
  return {
    now: () => nowMs,
    monotonic: () => nowMs - startMs,
    sleep: (ms) => sleepUntil(nowMs + ms),
    sleepUntil,
  };
}

/** Every operation of a run that nothing ends. */
async function wholeRun(fsync: FsyncPolicy): Promise<Operation[]> {
  const files = new MemoryFiles();
  const operations: Operation[] = [];
  files.fault = (operation) => void operations.push(operation);
  await run(files, fsync, newTold());
  return operations;
}

/** Runs until operation `at`, where the process ends, with so many bytes written if it is a write. */
async function runUntil(at: number, fsync: FsyncPolicy, written: (size: number) => number) {
  const files = new MemoryFiles();
  const told = newTold();
  files.fault = ({ index, size }): Fault | undefined =>
    index === at ? { crash: true, written: written(size) } : undefined;
  await Promise.race([run(files, fsync, told), files.crashed]);
  return { files, told };
}

function newTold(): Told {
  return { offered: new Set(), stored: new Set(), finished: new Set(), end: 0 };
}

async function check(files: MemoryFiles, told: Told, what: string): Promise<void> {
  const opened = await openInMemory({ segmentBytes: SEGMENT_BYTES }, files);
  const after = await opened.spool.append("a", points("after", 1));
  assert.ok(after.from >= told.end, `${what}: number ${after.from} was given before, up to ${told.end}`);
  const came: string[] = [];
  for (const output of ["a", "b"]) {
    came.push(...await drain(opened.spool, output));
    const [accepted, settled] = balance(opened.reporter, output);
    assert.equal(accepted, settled, what);
  }
  assert.equal(came.length, new Set(came).size, `${what}: an event came twice`);
  for (const text of came) assert.ok(text === "after-0" || told.offered.has(text), `${what}: ${text} is nobody's`);
  for (const text of told.stored) {
    assert.ok(came.includes(text) || told.finished.has(text), `${what}: ${text} was stored, and is lost`);
  }
  await opened[Symbol.asyncDispose]();
}

/** Where a write is cut off. */
const cuts: [what: string, written: (size: number) => number][] = [
  ["before it", () => 0],
  ["after a byte", (size) => Math.min(1, size)],
  ["in its middle", (size) => size >> 1],
  ["a byte before its end", (size) => Math.max(0, size - 1)],
  ["after it", (size) => size],
];
const policies: FsyncPolicy[] = ["always", "interval", "never"];

for (const fsync of policies) {
  Deno.test(`openSpool() has all that was stored, fsync ${fsync}, wherever the process was killed`, async () => {
    const operations = await wholeRun(fsync);
    assert.ok(operations.length > 50 && operations.some(({ kind }) => kind === "rename"));
    for (const { index, kind, path } of operations) {
      for (const [where, written] of cuts.slice(0, kind === "write" ? cuts.length : 1)) {
        const { files, told } = await runUntil(index, fsync, written);
        await check(files.afterKill(), told, `killed at ${index}, ${kind} ${path}, ${where}`);
      }
    }
  });
}

const losses: PowerLoss[] = [
  { names: "old", bytes: "none" },
  { names: "new", bytes: "none" },
  { names: "new", bytes: "half" },
  { names: "new", bytes: "zeros" },
];
for (const fsync of ["always", "interval"] as const) {
  Deno.test(`openSpool() has all that was stored, fsync ${fsync}, whenever power was lost`, async () => {
    for (const { index, kind, path } of await wholeRun(fsync)) {
      const { files, told } = await runUntil(index, fsync, (size) => size);
      for (const loss of losses) {
        const what = `power lost at ${index}, ${kind} ${path}, names ${loss.names}, bytes ${loss.bytes}`;
        await check(files.afterPowerLoss(loss), told, what);
      }
    }
  });
}

Deno.test("openSpool() after a process that was killed while it opened, at any operation, loses nothing", async () => {
  const before = await runUntil(60, "always", (size) => size >> 1);
  for (let at = 0;; at++) {
    const files = before.files.afterKill();
    let killed = false;
    files.fault = ({ index, size }) => {
      if (index !== at) return undefined;
      killed = true;
      return { crash: true, written: size >> 1 };
    };
    const opening = openInMemory({ segmentBytes: SEGMENT_BYTES }, files).then((opened) =>
      opened[Symbol.asyncDispose]()
    );
    await Promise.race([opening, files.crashed]);
    await check(files.afterKill(), before.told, `killed at ${at} of opening`);
    if (!killed) break;
  }
});
