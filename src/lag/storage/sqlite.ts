import { DatabaseSync } from "node:sqlite";
import type { StorageConfig } from "../config.ts";
import type { ClusterStore, StoreChanges } from "./cluster_store.ts";
import { startInMemory, type StorageDeps } from "./inmemory.ts";
import type { StorageModule } from "./module.ts";
import { decodeEnds, decodeGroup, encodeEnds, encodeGroup } from "./saved_form.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS saved (id INTEGER PRIMARY KEY CHECK (id = 1), at_ms REAL NOT NULL);
CREATE TABLE IF NOT EXISTS topics (cluster TEXT, name TEXT, data BLOB NOT NULL, PRIMARY KEY (cluster, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS groups (cluster TEXT, name TEXT, data BLOB NOT NULL, PRIMARY KEY (cluster, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (
  cluster TEXT, topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (cluster, topic, partition)
) WITHOUT ROWID;
`;
const FORM = 1;
/** Groups written before others get a turn. */
const TURN = 200;

/**
 * Starts the module that keeps everything in memory and saves what changed to a file, every `saveIntervalMs` and when it
 * stops. What the file holds is put back first, unless it was saved too long ago.
 *
 * @throws {Error} when the file can't be opened or is no such file
 */
export async function startSqlite(
  name: string,
  config: StorageConfig,
  clusters: readonly string[],
  deps: StorageDeps,
): Promise<StorageModule> {
  const { clock, reporter } = deps;
  const file = openFile(config.path);
  const memory = startInMemory(name, config, clusters, deps);
  try {
    restore(file, memory, config, deps);
  } catch (error) {
    await memory[Symbol.asyncDispose]();
    file.close();
    throw error;
  }
  const stop = new AbortController();
  let saving = Promise.resolve();

  async function saveEach(): Promise<void> {
    while (!stop.signal.aborted) {
      await clock.sleep(config.saveIntervalMs, stop.signal);
      if (stop.signal.aborted) return;
      saving = saveOrSay();
      await saving;
    }
  }

  async function saveOrSay(): Promise<void> {
    try {
      await save(file, memory, clock.now());
    } catch (error) {
      // The next time may find room again; what was not saved is in memory all the same.
      reporter.error("Cannot save the windows of lag: a restart will not have them", { path: config.path, error });
    }
  }

  const timer = saveEach();
  let stopping: Promise<void> | undefined;
  async function end(): Promise<void> {
    stop.abort();
    await timer;
    await saving;
    await memory[Symbol.asyncDispose]();
    await saveOrSay();
    file.close();
  }
  return {
    name,
    channel: memory.channel,
    store: memory.store,
    positions: memory.positions,
    done: memory.done,
    [Symbol.asyncDispose]: () => stopping ??= end(),
  };
}

function openFile(path: string): DatabaseSync {
  const file = new DatabaseSync(path);
  try {
    file.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    const form = Number(file.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
    if (form !== 0 && form !== FORM) {
      throw new Error(`Cannot use ${path}: it was written in form ${form}, this program has ${FORM}; move it away`);
    }
    file.exec(SCHEMA);
    file.exec(`PRAGMA user_version = ${FORM}`);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

function restore(
  file: DatabaseSync,
  { store, positions }: StorageModule,
  config: StorageConfig,
  { clock, reporter }: StorageDeps,
): void {
  const saved = file.prepare("SELECT at_ms FROM saved").get();
  if (saved === undefined) return;
  const ageMs = clock.now() - Number(saved["at_ms"]);
  if (ageMs > config.restoreLimitMs) {
    reporter.warn("the saved windows of lag are too old: starting without them", { path: config.path, age_ms: ageMs });
    for (const table of ["saved", "topics", "groups", "positions"]) file.exec(`DELETE FROM ${table}`);
    return;
  }
  let unread = 0;
  eachRow(file, "topics", (cluster, name, data) => {
    const ends = decodeEnds(data);
    if (ends === null) unread++;
    else store.cluster(cluster)?.restoreTopic(name, ends);
  });
  eachRow(file, "groups", (cluster, name, data) => {
    const group = decodeGroup(data);
    if (group === null) unread++;
    else store.cluster(cluster)?.restoreGroup(name, group);
  });
  for (const { cluster, topic, partition, next } of file.prepare("SELECT * FROM positions").all()) {
    positions.set(String(cluster), String(topic), Number(partition), Number(next));
  }
  if (unread > 0) reporter.warn("some saved windows of lag can't be read: starting without them", { count: unread });
}

function eachRow(
  file: DatabaseSync,
  table: "topics" | "groups",
  take: (cluster: string, name: string, data: Uint8Array) => void,
): void {
  for (const { cluster, name, data } of file.prepare(`SELECT cluster, name, data FROM ${table}`).iterate()) {
    take(String(cluster), String(name), data instanceof Uint8Array ? data : new Uint8Array(0));
  }
}

/** Saves what changed in one transaction; others get turns in between. */
async function save(file: DatabaseSync, { store, positions }: StorageModule, nowMs: number): Promise<void> {
  // Taken before the windows: what is read again after a restart is known by its order, what was skipped is lost.
  const read = positions.all();
  const changes = store.clusters.map((name) => {
    const cluster = store.cluster(name)!;
    return { cluster, changes: cluster.takeChanges() };
  });
  file.exec("BEGIN");
  try {
    for (const one of changes) await saveCluster(file, one.cluster, one.changes);
    const position = file.prepare("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)");
    for (const { cluster, topic, partition, offset } of read) position.run(cluster, topic, partition, BigInt(offset));
    file.prepare("INSERT OR REPLACE INTO saved VALUES (1, ?)").run(nowMs);
    file.exec("COMMIT");
  } catch (error) {
    file.exec("ROLLBACK");
    for (const one of changes) one.cluster.returnChanges(one.changes);
    throw error;
  }
}

async function saveCluster(
  file: DatabaseSync,
  cluster: ClusterStore,
  { groups, topics, removedGroups, removedTopics }: StoreChanges,
): Promise<void> {
  const removeGroup = file.prepare("DELETE FROM groups WHERE cluster = ? AND name = ?");
  for (const name of removedGroups) removeGroup.run(cluster.name, name);
  const removeTopic = file.prepare("DELETE FROM topics WHERE cluster = ? AND name = ?");
  for (const name of removedTopics) removeTopic.run(cluster.name, name);
  const putTopic = file.prepare("INSERT OR REPLACE INTO topics VALUES (?, ?, ?)");
  for (const name of topics) {
    const saved = cluster.saveTopic(name);
    if (saved !== null) putTopic.run(cluster.name, name, encodeEnds(saved));
  }
  const putGroup = file.prepare("INSERT OR REPLACE INTO groups VALUES (?, ?, ?)");
  for (const [i, name] of groups.entries()) {
    const saved = cluster.saveGroup(name);
    if (saved !== null) putGroup.run(cluster.name, name, encodeGroup(saved));
    if (i % TURN === TURN - 1) await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
