/** Debian's snmpd on loopback, for tests. */
import { join } from "node:path";

/** Where scripts/setup-snmpd.sh puts it. */
export const SNMPD = { path: "snmpd/snmpd", command: "snmpd", setup: "scripts/setup-snmpd.sh" };

/** A port of UDP that nobody has. */
export function freeUdpPort(): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  socket.close();
  return port;
}

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
  const directory = await Deno.makeTempDir({ prefix: "limier-snmpd-" });
  const file = join(directory, "snmpd.conf");
  await Deno.writeTextFile(file, `agentaddress udp:127.0.0.1:${port}\n${configuration}`);
  const process = new Deno.Command(executable, {
    args: ["-f", "-Lf", join(directory, "log"), "-C", "-c", file, "-m", "", "-I", "-smux"],
    env: { SNMP_PERSISTENT_DIR: directory, MIBS: "" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let ended = false;
  process.status.then(() => ended = true);
  return {
    port,
    async [Symbol.asyncDispose]() {
      if (!ended) process.kill("SIGKILL");
      await process.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}
