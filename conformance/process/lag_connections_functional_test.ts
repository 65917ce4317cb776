import assert from "node:assert/strict";
import { join } from "node:path";
import { startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { brokerTest, startTestBroker, TEST_USER, type TestBroker } from "../../src/kafka/testing.ts";
import { assertSame, assertSameGroups, describeGroup, listGroupsAs } from "./lag_comparison.ts";
import { Clients, commit, LagPages, sleep, until } from "./lag_stage.ts";
import { temporaryFolder } from "./limier.ts";

const WRONG_PASSWORD = "not-the-password-of-alice";

async function configOf({ address, secure }: TestBroker, folder: string): Promise<string> {
  const ca = join(folder, "ca.pem");
  await Deno.writeTextFile(ca, secure!.ca);
  const { username, password } = TEST_USER;
  return `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "" }
outputs: []
lag:
  client_profiles:
    scram:
      sasl: { mechanism: SCRAM-SHA-512, username: ${username}, password: ${password} }
      tls: { ca_file: ${ca} }
  clusters:
    plain: { brokers: ["${address}"], offset_refresh: 300ms, topic_refresh: 600ms }
    secure: { brokers: ["${secure!.saslTls}"], client_profile: scram, offset_refresh: 300ms, topic_refresh: 600ms }
    refused:
      brokers: ["${secure!.sasl}"]
      sasl: { mechanism: SCRAM-SHA-256, username: ${username}, password: ${WRONG_PASSWORD} }
  consumers:
    plain: { cluster: plain, group_denylist: "^hidden" }
    secure: { cluster: secure, start_latest: true, backfill_earliest: true, self_report: true }
  storage: { intervals: 5 }
  evaluator: { expire_cache: 0s }
`;
}

brokerTest("an agent watches clusters by SCRAM and TLS, through a restart of the broker under load", async () => {
  await using folder = await temporaryFolder();
  await using broker = await startTestBroker({ secure: true });
  await using clients = await Clients.connect(broker.address);
  await clients.createTopic("load");
  await clients.produce("load", 100);
  const member = await clients.member("load-group", ["load"]);
  const hidden = await clients.member("hidden-group", ["load"]);
  await commit(member, "load", 10);
  await commit(hidden, "load", 10);
  await hidden.disconnect();

  await using agent = await startAgentProcess({ config: await configOf(broker, folder.path) });
  const plain = new LagPages(() => agent.url, "plain");
  const secure = new LagPages(() => agent.url, "secure");
  for (const pages of [plain, secure]) {
    assert.equal((await assertSame(pages, broker, "load-group")).totallag, 90);
  }
  assert.equal((await assertSame(secure, broker, "hidden-group")).totallag, 90);
  assert.equal((await describeGroup(broker, "hidden-group"))[0]!.lag, 90);
  assert.equal(await plain.group("hidden-group"), undefined);
  await assertSameGroups(plain, broker, { hidden: ["hidden-group"] });

  await refusals(agent.log, agent.url);
  await refusedAlike(broker, new LagPages(() => agent.url, "refused"));

  // Under load: messages and commits come all the time, and go on by themselves when the broker is back.
  let goesOn = true;
  let committed = 10;
  const loading = (async () => {
    while (goesOn) {
      try {
        await clients.produce("load", 20);
        await commit(member, "load", ++committed);
      } catch {
        // The broker is away; the next try is as good.
      }
      await sleep(50);
    }
  })();
  await plain.groupOnce("load-group", "commits are seen", (one) => one.partitions[0]!.end!.offset > 12);
  await broker.stop("SIGKILL");
  await agent.logged((entry) => entry.level === "error" && entry.cluster === "plain" && entry.reason === "connect");
  assert.ok((await plain.groups()).includes("load-group")); // what is known stays
  await broker.start();
  const back = committed;
  for (const pages of [plain, secure]) {
    await pages.groupOnce("load-group", "commits are seen again", (one) => one.partitions[0]!.end!.offset > back);
  }
  goesOn = false;
  await loading;
  for (const pages of [plain, secure]) await assertSame(pages, broker, "load-group");
  await assertSameGroups(plain, broker, { hidden: ["hidden-group"] });
  const { body } = await plain.get("/v3/kafka/plain/consumer/load-group/status");
  assert.equal((body.status as { partition_count: number }).partition_count, 1);
  await until(
    "its own reading is shown where that is asked for",
    async () => (await secure.groups()).includes("burrow-secure") || undefined,
  );
  assert.ok(!(await plain.groups()).some((group) => group.startsWith("burrow")));
});

/** One clear line for each attempt, later and later, which does not tell the password. */
async function refusals(
  log: readonly Readonly<Record<string, unknown>>[],
  url: string,
): Promise<void> {
  const refused = () => log.filter(({ cluster, level }) => cluster === "refused" && level === "error");
  await until("it was tried again", () => refused().length >= 3 || undefined);
  const [first] = refused();
  assert.match(String(first!.message), /^Cannot read cluster refused: .*it refuses the credentials/);
  assert.deepEqual([first!.mechanism, first!.user, first!.reason], ["SCRAM-SHA-256", "alice", "authentication"]);
  const times = refused().map(({ time }) => Date.parse(String(time)));
  assert.ok(times[2]! - times[1]! > times[1]! - times[0]!, `attempts at ${times}`);
  assert.ok(!JSON.stringify(log).includes(WRONG_PASSWORD));
  const ready = await fetch(`${url}/burrow/admin/ready`);
  assert.deepEqual([ready.status, await ready.text()], [503, "STARTING"]);
}

/** Whoever has the wrong password learns of no group: the agent as little as Kafka's own tool. */
async function refusedAlike(broker: TestBroker, pages: LagPages): Promise<void> {
  const login = `username="${TEST_USER.username}" password="${WRONG_PASSWORD}"`;
  const said = await listGroupsAs(broker, broker.secure!.sasl, {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "SCRAM-SHA-256",
    "sasl.jaas.config": `org.apache.kafka.common.security.scram.ScramLoginModule required ${login};`,
  });
  assert.match(said, /invalid credentials with SASL mechanism SCRAM-SHA-256/);
  assert.doesNotMatch(said, /-group/);
  assert.deepEqual(await pages.groups(), []);
  assert.equal(await pages.group("load-group"), undefined);
}
