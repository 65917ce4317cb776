import { type ClientRecording, gauge, histogram, metric, published, rate } from "./recording.ts";

const ENV = ["env:test"];

const DEPLOY = {
  kind: "event",
  title: "shop.Deploy",
  text: "v2\nlive",
  timestamp: 1_690_000_000,
  host: "db1",
  aggregation_key: "rel",
  priority: "low",
  source_type: "ci",
  alert_type: "success",
  tags: ["env:test", "v:2"],
};
const BARE_EVENT = {
  kind: "event",
  title: "shop.Started",
  text: "Started",
  priority: "normal",
  alert_type: "info",
  tags: ENV,
};
const CHECK = {
  kind: "check",
  name: "shop.db.up",
  status: 2,
  timestamp: 1_690_000_001,
  host: "db1",
  tags: ["env:test", "role:rw"],
  message: "lagging",
};
const BARE_CHECK = { kind: "check", name: "shop.db.up", status: 0, tags: ENV };

/** Every kind of call, a datagram each. */
const hotShotsUdp: ClientRecording = {
  name: "hot_shots_udp",
  why: "every kind of call of hot-shots, one datagram a call",
  client: "hot-shots",
  transport: "udp",
  options: { prefix: "shop.", globalTags: { env: "test" } },
  calls: [
    ["increment", "orders"],
    ["increment", "orders", 3, ["country:de"]],
    ["decrement", "stock", 4],
    ["increment", "clicks", 2, 0.5],
    ["gauge", "temp", 21.5],
    ["gauge", "temp", -4.25],
    ["gaugeDelta", "level", 3],
    ["timing", "render", 12.75],
    ["timing", "render", 20, 0.25],
    ["histogram", "size", 1500, { path: "/a:b", weird: "x,y|z" }],
    ["distribution", "latency", 0.0625],
    ["set", "users", "alice"],
    ["unique", "users", "bob"],
    ["set", "users", "alice"],
    ["increment", ["a", "b"], 2],
    ["event", "Deploy", "v2\nlive", {
      date_happened: 1_690_000_000,
      hostname: "db1",
      aggregation_key: "rel",
      priority: "low",
      source_type_name: "ci",
      alert_type: "success",
    }, ["v:2"]],
    ["event", "Started"],
    ["check", "db.up", 2, { date_happened: 1_690_000_001, hostname: "db1", message: "lagging" }, ["role:rw"]],
    ["check", "db.up", 0],
  ],
  decoded: [
    metric("shop.orders", "counter", [1], { tags: ENV }),
    metric("shop.orders", "counter", [3], { tags: ["country:de", "env:test"] }),
    metric("shop.stock", "counter", [-4], { tags: ENV }),
    metric("shop.clicks", "counter", [2], { rate: 0.5, tags: ENV }),
    metric("shop.temp", "gauge", [21.5], { tags: ENV }),
    metric("shop.temp", "gauge", [-4.25], { tags: ENV }),
    metric("shop.level", "gauge", [3], { tags: ENV }),
    metric("shop.render", "timer", [12.75], { tags: ENV }),
    metric("shop.render", "timer", [20], { rate: 0.25, tags: ENV }),
    metric("shop.size", "histogram", [1500], { tags: ["env:test", "path:/a:b", "weird:x_y_z"] }),
    metric("shop.latency", "distribution", [0.0625], { tags: ENV }),
    metric("shop.users", "set", ["alice"], { tags: ENV }),
    metric("shop.users", "set", ["bob"], { tags: ENV }),
    metric("shop.users", "set", ["alice"], { tags: ENV }),
    metric("shop.a", "counter", [2], { tags: ENV }),
    metric("shop.b", "counter", [2], { tags: ENV }),
    DEPLOY,
    BARE_EVENT,
    CHECK,
    BARE_CHECK,
  ],
  flushed: [
    published(DEPLOY),
    published(BARE_EVENT),
    published(CHECK),
    published(BARE_CHECK),
    rate("shop.orders", 1, ENV),
    rate("shop.orders", 3, ["country:de", "env:test"]),
    rate("shop.stock", -4, ENV),
    rate("shop.clicks", 4, ENV),
    gauge("shop.temp", -4.25, ENV),
    gauge("shop.level", 3, ENV),
    ...histogram("shop.render", [12.75, 20], 5, ENV),
    ...histogram("shop.size", [1500], 1, ["env:test", "path:/a:b", "weird:x_y_z"]),
    ...histogram("shop.latency", [0.0625], 1, ENV),
    gauge("shop.users", 2, ENV),
    rate("shop.a", 2, ENV),
    rate("shop.b", 2, ENV),
  ],
};

