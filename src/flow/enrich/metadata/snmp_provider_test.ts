import assert from "node:assert/strict";
import snmp from "net-snmp";
import { FakeClock, realClock } from "../../../clock/mod.ts";
import { Section } from "../../../config/mod.ts";
import { recordingReporter } from "../../../telemetry/mod.ts";
import { freeUdpPort } from "../../../testing/mod.ts";
import type { Metadata } from "./facts.ts";
import { readMetadataSettings } from "./config.ts";
import { startMetadata } from "./metadata.ts";
import { readSnmpSettings } from "./snmp_config.ts";
import { SnmpProvider } from "./snmp_provider.ts";

/** What the tests use of the library's agent, which comes without types. */
interface AgentLibrary {
  readonly MibProviderType: { readonly Scalar: number; readonly Table: number };
  readonly ObjectType: { readonly Integer: number; readonly OctetString: number; readonly Gauge: number };
  readonly MaxAccess: Readonly<Record<"not-accessible" | "read-only", number>>;
  createAgent(options: { port: number; address: string; disableAuthorization: boolean }, done: () => void): {
    getMib(): {
      registerProvider(provider: object): void;
      setScalarValue(name: string, value: string): void;
      addTableRow(table: string, row: readonly (string | number)[]): void;
    };
    close(done: () => void): void;
  };
}

/** An agent with interfaces; a row is index, ifDescr, ifName, ifHighSpeed, ifAlias. */
function startAgent(sysName: string, rows: readonly (readonly [number, string, string, number, string])[]) {
  const { createAgent, MibProviderType, ObjectType, MaxAccess } = snmp as unknown as AgentLibrary;
  const port = freeUdpPort();
  const agent = createAgent({ port, address: "127.0.0.1", disableAuthorization: true }, () => {});
  const mib = agent.getMib();
  const maxAccess = MaxAccess["read-only"];
  const column = (number: number, name: string, type: number) => ({ number, name, type, maxAccess });
  mib.registerProvider({
    name: "sysName",
    type: MibProviderType.Scalar,
    oid: "1.3.6.1.2.1.1.5",
    scalarType: ObjectType.OctetString,
    maxAccess,
  });
  mib.setScalarValue("sysName", sysName);
  mib.registerProvider({
    name: "ifEntry",
    type: MibProviderType.Table,
    oid: "1.3.6.1.2.1.2.2.1",
    tableColumns: [column(1, "ifIndex", ObjectType.Integer), column(2, "ifDescr", ObjectType.OctetString)],
    tableIndex: [{ columnName: "ifIndex" }],
  });
  mib.registerProvider({
    name: "ifXEntry",
    type: MibProviderType.Table,
    oid: "1.3.6.1.2.1.31.1.1.1",
    tableColumns: [
      column(1, "ifName", ObjectType.OctetString),
      column(15, "ifHighSpeed", ObjectType.Gauge),
      column(18, "ifAlias", ObjectType.OctetString),
      column(99, "index", ObjectType.Integer),
    ],
    tableIndex: [{ columnName: "index" }],
  });
  for (const [index, descr, name, speed, alias] of rows) {
    mib.addTableRow("ifEntry", [index, descr]);
    mib.addTableRow("ifXEntry", [name, speed, alias, index]);
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => agent.close(resolve));
    },
  };
}

const described: [what: string, ifDescr: string, ifName: string, ifAlias: string, description: string][] = [
  ["the alias", "Ethernet 1", "xe0", "to Acme", "to Acme"],
  ["the description, where the alias is the name", "Ethernet 1", "xe0", "xe0", "Ethernet 1"],
  ["the description, where there is no alias", "Ethernet 1", "xe0", "", "Ethernet 1"],
  ["nothing, where all are the name", "xe0", "xe0", "xe0", ""],
  ["an alias that is not ASCII", "xe0", "xe0", "vers Zürich", "vers Zürich"],
];
for (const [what, ifDescr, ifName, ifAlias, description] of described) {
  Deno.test(`SNMP describes an interface by ${what}`, async () => {
    await using agent = startAgent("edge1", [[7, ifDescr, ifName, 10_000, ifAlias]]);
    const settings = readSnmpSettings(Section.of({ type: "snmp", ports: agent.port }));
    using provider = new SnmpProvider(settings, { clock: realClock, reporter: recordingReporter() });
    const { exporter, interface: facts } = await provider.query("127.0.0.1", 7) as Metadata;
    assert.equal(exporter.name, "edge1");
    assert.deepEqual([facts.name, facts.description, facts.speed], ["xe0", description, 10_000]);
  });
}

Deno.test("an agent without a name is of no use", async () => {
  await using agent = startAgent("", [[7, "a", "xe0", 1, "b"]]);
  const settings = readSnmpSettings(Section.of({ type: "snmp", ports: { "127.0.0.0/8": agent.port } }));
  using provider = new SnmpProvider(settings, { clock: realClock, reporter: recordingReporter() });
  await assert.rejects(async () => await provider.query("127.0.0.1", 7), /it tells no sysName/);
});

Deno.test("metadata that stop give up what they ask an agent that is silent", async () => {
  const silent = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const reporter = recordingReporter();
  const snmpSettings = { type: "snmp", ports: port, poller_timeout: "1m", poller_retries: 10 };
  const settings = readMetadataSettings(Section.of({ providers: [snmpSettings] }));
  const clock = new FakeClock();
  const provider = new SnmpProvider(readSnmpSettings(Section.of(snmpSettings)), { clock, reporter });
  const metadata = await startMetadata(settings, { clock, reporter, providers: [provider] });
  const asked = metadata.fetch("127.0.0.1", 1);
  await silent.receive(); // the question is under way
  await metadata[Symbol.asyncDispose]();
  await asked;
  silent.close();
  assert.equal(metadata.lookup("127.0.0.1", 1), undefined);
});
