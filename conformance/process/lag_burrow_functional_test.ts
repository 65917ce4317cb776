import assert from "node:assert/strict";
import { join } from "node:path";
import { startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { brokerTest, startTestBroker } from "../../src/kafka/testing.ts";
import { assertSame, assertSameGroups, describeGroup } from "./lag_comparison.ts";
import { Clients, commit, LagPages, until } from "./lag_stage.ts";
import { limier, pointsOf, temporaryFolder } from "./limier.ts";

const burrowToml = (broker: string, pidFile: string) => `
[general]
pidfile="${pidFile}"
access-control-allow-origin="https://example.org"

[logging]
level="info"

[client-profile.old]
client-id="burrow-test"
kafka-version="0.10.0"

[cluster.local]
class-name="kafka"
servers=["${broker}"]
client-profile="old"
offset-refresh=1
topic-refresh=1
offset-refesh=1

[consumer.local]
class-name="kafka"
cluster="local"
servers=["${broker}"]
client-profile="old"
group-denylist="^hidden"

[evaluator.default]
class-name="caching"
expire-cache=0

[httpserver.open]
address="127.0.0.1:0"

[httpserver.closed]
address="127.0.0.1:0"
username="me"
password="secret-of-me"
`;

brokerTest("an agent runs on a file of Burrow's as Burrow does", async () => {
  await using folder = await temporaryFolder();
  await using broker = await startTestBroker();
  await using clients = await Clients.connect(broker.address);
  await clients.createTopic("t", 2);
  await clients.produce("t", 10);
  const member = await clients.member("orders/eu", ["t"]);
  await commit(member, "t", 4);

  const pidFile = join(folder.path, "burrow.pid");
  await using agent = await startAgentProcess({
    config: burrowToml(broker.address, pidFile),
    args: (path) => ["run", "--burrow", "-f", path],
  });
  await until("all addresses are listened on", () => agent.addresses.length >= 2 || undefined);
  const [open, closed] = agent.addresses as [string, string];
  const pages = new LagPages(() => open, "local");
  assert.equal((await assertSame(pages, broker, "orders/eu")).totallag, 6);
  await assertSameGroups(pages, broker);
  assert.equal(await pages.text("/burrow/admin/ready"), "READY");

  // One warning of the version, one of the key that is not known.
  const warnings = agent.log.filter(({ level }) => level === "warn").map(({ message }) => String(message));
  assert.equal(warnings.filter((one) => one.startsWith("client-profile.old.kafka-version is 0.10.0, which")).length, 1);
  assert.ok(
    warnings.some((one) => /:\d+:1: unknown key cluster\.local\.offset-refesh .*offset-refresh/.test(one)),
    warnings.join(),
  );

  // Its page of metrics, its errors, its headers.
  const metrics = await pages.text("/metrics");
  assert.match(metrics, /^burrow_kafka_consumer_lag_total\{cluster="local",consumer_group="orders\/eu"\} 6$/m);
  assert.doesNotMatch(metrics, /limier_/);
  assert.match(await pages.text("/metrics/limier"), /^limier_lag_reader_lag\{cluster="local",partition="0"\} 0$/m);
  assert.match(
    await pages.text("/metrics/limier"),
    /^limier_lag_group_messages\{cluster="local",group="orders\/eu"\} 6$/m,
  );
  const unknown = await fetch(`${open}/no/such/page`);
  assert.deepEqual([unknown.status, await unknown.text()], [
    404,
    '{"error":true,"message":"invalid request type","result":{}}',
  ]);
  assert.equal(unknown.headers.get("content-type"), "application/json");
  assert.equal(unknown.headers.get("access-control-allow-origin"), "https://example.org");

  // The second address asks who it is, but for whether the process is well.
  assert.equal((await fetch(`${closed}/burrow/admin`)).status, 200);
  const refused = await fetch(`${closed}/v3/kafka`);
  assert.deepEqual([refused.status, refused.headers.get("www-authenticate")], [401, 'Basic realm="burrow"']);
  await refused.body?.cancel();
  const authorization = `Basic ${btoa("me:secret-of-me")}`;
  const allowed = await fetch(`${closed}/v3/kafka`, { headers: { authorization } });
  assert.deepEqual((await allowed.json()).clusters, ["local"]);

  // A table, of one group a table of its partitions, and what programs read.
  const table = await limier(["lag", "status", "--url", closed, "--user", "me:secret-of-me"]);
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /^local +orders\/eu +\w+ +6 /m);
  const one = await limier(["lag", "status", "orders/eu", "--cluster", "local", "--url", open]);
  assert.match(one.stdout, /^t +0 +\w+ +4 +6 .*\/127\.0\.0\.1 +test-client$/m);
  const json = await limier(["lag", "status", "--json", "--url", open]);
  assert.equal(JSON.parse(json.stdout).group, "orders/eu");
  const nobody = await limier(["lag", "status", "nobody", "--url", open]);
  assert.deepEqual([nobody.code, nobody.stdout], [1, ""]);
  assert.match(nobody.stderr, /Cannot find the group nobody/);
  const closedAgain = await limier(["lag", "status", "--url", closed]);
  assert.equal(closedAgain.code, 1);
  assert.match(closedAgain.stderr, /answers 401; it wants a token or a password/);

  // The level of the log is changed while it runs.
  const debug = await pages.get("/v3/admin/loglevel", { method: "POST", body: '{"level":"debug"}' });
  assert.deepEqual([debug.status, debug.body.message], [200, "set log level"]);
  assert.equal((await pages.get("/v3/admin/loglevel")).body.level, "debug");

  const removed = await pages.get("/v3/kafka/local/consumer/orders%2Feu", { method: "DELETE" });
  assert.deepEqual([removed.status, removed.body.message], [200, "consumer group removed"]);
  // The agent forgets it; the broker knows as much as before.
  assert.equal(await pages.group("orders/eu"), undefined);
  assert.equal((await describeGroup(broker, "orders/eu"))[0]!.lag, 6);

  // There is one process for the file.
  assert.equal(await Deno.readTextFile(pidFile), String(agent.pid));
  const second = await limier(["run", "--burrow", "-f", agent.configPath]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`process ${agent.pid} is running`));
  assert.equal((await agent.stop()).code, 0);
  await assert.rejects(Deno.stat(pidFile), Deno.errors.NotFound);
});

