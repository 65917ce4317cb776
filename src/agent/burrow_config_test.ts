import assert from "node:assert/strict";
import { loadConfig } from "./load.ts";
import { effectiveConfig } from "./effective.ts";
import { configErrorLines } from "./load.ts";
import { translateBurrowConfig } from "./burrow_config.ts";

const FILE = `
[general]
pidfile="/run/b.pid"
access-control-allow-origin="https://example.org"

[logging]
filename="/var/log/b.log"
level="WARN"
maxsize=5

[client-profile.p]
client-id="me"
kafka-version="2.8.0"
tls="mine"
sasl="login"
dial-timeout=3

[tls.mine]
cafile="/ca.pem"
noverify="true"

[sasl.login]
mechanism="SCRAM-SHA-512"
username="alice"
password="secret-of-alice"
handshake-first=true

[httpserver.default]
address=":8000"
username="web"
password="secret-of-web"

[storage.mem]
class-name="inmemory"
intervals="7"
min-distance=1
group-denylist="(?i)^x"

[evaluator.e]
class-name="caching"
expire-cache=3

[cluster.Prod.eu]
class-name="kafka"
servers=["k1:9092","k2:9092"]
client-profile="p"
offset-refresh=7

[consumer.Prod]
class-name="kafka"
cluster="Prod.eu"
servers=["k1:9092"]
client-profile="p"
start-latest=true

[notifier.n]
class-name="null"
interval=5
extras={ Api_Key="k", x="1" }
`;

const translate = (text: string, env: Record<string, string> = {}) =>
  loadConfig(text, {
    file: "burrow.toml",
    env,
    veneur: false,
    burrow: true,
    strict: false,
  });

Deno.test("translateBurrowConfig() makes a configuration of ours", () => {
  const { config, warnings, burrow } = translate(FILE);
  assert.deepEqual(warnings, []);
  assert.deepEqual(burrow, {
    pidFile: "/run/b.pid",
    namesPidFile: true,
    logFile: { path: "/var/log/b.log", maxBytes: 5 * 2 ** 20, maxBackups: 10, maxAgeMs: 30 * 86_400_000 },
  });
  const lag = config.lag!;
  const [[name, cluster]] = [...lag.clusters] as [[string, NonNullable<ReturnType<typeof lag.clusters.get>>]];
  assert.equal(name, "Prod.eu");
  assert.deepEqual([cluster.brokers, cluster.offsetRefreshMs, cluster.topicRefreshMs], [
    ["k1:9092", "k2:9092"],
    7_000,
    60_000,
  ]);
  assert.deepEqual(cluster.profile, {
    name: "p",
    clientId: "me",
    kafkaVersion: "2.8.0",
    tls: { name: "mine", caFile: "/ca.pem", skipVerify: true },
    sasl: { name: "login", mechanism: "SCRAM-SHA-512", username: "alice", password: "secret-of-alice" },
    connectTimeoutMs: 3_000,
    requestTimeoutMs: 30_000,
  });
  const consumer = lag.consumers.get("Prod")!;
  assert.deepEqual([consumer.cluster, consumer.startLatest, consumer.selfReport], ["Prod.eu", true, false]);
  assert.deepEqual([lag.judge.storage.name, lag.judge.storage.config.intervals], ["mem", 7]);
  assert.ok(lag.judge.storage.config.filter.deny!.test("X1"));
  assert.equal(lag.judge.evaluator.config.expireCacheMs, 3_000);
  assert.deepEqual(lag.notifiers[0]!.config.extras, { Api_Key: "k", x: "1" });
  assert.equal(lag.page.asBurrow, true);
  assert.equal(config.logLevel, "warn");
  const [listener] = config.lagListeners;
  assert.deepEqual([listener!.address, listener!.username], [{ transport: "tcp", hostname: "", port: 8000 }, "web"]);
  assert.deepEqual([config.http.address, config.outputs, config.tcpinfo.enabled, config.statsd.listen], [
    null,
    [],
    false,
    [],
  ]);
  assert.ok(["secret-of-alice", "secret-of-web"].every((one) => config.secrets.includes(one)));
});

Deno.test("translateBurrowConfig() gives a configuration that reads the same when it is shown", () => {
  const { config } = translate(FILE);
  const shown = effectiveConfig(config);
  const again =
    loadConfig(JSON.stringify(shown), { file: "limier.yaml", env: {}, veneur: false, strict: false }).config;
  assert.deepEqual(effectiveConfig(again), shown);
});

Deno.test("translateBurrowConfig() takes tokens by client credentials", () => {
  const tokenUrl = "https://idp.example/token";
  const keys = `mechanism="OAUTHBEARER"\noauth-token-url="${tokenUrl}"\noauth-scopes=["kafka"]`;
  const { config, warnings } = translate(FILE.replace('mechanism="SCRAM-SHA-512"', keys));
  assert.deepEqual(warnings, []);
  assert.deepEqual(config.lag!.clusters.get("Prod.eu")!.profile.sasl, {
    name: "login",
    mechanism: "OAUTHBEARER",
    username: "alice",
    password: "secret-of-alice",
    tokenUrl,
    scopes: ["kafka"],
  });
});

