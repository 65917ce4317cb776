/** Debian's snmpd on loopback, for tests. */
import { join } from "node:path";

/** Where scripts/setup-snmpd.sh puts it; undefined: it is not there, nor on PATH. */
export function findSnmpd(): string | undefined {
  const caches = Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") ?? "/", ".cache");
  const servers = Deno.env.get("TEST_SERVERS") || join(caches, "limier", "servers");
  const directories = (Deno.env.get("PATH") ?? "").split(":");
  return [...directories.map((directory) => join(directory, "snmpd")), join(servers, "snmpd", "snmpd")].find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false; // that is what was asked
    }
  });
}

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