brokerTest("an agent tells people of groups that are not well, and measures them", async () => {
  await using folder = await temporaryFolder();
  await using broker = await startTestBroker();
  await using clients = await Clients.connect(broker.address);
  await clients.createTopic("t");
  await clients.produce("t", 10);
  const member = await clients.member("stopped", ["t"]);
  await commit(member, "t", 4);

  const told: { path: string; body: Record<string, unknown> }[] = [];
  await using hook = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    told.push({ path: new URL(request.url).pathname, body: await request.json() });
    return new Response(null, { status: 204 });
  });
  const template = join(folder.path, "open.tmpl");
  await Deno.writeTextFile(
    template,
    '{"id":"{{.ID}}","group":"{{.Group}}","status":"{{.Result.Status}}","key":"{{.Extras.Key}}",' +
      '"counts":{{jsonencoder (partitioncounts .Result.Partitions)}}}',
  );
  await using agent = await startAgentProcess({
    keepsOutput: true,
    config: `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "", interval: 1s }
outputs: [ { name: out, kind: stdout } ]
lag:
  meter: true
  meter_interval: 500ms
  group_refresh: 300ms
  clusters: { main: { brokers: ["${broker.address}"], offset_refresh: 300ms, topic_refresh: 600ms } }
  evaluator: { expire_cache: 0s }
  notifiers:
    hook:
      class_name: http
      interval: 500ms
      send_interval: 1h
      url_open: "http://127.0.0.1:${hook.addr.port}/open/{{.Cluster}}"
      url_close: "http://127.0.0.1:${hook.addr.port}/close"
      template_open: ${template}
      template_close: ${template}
      send_close: true
      extras: { Key: k }
`,
  });
  const opened = await until("it is told of", () => told.find(({ path }) => path === "/open/main"));
  const { id, ...rest } = opened.body;
  assert.deepEqual(rest, {
    group: "stopped",
    status: "ERR",
    key: "k",
    counts: { warn: 0, stop: 1, stall: 0, rewind: 0, unknown: 0 },
  });
  await agent.prints((printed) => pointsOf(printed, "kafka.consumer.lag").some(({ value }) => value === 6));
  const pages = new LagPages(() => agent.url);
  assert.equal((await assertSame(pages, broker, "stopped")).totallag, 6);
  await commit(member, "t", 10);
  const closed = await until("its end is told of", () => told.find(({ path }) => path === "/close"));
  assert.deepEqual([closed.body.id, closed.body.status], [id, "OK"]);
  assert.equal(told.length, 2);
  assert.equal((await assertSame(pages, broker, "stopped")).totallag, 0);

  // A changed section starts the source anew, behind the same pages.
  const file = await Deno.readTextFile(agent.configPath);
  await Deno.writeTextFile(agent.configPath, file.replace("clusters: { main:", "clusters: { other:"));
  agent.signal("SIGHUP");
  await agent.logged({ message: "configuration reloaded" });
  const other = new LagPages(() => agent.url, "other");
  assert.equal((await assertSame(other, broker, "stopped")).totallag, 0);
  assert.deepEqual((await pages.get("/v3/kafka")).body.clusters, ["other"]);
  const metrics = await agent.metrics();
  assert.equal(metrics['limier_lag_cluster_up{cluster="other"}'], 1);
  assert.equal(metrics['limier_lag_cluster_up{cluster="main"}'], undefined);
});
