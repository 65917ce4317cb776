/** Debian's snmpd on loopback, for tests. */
import { join } from "node:path";
import { freeUdpPort, startProcess } from "../../../testing/mod.ts";

/** Where scripts/setup-snmpd.sh puts it. */
export const SNMPD = { path: "snmpd/snmpd", command: "snmpd", setup: "scripts/setup-snmpd.sh" };

/** An agent that runs. */
export interface RunningSnmpd extends AsyncDisposable {
  readonly port: number;
}

/** Starts an agent with these lines of configuration. It may need a moment until it answers. */
export async function startSnmpd(
  executable: string,
  configuration: string,
  port: number = freeUdpPort(),
): Promise<RunningSnmpd> {
  const process = await startProcess((directory) => {
    const file = join(directory, "snmpd.conf");
    Deno.writeTextFileSync(file, `agentaddress udp:127.0.0.1:${port}\n${configuration}`);
    const settings = [`SNMP_PERSISTENT_DIR=${directory}`, "MIBS="];
    return ["env", ...settings, executable, "-f", "-Lo", "-C", "-c", file, "-m", "", "-I", "-smux"];
  });
  return { port, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}