const CODES = Array.from({ length: 60 }, (_, i) => `code:${200 + i % 3}`);

/** Datagrams that the client fills by itself. */
const hotShotsBuffered: ClientRecording = {
  name: "hot_shots_udp_buffered",
  why: "hot-shots filling datagrams of up to 512 bytes",
  client: "hot-shots",
  transport: "udp",
  options: { maxBufferSize: 512 },
  calls: CODES.flatMap((code, i) => [["increment", "requests", 1, [code]], ["timing", "requests.ms", i]] as const),
  decoded: CODES.flatMap((code, i) => [
    metric("requests", "counter", [1], { tags: [code] }),
    metric("requests.ms", "timer", [i]),
  ]),
  flushed: [
    rate("requests", 20, ["code:200"]),
    rate("requests", 20, ["code:201"]),
    rate("requests", 20, ["code:202"]),
    ...histogram("requests.ms", [0, 59], 60),
  ],
};

/** A stream. */
const hotShotsTcp: ClientRecording = {
  name: "hot_shots_tcp",
  why: "hot-shots over one TCP connection",
  client: "hot-shots",
  transport: "tcp",
  options: { suffix: ".total", globalTags: ["dc:eu"] },
  calls: [
    ["increment", "jobs", 5],
    ["increment", "jobs", 7, ["queue:mail"]],
    ["gauge", "depth", 12],
    ["timing", "wait", 3.5],
    ["timing", "wait", 4.5],
    ["set", "workers", "w-1"],
    ["check", "broker", 1, { message: "slow" }],
    ["increment", "jobs", 2],
  ],
  decoded: [
    metric("jobs.total", "counter", [5], { tags: ["dc:eu"] }),
    metric("jobs.total", "counter", [7], { tags: ["dc:eu", "queue:mail"] }),
    metric("depth.total", "gauge", [12], { tags: ["dc:eu"] }),
    metric("wait.total", "timer", [3.5], { tags: ["dc:eu"] }),
    metric("wait.total", "timer", [4.5], { tags: ["dc:eu"] }),
    metric("workers.total", "set", ["w-1"], { tags: ["dc:eu"] }),
    { kind: "check", name: "broker.total", status: 1, tags: ["dc:eu"], message: "slow" },
    metric("jobs.total", "counter", [2], { tags: ["dc:eu"] }),
  ],
  flushed: [
    published({ kind: "check", name: "broker.total", status: 1, tags: ["dc:eu"], message: "slow" }),
    rate("jobs.total", 7, ["dc:eu"]),
    rate("jobs.total", 7, ["dc:eu", "queue:mail"]),
    gauge("depth.total", 12, ["dc:eu"]),
    ...histogram("wait.total", [3.5, 4.5], 2, ["dc:eu"]),
    gauge("workers.total", 1, ["dc:eu"]),
  ],
};

const ORIGIN = { container: "ci-0a1b2c", external_data: "it-false,cn-web", cardinality: "low" };

/** Unix datagrams, with every field that newer revisions of the protocol added. */
const hotShotsUnix: ClientRecording = {
  name: "hot_shots_unixgram",
  why: "hot-shots over a unix datagram socket, with origin fields and timestamps",
  client: "hot-shots",
  transport: "unixgram",
  options: { datadog: true, includeDatadogTelemetry: false, containerID: "ci-0a1b2c", cardinality: "low" },
  env: { DD_EXTERNAL_ENV: "it-false,cn-web" },
  calls: [
    ["increment", "seen", 2],
    ["gauge", "fill", 0.75, { timestamp: 1_690_000_000 }],
    ["increment", "late", 6, { timestamp: 1_690_000_000, tags: ["batch:1"] }],
    ["distribution", "took", 8, 0.5],
    ["set", "ids", "7:8"],
    ["gauge", "held", 3, { cardinality: "high" }],
    ["check", "up", 0, { message: "fine" }],
    ["event", "Boot", "done"],
  ],
  decoded: [
    metric("seen", "counter", [2], ORIGIN),
    metric("fill", "gauge", [0.75], { timestamp: 1_690_000_000, ...ORIGIN }),
    metric("late", "counter", [6], { tags: ["batch:1"], timestamp: 1_690_000_000, ...ORIGIN }),
    metric("took", "distribution", [8], { rate: 0.5, ...ORIGIN }),
    metric("ids", "set", ["7:8"], ORIGIN),
    metric("held", "gauge", [3], { ...ORIGIN, cardinality: "high" }),
    { kind: "check", name: "up", status: 0, tags: [], message: "fine", ...ORIGIN },
    { kind: "event", title: "Boot", text: "done", priority: "normal", alert_type: "info", tags: [], ...ORIGIN },
  ],
  flushed: [
    published({ kind: "event", title: "Boot", text: "done", priority: "normal", alert_type: "info", tags: [] }),
    published({ kind: "check", name: "up", status: 0, tags: [], message: "fine" }),
    rate("seen", 2),
    { ...gauge("fill", 0.75), timestamp: 1_690_000_000 },
    { ...rate("late", 6, ["batch:1"]), timestamp: 1_690_000_000 },
    ...histogram("took", [8], 2),
    gauge("ids", 1),
    gauge("held", 3),
  ],
};

