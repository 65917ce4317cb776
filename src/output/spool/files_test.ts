import assert from "node:assert/strict";
import { realClock } from "../../clock/mod.ts";
import { LockHeld } from "../../linux/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { isDiskFull, realFiles, writeAll } from "./files.ts";
import { noSpace } from "./memory_files.ts";
import { openSpool, type SpoolOptions } from "./spool.ts";
import { drain, metric, points } from "./testing.ts";

function open(directory: string, options: Partial<SpoolOptions> = {}, reporter = recordingReporter()) {
  return openSpool({ directory, minFreeBytes: 0, ...options }, { clock: realClock, reporter });
}

Deno.test("realFiles reads where it is told, appends at the end, and cuts", async () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/x`;
  const file = await realFiles.create(path);
  await writeAll(file, new TextEncoder().encode("0123456789"));
  const read = async (offset: number, size: number) => {
    const into = new Uint8Array(size);
    return new TextDecoder().decode(into.subarray(0, await file.readAt(offset, into)));
  };
  assert.deepEqual([await read(2, 3), await read(5, 2), await read(0, 2), await read(8, 9)], ["234", "56", "01", "89"]);
  await file.write(new TextEncoder().encode("ab"));
  assert.equal(await read(8, 9), "89ab");
  await file.truncate(3);
  await file.write(new TextEncoder().encode("c"));
  assert.deepEqual([await read(0, 9), await file.size()], ["012c", 4]);
  await file.sync();
  file.close();
  await realFiles.syncDirectory(directory);
  await assert.rejects(realFiles.create(path), Deno.errors.AlreadyExists);
  await realFiles.rename(path, `${directory}/y`);
  assert.deepEqual(await realFiles.list(directory), ["y"]);
  await realFiles.remove(`${directory}/y`);
  await assert.rejects(realFiles.open(path, "read"), Deno.errors.NotFound);
  const space = (await realFiles.space(directory))!;
  assert.ok(space.freeBytes > 0 && space.totalBytes >= space.freeBytes);
});

Deno.test("isDiskFull() tells a full disk from a broken one", async () => {
  assert.equal(isDiskFull(noSpace()), true);
  assert.equal(isDiskFull(new Deno.errors.NotFound("x")), false);
  assert.equal(isDiskFull("ENOSPC"), false);
  if (Deno.build.os !== "linux") return;
  using full = await Deno.open("/dev/full", { write: true });
  await assert.rejects(full.write(new Uint8Array(9)), isDiskFull);
});

for (const fsync of ["always", "interval", "never"] as const) {
  Deno.test(`openSpool() keeps events in real files, fsync ${fsync}`, async () => {
    const directory = `${Deno.makeTempDirSync()}/a/spool`;
    const names = Array.from({ length: 20 }, (_, i) => `b${i}`);
    const spool = await open(directory, { fsync, segmentBytes: 4_000 });
    for (const name of names) assert.equal((await spool.append("out", points(name, 3, 200))).stored, 3);
    await spool[Symbol.asyncDispose]();
    await spool.done;
    const again = await open(directory, { fsync });
    assert.deepEqual(await drain(again), names.flatMap((name) => [`${name}-0`, `${name}-1`, `${name}-2`]));
    await again[Symbol.asyncDispose]();
    assert.deepEqual(await realFiles.list(directory), ["position"]);
  });
}

Deno.test("openSpool() keeps its files from others", async () => {
  if (Deno.build.os === "windows") return;
  const directory = `${Deno.makeTempDirSync()}/spool`;
  await using spool = await open(directory);
  await spool.append("out", points("a", 1));
  assert.equal(Deno.statSync(directory).mode! & 0o777, 0o700);
  for (const { name } of Deno.readDirSync(directory)) {
    assert.equal(Deno.statSync(`${directory}/${name}`).mode! & 0o777, 0o600, name);
  }
});

Deno.test("openSpool() refuses a directory that is open already, and touches nothing", async () => {
  const directory = Deno.makeTempDirSync();
  await using spool = await open(directory);
  await spool.append("out", points("a", 1));
  const before = (await realFiles.list(directory)).sort();
  await assert.rejects(open(directory), LockHeld);
  assert.deepEqual((await realFiles.list(directory)).sort(), before);
  assert.deepEqual(await drain(spool), ["a-0"]);
});

Deno.test("openSpool() says what is wrong with a directory it can't use", async () => {
  const file = Deno.makeTempFileSync();
  await assert.rejects(open(file));
  await assert.rejects(open(`${file}/spool`));
});

Deno.test("a spool opened again in one process goes on with its counters", async () => {
  const directory = Deno.makeTempDirSync();
  const reporter = recordingReporter();
  const spool = await open(directory, {}, reporter);
  await spool.append("out", points("a", 5));
  await spool[Symbol.asyncDispose]();
  await using again = await open(directory, {}, reporter);
  await again.append("out", points("b", 2));
  await drain(again);
  assert.equal(metric(reporter, "limier_events_accepted_total"), 7);
  assert.equal(metric(reporter, "limier_events_delivered_total"), 7);
});
