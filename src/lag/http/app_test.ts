import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { readDocument } from "../../config/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { EVALUATOR_DEFAULTS } from "../config.ts";
import { newCachingEvaluator } from "../evaluator/caching.ts";
import { readLagSourceConfig } from "../source_config.ts";
import { startCoordinatorWithOffsets } from "../storage/fixture.ts";
import { newRequest } from "../storage/request.ts";
import { newLagApp } from "./app.ts";
import { burrowPage, ownPage } from "./metrics_page.ts";

const NOW_MS = 1_700_000_000_000;

const YAML = `
lag:
  clusters:
    testcluster:
      brokers: ["h:9092"]
      sasl: { mechanism: SCRAM-SHA-512, username: me, password: secret-of-me }
  notifiers:
    hook: { class_name: "null", extras: { api_key: secret-key, Team: a } }
  page: { allow_origin: "https://example.org" }
`;

async function setUp() {
  const clock = new FakeClock(NOW_MS);
  const storage = await startCoordinatorWithOffsets({ clock, reporter: recordingReporter() });
  const evaluator = newCachingEvaluator({ name: "e", config: EVALUATOR_DEFAULTS }, { clock, storage });
  const config = readLagSourceConfig(readDocument(YAML, "limier.yaml").section("lag"));
  const state = { isReady: false, level: "info" };
  const app = newLagApp({
    config,
    storage,
    evaluator,
    isReady: () => state.isReady,
    hostname: "h1",
    logLevel: { get: () => state.level, set: (level) => void (state.level = level) },
  });
  const get = async (path: string, init?: RequestInit) => {
    const response = await app.request(path, init);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { app, storage, evaluator, state, get, clock };
}

const pages: [path: string, status: number, text: string][] = [
  [
    "/v3/kafka",
    200,
    '{"error":false,"message":"cluster list returned","clusters":["testcluster"],"request":{"url":"/v3/kafka","host":"h1"}}',
  ],
  [
    "/v3/kafka/testcluster/topic",
    200,
    '{"error":false,"message":"topic list returned","topics":["testtopic"],"request":{"url":"/v3/kafka/testcluster/topic","host":"h1"}}',
  ],
  [
    "/v3/kafka/testcluster/topic/testtopic?x=1",
    200,
    '{"error":false,"message":"topic offsets returned","offsets":[4321],"request":{"url":"/v3/kafka/testcluster/topic/testtopic","host":"h1"}}',
  ],
  [
    "/v3/kafka/testcluster/topic/testtopic/consumers",
    200,
    '{"error":false,"message":"consumers of topic returned","consumers":["testgroup","testgroup2"],"request":{"url":"/v3/kafka/testcluster/topic/testtopic/consumers","host":"h1"}}',
  ],
  [
    "/v3/kafka/testcluster/topic/none/consumers",
    200,
    '{"error":false,"message":"consumers of topic returned","consumers":[],"request":{"url":"/v3/kafka/testcluster/topic/none/consumers","host":"h1"}}',
  ],
  [
    "/v3/kafka/testcluster/consumer",
    200,
    '{"error":false,"message":"consumer list returned","consumers":["testgroup","testgroup2"],"request":{"url":"/v3/kafka/testcluster/consumer","host":"h1"}}',
  ],
  [
    "/v3/kafka/none",
    404,
    '{"error":true,"message":"cluster module not found","request":{"url":"/v3/kafka/none","host":"h1"}}',
  ],
  [
    "/v3/kafka/none/topic",
    404,
    '{"error":true,"message":"cluster not found","request":{"url":"/v3/kafka/none/topic","host":"h1"}}',
  ],
  [
    "/v3/kafka/testcluster/topic/none",
    404,
    '{"error":true,"message":"cluster or topic not found","request":{"url":"/v3/kafka/testcluster/topic/none","host":"h1"}}',
  ],
  [
    "/v3/kafka/testcluster/consumer/none",
    404,
    '{"error":true,"message":"cluster or consumer not found","request":{"url":"/v3/kafka/testcluster/consumer/none","host":"h1"}}',
  ],
  [
    "/v3/config/storage",
    200,
    '{"error":false,"message":"module list returned","coordinator":"storage","modules":["default"],"request":{"url":"/v3/config/storage","host":"h1"}}',
  ],
  [
    "/v3/config/evaluator/none",
    404,
    '{"error":true,"message":"evaluator module not found","request":{"url":"/v3/config/evaluator/none","host":"h1"}}',
  ],
  ["/v3/no/such/uri", 404, '{"error":true,"message":"invalid request type","result":{}}'],
  ["/v2/kafka", 404, '{"error":true,"message":"invalid request type","result":{}}'],
  [
    "/v3/admin/loglevel",
    200,
    '{"error":false,"message":"log level returned","level":"info","request":{"url":"/v3/admin/loglevel","host":"h1"}}',
  ],
];

for (const [path, status, text] of pages) {
  Deno.test(`newLagApp() answers ${path}`, async () => {
    const { storage, get } = await setUp();
    const answer = await get(path);
    assert.deepEqual([answer.status, answer.text], [status, text]);
    assert.equal(answer.headers.get("content-type"), "application/json");
    assert.equal(answer.headers.get("access-control-allow-origin"), "https://example.org");
    await storage[Symbol.asyncDispose]();
  });
}

Deno.test("newLagApp() shows how a group does", async () => {
  const { storage, get } = await setUp();
  const lag = JSON.parse((await get("/v3/kafka/testcluster/consumer/testgroup/lag")).text);
  assert.equal(lag.message, "consumer status returned");
  const { partitions: [partition], ...status } = lag.status;
  assert.deepEqual({ ...status, maxlag: status.maxlag.current_lag }, {
    cluster: "testcluster",
    group: "testgroup",
    status: "OK",
    complete: 1,
    partition_count: 1,
    maxlag: 2421,
    totallag: 2421,
    maxlag_seconds: null,
  });
  assert.deepEqual(partition, {
    topic: "testtopic",
    partition: 0,
    owner: "",
    client_id: "",
    status: "OK",
    start: { offset: 1000, timestamp: NOW_MS - 100_000, observedAt: NOW_MS, lag: 3321 },
    end: { offset: 1900, timestamp: NOW_MS - 10_000, observedAt: NOW_MS, lag: 2421 },
    current_lag: 2421,
    complete: 1,
    lag_seconds: null,
    lag_seconds_extrapolated: false,
    lag_seconds_source: null,
    lost: 0,
  });
  const bad = JSON.parse((await get("/v3/kafka/testcluster/consumer/testgroup/status")).text);
  assert.deepEqual(bad.status.partitions, []);
  const stopped = JSON.parse((await get("/v3/kafka/testcluster/consumer/testgroup2/status")).text).status;
  assert.deepEqual([stopped.status, stopped.complete, stopped.partitions[0].status], ["ERR", 0, "STOP"]);
  const detail = JSON.parse((await get("/v3/kafka/testcluster/consumer/testgroup2")).text);
  const [{ offsets, ...rest }] = detail.topics.testtopic;
  assert.deepEqual(offsets.slice(0, 6), [null, null, null, null, null, {
    offset: 1000,
    timestamp: NOW_MS - 100_000,
    observedAt: NOW_MS,
    lag: 3321,
  }]);
  assert.deepEqual(rest, { owner: "", client_id: "", "current-lag": 2921 });
  await storage[Symbol.asyncDispose]();
});

Deno.test("newLagApp() answers 404 without an error where nobody knows the group", async () => {
  const { storage, get } = await setUp();
  const answer = await get("/v3/kafka/testcluster/consumer/none/lag");
  const { error, status } = JSON.parse(answer.text);
  assert.deepEqual([answer.status, error, status.status, status.complete, status.maxlag], [
    404,
    false,
    "NOTFOUND",
    1,
    null,
  ]);
  await storage[Symbol.asyncDispose]();
});

Deno.test("newLagApp() removes groups and topics of groups, and shows that at once", async () => {
  const { storage, get } = await setUp();
  const path = "/v3/kafka/testcluster/consumer/testgroup";
  assert.equal((await get(`${path}/lag`)).status, 200);
  const removed = await get(path, { method: "DELETE" });
  assert.deepEqual([removed.status, JSON.parse(removed.text).message], [200, "consumer group removed"]);
  assert.equal((await get(`${path}/lag`)).status, 404);
  assert.equal((await get(path, { method: "DELETE" })).status, 200);
  assert.equal((await get(`${path}2/topic/testtopic`, { method: "DELETE" })).status, 200);
  assert.equal((await get(`${path}2/status`)).status, 404);
  await storage[Symbol.asyncDispose]();
});

Deno.test("newLagApp() reaches groups with any name", async () => {
  const { storage, get } = await setUp();
  const place = { cluster: "testcluster", group: "a/b c%", topic: "testtopic", partition: 0 };
  await storage.set(
    newRequest("StorageSetConsumerOffset", { ...place, offset: 2n ** 53n + 1n, order: 1, timestamp: NOW_MS }),
  );
  const answer = await get("/v3/kafka/testcluster/consumer/a%2Fb%20c%25/lag");
  assert.equal(answer.status, 200);
  assert.match(answer.text, /"group":"a\/b c%"/);
  assert.match(answer.text, /"offset":9007199254740993,/);
  await storage[Symbol.asyncDispose]();
});

Deno.test("newLagApp() says whether it is ready, and redirects, and names methods", async () => {
  const { storage, get, state } = await setUp();
  const ready = async () => (({ status, text }) => [status, text])(await get("/burrow/admin/ready"));
  assert.deepEqual(await ready(), [503, "STARTING"]);
  state.isReady = true;
  assert.deepEqual(await ready(), [200, "READY"]);
  assert.equal((await get("/burrow/admin")).text, "GOOD");
  const moved = await get("/v3/kafka/");
  assert.deepEqual([moved.status, moved.headers.get("location")], [301, "/v3/kafka"]);
  const refused = await get("/v3/kafka", { method: "POST" });
  assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, OPTIONS"]);
  const asked = await get("/v3/kafka", { method: "OPTIONS" });
  assert.deepEqual([asked.status, asked.headers.get("allow")], [200, "GET, OPTIONS"]);
  await storage[Symbol.asyncDispose]();
});

const levels: [body: string, status: number, message: string, level: string][] = [
  ['{"level":"Debug"}', 200, "set log level", "debug"],
  ['{"level":"warning"}', 200, "set log level", "warn"],
  ['{"level":"nope"}', 404, "unknown log level", "info"],
  ["{}", 404, "unknown log level", "info"],
  ["{", 400, "could not decode message body", "info"],
];

for (const [body, status, message, level] of levels) {
  Deno.test(`newLagApp() takes ${body} as a log level`, async () => {
    const { storage, get, state } = await setUp();
    const answer = await get("/v3/admin/loglevel", { method: "POST", body });
    assert.deepEqual([answer.status, JSON.parse(answer.text).message, state.level], [status, message, level]);
    await storage[Symbol.asyncDispose]();
  });
}

Deno.test("newLagApp() shows settings without what is secret", async () => {
  const { storage, get } = await setUp();
  const cluster = (await get("/v3/kafka/testcluster")).text;
  assert.doesNotMatch(cluster, /secret/);
  assert.deepEqual(JSON.parse(cluster).module["client-profile"].sasl, {
    name: "",
    "handshake-first": true,
    username: "me",
  });
  const notifier = (await get("/v3/config/notifier/hook")).text;
  assert.doesNotMatch(notifier, /secret/);
  assert.deepEqual(JSON.parse(notifier).module.extra, { api_key: "***", Team: "***" });
  assert.equal(
    JSON.parse((await get("/v3/config/consumer/testcluster")).text).module["offsets-topic"],
    "__consumer_offsets",
  );
  assert.equal(JSON.parse((await get("/v3/config/storage/default")).text).module["expire-group"], 604_800);
  await storage[Symbol.asyncDispose]();
});

Deno.test("ownPage() shows groups under names of its own, as much as it is told", async () => {
  const { storage, evaluator } = await setUp();
  const deps = { store: storage.store, evaluator };
  const lines = (await ownPage(deps, "partitions")).split("\n");
  for (
    const line of [
      'limier_lag_group_messages{cluster="testcluster",group="testgroup"} 2421',
      'limier_lag_group_status{cluster="testcluster",group="testgroup2"} 3',
      'limier_lag_messages{cluster="testcluster",group="testgroup2",partition="0",topic="testtopic"} 2921',
      'limier_lag_status{cluster="testcluster",group="testgroup2",partition="0",topic="testtopic"} 4',
      'limier_lag_end_offset{cluster="testcluster",partition="0",topic="testtopic"} 4321',
    ]
  ) assert.ok(lines.includes(line), `${line}\n${lines.join("\n")}`);
  const groups = await ownPage(deps, "groups");
  assert.match(groups, /^limier_lag_group_messages\{/m);
  assert.doesNotMatch(groups, /partition=/);
  assert.equal(await ownPage(deps, "none"), "");
  await storage[Symbol.asyncDispose]();
});

Deno.test("burrowPage() shows what is there, and of partitions whose window is full more", async () => {
  const { storage, evaluator } = await setUp();
  const page = await burrowPage({ store: storage.store, evaluator });
  const lines = page.split("\n");
  for (
    const line of [
      'burrow_kafka_topic_partition_offset{cluster="testcluster",partition="0",topic="testtopic"} 4321',
      'burrow_kafka_consumer_status{cluster="testcluster",consumer_group="testgroup"} 1',
      'burrow_kafka_consumer_status{cluster="testcluster",consumer_group="testgroup2"} 3',
      'burrow_kafka_consumer_lag_total{cluster="testcluster",consumer_group="testgroup2"} 2921',
      'burrow_kafka_consumer_partition_lag{cluster="testcluster",consumer_group="testgroup2",partition="0",topic="testtopic"} 2921',
      'burrow_kafka_consumer_current_offset{cluster="testcluster",consumer_group="testgroup",partition="0",topic="testtopic"} 1900',
      'burrow_kafka_topic_partition_status{cluster="testcluster",consumer_group="testgroup",partition="0",topic="testtopic"} 1',
    ]
  ) assert.ok(lines.includes(line), `${line}\n${page}`);
  assert.ok(
    !lines.some((line) => line.startsWith("burrow_kafka_consumer_current_offset") && line.includes("testgroup2")),
  );
  await storage.set(newRequest("StorageSetDeleteTopic", { cluster: "testcluster", topic: "testtopic" }));
  evaluator.forget("testcluster", "testgroup");
  assert.equal(await burrowPage({ store: storage.store, evaluator }), "");
  await storage[Symbol.asyncDispose]();
});