/** What the player says the container is. */
const ENTITY = { container: "in-4026532281" };
const SERVICE = ["env:prod", "service:pay"];

/** The client aggregates by itself: equal counters are one line, a histogram is eight. Quantiles are its estimates. */
const ddTrace: ClientRecording = {
  name: "dd_trace_udp",
  why: "the DogStatsD client of dd-trace, which aggregates before it sends",
  client: "dd-trace",
  transport: "udp",
  options: { tags: { service: "pay", env: "prod" } },
  calls: [
    ["increment", "charge.count", 2, { card: "visa" }],
    ["increment", "charge.count", 3, { card: "visa" }],
    ["decrement", "credit", 4],
    ["gauge", "queue", 7],
    ["gauge", "queue", 5.5],
    ["distribution", "charge.ms", 30.25, ["method:post"]],
    ["distribution", "charge.ms", 10],
    ["histogram", "body", 10],
    ["histogram", "body", 20],
  ],
  decoded: [
    metric("charge.ms", "distribution", [30.25], { tags: ["env:prod", "method:post", "service:pay"], ...ENTITY }),
    metric("charge.ms", "distribution", [10], { tags: SERVICE, ...ENTITY }),
    metric("charge.count", "counter", [5], { tags: ["card:visa", ...SERVICE], ...ENTITY }),
    metric("credit", "counter", [-4], { tags: SERVICE, ...ENTITY }),
    metric("queue", "gauge", [5.5], { tags: SERVICE, ...ENTITY }),
    metric("body.min", "gauge", [10], { tags: SERVICE, ...ENTITY }),
    metric("body.max", "gauge", [20], { tags: SERVICE, ...ENTITY }),
    metric("body.sum", "counter", [30], { tags: SERVICE, ...ENTITY }),
    metric("body.total", "counter", [30], { tags: SERVICE, ...ENTITY }),
    metric("body.avg", "gauge", [15], { tags: SERVICE, ...ENTITY }),
    metric("body.count", "counter", [2], { tags: SERVICE, ...ENTITY }),
    { ...metric("body.median", "gauge", [], { tags: SERVICE, ...ENTITY }), values: [{ $near: 10, $within: 0.02 }] },
    {
      ...metric("body.95percentile", "gauge", [], { tags: SERVICE, ...ENTITY }),
      values: [{ $near: 10, $within: 0.02 }],
    },
  ],
  flushed: [
    ...histogram("charge.ms", [30.25], 1, ["env:prod", "method:post", "service:pay"]),
    ...histogram("charge.ms", [10], 1, SERVICE),
    rate("charge.count", 5, ["card:visa", ...SERVICE]),
    rate("credit", -4, SERVICE),
    gauge("queue", 5.5, SERVICE),
    gauge("body.min", 10, SERVICE),
    gauge("body.max", 20, SERVICE),
    rate("body.sum", 30, SERVICE),
    rate("body.total", 30, SERVICE),
    gauge("body.avg", 15, SERVICE),
    rate("body.count", 2, SERVICE),
    gauge("body.median", { $near: 10, $within: 0.02 }, SERVICE),
    gauge("body.95percentile", { $near: 10, $within: 0.02 }, SERVICE),
  ],
};

const SHARDS = Array.from({ length: 80 }, (_, i) => i);

/** More than one datagram. */
const ddTraceMany: ClientRecording = {
  name: "dd_trace_udp_many",
  why: "several flushes of the DogStatsD client of dd-trace",
  client: "dd-trace",
  transport: "udp",
  options: { tags: {} },
  calls: SHARDS.map((i) => ["gauge", "shard.size", i * 1.5, { shard: `s${i}` }]),
  decoded: SHARDS.map((i) => metric("shard.size", "gauge", [i * 1.5], { tags: [`shard:s${i}`], ...ENTITY })),
  flushed: SHARDS.map((i) => gauge("shard.size", i * 1.5, [`shard:s${i}`])),
};

/** The recordings there are. */
export const CLIENT_RECORDINGS: readonly ClientRecording[] = [
  hotShotsUdp,
  hotShotsBuffered,
  hotShotsTcp,
  hotShotsUnix,
  ddTrace,
  ddTraceMany,
];
