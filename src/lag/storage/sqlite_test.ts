import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { STORAGE_DEFAULTS, type StorageConfig } from "../config.ts";
import { startStorage, type StorageCoordinator, StorageStartError } from "./coordinator.ts";
import { newRequest } from "./request.ts";

const NOW_MS = 1_700_000_000_000;

interface Stage {
  readonly start: (nowMs?: number) => Promise<StorageCoordinator>;
  readonly reporter: ReturnType<typeof recordingReporter>;
  readonly path: string;
  readonly clocks: FakeClock[];
}

async function withFile(run: (stage: Stage) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lag_sqlite_" });
  const path = `${folder}/lag.db`;
  const reporter = recordingReporter();
  const clocks: FakeClock[] = [];
  const config: StorageConfig = { ...STORAGE_DEFAULTS, className: "sqlite", path };
  try {
    await run({
      path,
      reporter,
      clocks,
      start: (nowMs = NOW_MS) => {
        const clock = new FakeClock(nowMs);
        clocks.push(clock);
        return startStorage({ name: "kept", config }, ["c"], { clock, reporter });
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function fill(storage: StorageCoordinator, group = "g", offset = 100): Promise<void> {
  const place = { cluster: "c", group, topic: "t", partition: 1 };
  const end = { ...place, topicPartitionCount: 3, offset: 500, timestamp: NOW_MS, logStart: 5 };
  await storage.set(newRequest("StorageSetBrokerOffset", end));
  await storage.set(newRequest("StorageSetConsumerOffset", { ...place, offset, order: 7, timestamp: NOW_MS - 5 }));
  const wide = { ...place, offset: 2n ** 60n, order: 2n ** 61n, timestamp: NOW_MS };
  await storage.set(newRequest("StorageSetConsumerOffset", wide));
  await storage.set(newRequest("StorageSetConsumerOffset", { ...place, offset: 7, order: 8, timestamp: NOW_MS - 1 }));
  await storage.set(newRequest("StorageSetConsumerOwner", { ...place, owner: "/h", clientId: "id" }));
}

function shown(storage: StorageCoordinator): unknown {
  const cluster = storage.store.cluster("c")!;
  return cluster.consumers().map((group) => [group, cluster.consumer(group)]);
}

Deno.test("startSqlite() has after a restart what it had before", () =>
  withFile(async ({ start }) => {
    const first = await start();
    await fill(first);
    await fill(first, "h", 50);
    first.positions.set("c", "__consumer_offsets", 3, 99);
    const before = shown(first);
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();

    const second = await start(NOW_MS + 1_000);
    assert.deepEqual(shown(second), before);
    assert.equal(second.positions.get("c", "__consumer_offsets", 3), 99);
    await second.set(newRequest("StorageSetDeleteGroup", { cluster: "c", group: "g" }));
    await second[Symbol.asyncDispose]();

    await using third = await start(NOW_MS + 2_000);
    assert.deepEqual(third.store.cluster("c")!.consumers(), ["h"]);
    await third.set(newRequest("StorageSetDeleteTopic", { cluster: "c", topic: "t" }));
  }));

Deno.test("startSqlite() saves while it runs, so that an end without notice loses little", () =>
  withFile(async ({ start, clocks, path }) => {
    await using first = await start();
    await fill(first);
    await clocks[0]!.advance(60_000);
    // What a killed process leaves behind.
    await Deno.copyFile(path, `${path}.copy`);
    await Deno.copyFile(`${path}-wal`, `${path}.copy-wal`);
    const config: StorageConfig = { ...STORAGE_DEFAULTS, className: "sqlite", path: `${path}.copy` };
    const other = { clock: new FakeClock(NOW_MS + 61_000), reporter: recordingReporter() };
    await using second = await startStorage({ name: "kept", config }, ["c"], other);
    assert.deepEqual(shown(second), shown(first));
  }));

Deno.test("startSqlite() leaves what was saved too long ago", () =>
  withFile(async ({ start, reporter }) => {
    const first = await start();
    await fill(first);
    await first[Symbol.asyncDispose]();
    await using second = await start(NOW_MS + 86_400_001);
    assert.deepEqual(shown(second), []);
    assert.equal(reporter.lines.filter(({ level }) => level === "warn").length, 1);
  }));

Deno.test("startSqlite() does not start on a file that is something else", () =>
  withFile(async ({ start, path }) => {
    await Deno.writeTextFile(path, "no database, but long enough to be looked at ".repeat(50));
    await assert.rejects(start(), (error) => {
      assert.ok(error instanceof StorageStartError);
      assert.match(error.message, /^Error starting storage module: Cannot start kept: /);
      return true;
    });
  }));
