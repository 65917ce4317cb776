import assert from "node:assert/strict";
import { realClock } from "../../../clock/mod.ts";
import { Section } from "../../../config/mod.ts";
import { recordingReporter } from "../../../telemetry/mod.ts";
import { freeUdpPort, functionalTest } from "../../../testing/mod.ts";
import type { Metadata } from "./facts.ts";
import { readSnmpSettings } from "./snmp_config.ts";
import { SnmpError, SnmpProvider } from "./snmp_provider.ts";
import { type RunningSnmpd, SNMPD, startSnmpd } from "./snmpd_testing.ts";

const AUTH = { MD5: "MD5", SHA: "SHA", SHA224: "SHA-224", SHA256: "SHA-256", SHA384: "SHA-384", SHA512: "SHA-512" };
const PRIVACY = {
  DES: "DES",
  AES: "AES",
  AES192: "AES-192",
  AES256: "AES-256",
  "AES192-C": "AES-192-C",
  "AES256-C": "AES-256-C",
};
const PASSPHRASES = { authentication_passphrase: "authentication", privacy_passphrase: "privacyprivacy" };

const CONFIGURATION = `
rocommunity public 127.0.0.1
view names included .1.3.6.1.2.1.1
view interfaces included .1.3.6.1.2.1.31
com2sec namesSec 127.0.0.1 names
com2sec interfacesSec 127.0.0.1 interfaces
group namesGroup v2c namesSec
group interfacesGroup v2c interfacesSec
access namesGroup "" any noauth exact names none none
access interfacesGroup "" any noauth exact interfaces none none
sysName edge1.example.net
override 1.3.6.1.2.1.31.1.1.1.18.1 octet_str "TRANSIT: Acme"
createUser plain
rouser plain noauth
${
  Object.entries(AUTH).map(([name, own]) => `createUser ${name} ${own} "authentication"\nrouser ${name} auth`).join(
    "\n",
  )
}
${
  Object.entries(PRIVACY).map(([name, own]) =>
    `createUser p${name} SHA-256 "authentication" ${own} "privacyprivacy"\nrouser p${name} priv`
  ).join("\n")
}
createUser md5des MD5 "authentication" DES "privacyprivacy"
rouser md5des priv
`;

function newProvider(port: number, credentials: object | undefined, more: object = {}) {
  const reporter = recordingReporter();
  const settings = readSnmpSettings(Section.of({
    type: "snmp",
    ports: port,
    agents: { "192.0.2.1": "127.0.0.1" },
    ...(credentials && { credentials: { "::/0": credentials } }),
    ...more,
  }));
  return { provider: new SnmpProvider(settings, { clock: realClock, reporter }), reporter };
}

/** Asks until the agent has started. */
async function untilReady({ port }: RunningSnmpd): Promise<void> {
  const { provider } = newProvider(port, undefined, { poller_timeout: "200ms" });
  using _ = provider;
  for (const endMs = performance.now() + 60_000;;) {
    try {
      await provider.query("127.0.0.1", 1);
      return;
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
  }
}

const LOOPBACK = { name: "lo", description: "TRANSIT: Acme", speed: 10 };

function check(answer: unknown): void {
  const { exporter, interface: { name, description, speed } } = answer as Metadata;
  assert.equal(exporter.name, "edge1.example.net");
  assert.deepEqual({ name, description, speed }, LOOPBACK);
}

functionalTest(
  "SNMP v2c and v3 with every hash and cipher learn the same of a real agent",
  SNMPD,
  async (executable) => {
    await using snmpd = await startSnmpd(executable, CONFIGURATION);
    await untilReady(snmpd);
    const users: [name: string, credentials: object | undefined][] = [
      ["v2c", undefined],
      ["v2c, merged", { communities: ["wrong", "names", "interfaces"] }],
      ["v3", { user_name: "plain" }],
      ...Object.keys(AUTH).map((name): [string, object] => [
        name,
        { user_name: name, authentication_protocol: name, ...PASSPHRASES },
      ]),
      ...Object.keys(PRIVACY).map((name): [string, object] => [
        name,
        { user_name: `p${name}`, authentication_protocol: "SHA256", privacy_protocol: name, ...PASSPHRASES },
      ]),
      ["MD5 and DES", {
        user_name: "md5des",
        authentication_protocol: "MD5",
        privacy_protocol: "DES",
        ...PASSPHRASES,
      }],
    ];
    for (const [name, credentials] of users) {
      const { provider, reporter } = newProvider(snmpd.port, credentials, { poller_timeout: "300ms" });
      using _ = provider;
      const answers = await Promise.all([1, 1, 1].map((ifIndex) => provider.query("192.0.2.1", ifIndex))).catch(
        (cause) => {
          throw new Error(`Cannot ask with ${name}`, { cause });
        },
      );
      for (const answer of answers) check(answer);
      const successes = reporter.metrics.counter(
        "limier_outlet_metadata_provider_snmp_poller_success_requests_total",
        "x",
      );
      assert.equal(successes.value({ exporter: "192.0.2.1" }), 3);
    }
  },
);

functionalTest("SNMP says what is wrong: no agent, no such interface, a wrong user", SNMPD, async (executable) => {
  await using snmpd = await startSnmpd(executable, CONFIGURATION);
  await untilReady(snmpd);
  const cases: [port: number, credentials: object | undefined, ifIndex: number, problem: string][] = [
    [freeUdpPort(), undefined, 1, "timeout"],
    [snmpd.port, undefined, 99_999, "no ifName"],
    [snmpd.port, { communities: "interfaces" }, 1, "no sysName"],
    [snmpd.port, { user_name: "nobody" }, 1, "refused"],
    [
      snmpd.port,
      {
        user_name: "SHA",
        authentication_protocol: "SHA",
        authentication_passphrase: "wrong wrong",
      },
      1,
      "refused",
    ],
  ];
  for (const [port, credentials, ifIndex, problem] of cases) {
    const { provider, reporter } = newProvider(port, credentials, { poller_timeout: "100ms", poller_retries: 0 });
    using _ = provider;
    await assert.rejects(async () => await provider.query("192.0.2.1", ifIndex), (error) => {
      assert.ok(error instanceof SnmpError);
      assert.equal(error.problem, problem, error.message);
      return true;
    });
    const failures = reporter.metrics.counter("limier_outlet_metadata_provider_snmp_poller_error_requests_total", "x");
    assert.equal(failures.value({ exporter: "192.0.2.1", error: problem }), 1);
  }
});

functionalTest("SNMP v3 finds an agent again that was restarted", SNMPD, async (executable) => {
  const first = await startSnmpd(executable, CONFIGURATION);
  await untilReady(first);
  const credentials = { user_name: "pAES", authentication_protocol: "SHA256", privacy_protocol: "AES", ...PASSPHRASES };
  const { provider } = newProvider(first.port, credentials, { poller_timeout: "200ms", poller_retries: 0 });
  using _ = provider;
  check(await provider.query("127.0.0.1", 1));
  await first[Symbol.asyncDispose]();
  await assert.rejects(async () => await provider.query("127.0.0.1", 1), SnmpError);
  await using second = await startSnmpd(executable, CONFIGURATION, first.port);
  await untilReady(second);
  check(await provider.query("127.0.0.1", 1));
});
