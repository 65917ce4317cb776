import assert from "node:assert/strict";
import { readDocument } from "../config/mod.ts";
import { EVALUATOR_DEFAULTS, type LagConfig, readLagConfig, STORAGE_DEFAULTS } from "./config.ts";

function read(yaml: string): LagConfig {
  return readLagConfig(readDocument(yaml, "limier.yaml").section("lag"));
}

Deno.test("readLagConfig() has one module of each kind by default", () => {
  const config = read("lag: { clusters: { main: { brokers: ['h:1'] } } }");
  assert.deepEqual(config.storage, { name: "default", config: STORAGE_DEFAULTS });
  assert.deepEqual(config.evaluator, { name: "default", config: EVALUATOR_DEFAULTS });
  assert.deepEqual(config.clusters, ["main"]);
});

Deno.test("readLagConfig() takes a module's settings with its name and without", () => {
  const settings = "{ class_name: inmemory, intervals: 5, min_distance: 10s, group_denylist: '^x' }";
  const named = read(`lag: { storage: { mine.1: ${settings} } }`);
  assert.equal(named.storage.name, "mine.1");
  assert.deepEqual(named.storage.config, read(`lag: { storage: ${settings} }`).storage.config);
  assert.equal(named.storage.config.minDistanceMs, 10_000);
  const evaluator = read("lag: { evaluator: { e: { expire_cache: 1m, minimum_complete: 0.2 } } }").evaluator;
  assert.deepEqual([evaluator.name, evaluator.config.expireCacheMs, evaluator.config.minimumComplete], [
    "e",
    60_000,
    0.2,
  ]);
});

Deno.test("readLagConfig() reads whose groups a consumer takes in", () => {
  const [consumer] = read("lag: { clusters: { c: {} }, consumers: { m: { group_allowlist: '^a' } } }").consumers;
  assert.deepEqual([consumer!.name, consumer!.cluster, consumer!.filter.allow!.source], ["m", "c", "^a"]);
});

const refused: [yaml: string, message: RegExp][] = [
  ["{ storage: { a: {}, b: {} } }", /Only one storage module must be configured/],
  ["{ evaluator: { a: {}, b: {} } }", /Only one evaluator module must be configured/],
  ["{ storage: { a: { class_name: redis } } }", /Unknown storage className provided: redis/],
  ["{ evaluator: { class_name: odd } }", /Unknown evaluator className provided: odd/],
  ["{ storage: { group_allowlist: '(' } }", /Failed to compile group allowlist/],
  ["{ storage: { group_denylist: 'a(?=b)' } }", /Failed to compile group denylist/],
  ["{ storage: { group_whitelist: a } }", /Please change configurations to allowlist and denylist/],
  ["{ storage: { intervals: 0 } }", /lag\.storage\.intervals/],
  ["{ storage: { workers: 0 } }", /lag\.storage\.workers/],
  ["{ storage: { queue_depth: -1 } }", /lag\.storage\.queue_depth/],
  ["{ storage: { expire_group: 500ms } }", /lag\.storage\.expire_group/],
  ["{ storage: { min_distance: 10 } }", /a duration such as/],
  ["{ storage: { time_lag_points: 1 } }", /one point tells nothing/],
  ["{ storage: { class_name: sqlite } }", /lag\.storage\.path/],
  ["{ storage: { interval: 5 } }", /intervals/],
  ["{ evaluator: { minimum_complete: 1.5 } }", /lag\.evaluator\.minimum_complete/],
  ["{ evaluator: { allowed_lag: -1 } }", /lag\.evaluator\.allowed_lag/],
  ["{ evaluator: { time_lag: often } }", /exact, interpolated or off/],
  ["{ clusters: { c: {} }, consumers: { m: { cluster: d } } }", /Consumer 'm' references an unknown cluster 'd'/],
];
for (const [yaml, message] of refused) {
  Deno.test(`readLagConfig() refuses ${yaml}`, () => assert.throws(() => read(`lag: ${yaml}\n`), { message }));
}