Deno.test("translateBurrowConfig() takes what the environment says", () => {
  const env = {
    BURROW_CLUSTER_PROD_EU_SERVERS: "k9:9092 k8:9092",
    BURROW_STORAGE_MEM_INTERVALS: "3",
    BURROW_CLUSTER_NEW_SERVERS: "k7:9092",
    BURROW_GENERAL_PIDFILE: "/run/env.pid",
  };
  const { config, burrow } = translate(FILE, env);
  assert.deepEqual([...config.lag!.clusters.keys()], ["Prod.eu"]);
  assert.deepEqual(config.lag!.clusters.get("Prod.eu")!.brokers, ["k9:9092", "k8:9092"]);
  assert.equal(config.lag!.judge.storage.config.intervals, 3);
  assert.equal(burrow!.pidFile, "/run/env.pid");
  const prefixed = FILE.replace("[general]", '[general]\nenv-var-prefix="my"');
  assert.equal(translate(prefixed, { MY_STORAGE_MEM_INTERVALS: "4" }).config.lag!.judge.storage.config.intervals, 4);
});

Deno.test("translateBurrowConfig() warns of what has no effect", () => {
  const odd = FILE.replace(
    "[httpserver.default]",
    '[zookeeper]\nservers=["z:2181"]\n\n[sl.x]\n\n[httpserver.default]\naddres=":1"',
  )
    .replace('level="WARN"', 'level="loud"');
  const { warnings } = translateBurrowConfig(odd, "b.toml", {});
  assert.equal(warnings.length, 4);
  assert.ok(
    warnings.some((one) => /^b\.toml:\d+:1: unknown key httpserver\.default\.addres .*address$/.test(one)),
    warnings.join("\n"),
  );
  assert.ok(warnings.some((one) => /unknown section sl/.test(one)));
  assert.ok(warnings.some((one) => /zookeeper: no lock is taken/.test(one)));
  assert.ok(warnings.some((one) => /logging\.level: loud is no level/.test(one)));
});

Deno.test("translateBurrowConfig() listens on loopback where no listener is written", () => {
  const without = FILE.replace(/\[httpserver\.default\][^[]*/, "");
  assert.deepEqual(translate(without).config.lagListeners.map(({ address }) => address), [
    { transport: "tcp", hostname: "127.0.0.1", port: 0 },
  ]);
});

const refused: [from: string | RegExp, to: string, message: RegExp][] = [
  ["[general]", "[general", /^burrow\.toml:\d+:\d+: Cannot read the file as TOML/],
  [
    'client-profile="p"',
    'client-profile="q"',
    /^burrow\.toml:\d+:1: .*cluster\.Prod\.eu\.client-profile = "q".*unknown client-profile 'q'/,
  ],
  ['tls="mine"', 'tls="other"', /client-profile\.p\.tls.*unknown tls 'other'/],
  ['tls="mine"', 'iam="i"', /client-profile\.p\.iam.*AWS IAM is not known/],
  ['mechanism="SCRAM-SHA-512"', 'mechanism="SCRAM"', /sasl\.login\.mechanism/],
  ['mechanism="SCRAM-SHA-512"', 'mechanism="OAUTHBEARER"', /sasl\.login\.oauth.token.url/],
  ["offset-refresh=7", "offset-refresh=0", /cluster\.Prod\.eu\.offset-refresh/],
  ["offset-refresh=7", 'offset-refresh="often"', /whole number of seconds/],
  ['servers=["k1:9092","k2:9092"]', "servers=[]", /No Kafka brokers specified for cluster Prod\.eu/],
  [
    'servers=["k1:9092","k2:9092"]',
    'servers=["k1"]',
    /Cluster 'Prod\.eu' has one or more improperly formatted servers/,
  ],
  ['cluster="Prod.eu"', 'cluster="Dev"', /Consumer 'Prod' references an unknown cluster 'Dev'/],
  ["[storage.mem]", "[storage.other]\n\n[storage.mem]", /Only one storage module must be configured/],
  ['class-name="inmemory"', 'class-name="redis"', /Unknown storage className provided: redis/],
  ['class-name="caching"', 'class-name="odd"', /Unknown evaluator className provided: odd/],
  ['class-name="null"', 'class-name="pigeon"', /Unknown notifier className provided: pigeon/],
  ['class-name="null"', 'class-name="http"', /template_open|template-open/],
  [/class-name="kafka"\ncluster/, 'class-name="kafka_zk"\ncluster', /kafka_zk/],
  [/class-name="kafka"\nservers/, 'class-name="pulsar"\nservers', /Unknown cluster className provided: pulsar/],
  ['address=":8000"', 'address="8000"', /invalid HTTP server listener address/],
  ["group-denylist=", "group-blacklist=", /Please change configurations to allowlist and denylist/],
  ['"(?i)^x"', '"("', /Failed to compile group denylist/],
];

for (const [from, to, message] of refused) {
  Deno.test(`translateBurrowConfig() refuses ${to}`, () => {
    const text = FILE.replace(from, to);
    assert.notEqual(text, FILE);
    assert.throws(() => translate(text), (error) => {
      const lines = configErrorLines(error);
      assert.ok(lines?.some((line) => message.test(line)), `${lines?.join("\n") ?? error}`);
      return true;
    });
  });
}
