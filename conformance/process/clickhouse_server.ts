/** A real ClickHouse server and the chDB library, where they are: on PATH, or as `scripts/setup-*.sh` put them. */
import { join } from "node:path";
import { findServer, type Needed } from "../../src/testing/mod.ts";

/** A server that runs. */
export interface ClickhouseServer extends AsyncDisposable {
  readonly url: string;
}

/** A user beside `default`, who has no password. */
export const WRITER = { username: "writer", password: "secret" };

/** The server's executable. */
export const CLICKHOUSE: Needed = needed("clickhouse/clickhouse-server", "setup-clickhouse.sh", "clickhouse-server");

/** `libchdb.so`. */
export const CHDB: Needed = needed("chdb/libchdb.so", "setup-chdb.sh");

function needed(path: string, script: string, command?: string): Needed {
  const setup = `scripts/${script}`;
  return { found: findServer({ path, setup, ...(command === undefined ? {} : { command }) }), setup };
}

/** Starts a server on ports of its own and waits until it answers. */
export async function startClickhouse(executable: string): Promise<ClickhouseServer> {
  const directory = await Deno.makeTempDir({ prefix: "limier_clickhouse_" });
  const [http, tcp] = freePorts(2);
  const user = (name: string, password: string) =>
    `<${name}><password>${password}</password><networks><ip>127.0.0.1</ip></networks>` +
    `<profile>default</profile><quota>default</quota></${name}>`;
  await Deno.writeTextFile(
    join(directory, "users.xml"),
    `<yandex><profiles><default></default></profiles><quotas><default></default></quotas><users>${user("default", "")}${
      user(WRITER.username, WRITER.password)
    }</users></yandex>`,
  );
  await Deno.writeTextFile(
    join(directory, "config.xml"),
    `<yandex><logger><level>error</level><console>1</console></logger><listen_host>127.0.0.1</listen_host>
<http_port>${http}</http_port><tcp_port>${tcp}</tcp_port><path>${directory}/data/</path>
<tmp_path>${directory}/tmp/</tmp_path><user_files_path>${directory}/files/</user_files_path>
<mark_cache_size>67108864</mark_cache_size><users_config>users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database></yandex>`,
  );
  const log = join(directory, "log");
  const process = new Deno.Command("sh", {
    args: ["-c", 'exec "$1" --config-file=config.xml >"$2" 2>&1', "sh", executable, log],
    cwd: directory,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let ended = false;
  process.status.then(() => ended = true);
  const server: ClickhouseServer = {
    url: `http://127.0.0.1:${http}`,
    async [Symbol.asyncDispose]() {
      if (!ended) process.kill("SIGKILL");
      await process.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
  while (!await answers(server.url)) {
    if (ended) {
      const said = await Deno.readTextFile(log);
      await server[Symbol.asyncDispose]();
      throw new Error(`Cannot start ${executable}: it ended. It said:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return server;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/ping`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false; // it does not listen yet
  }
}

function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
