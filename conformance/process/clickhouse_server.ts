/** A real ClickHouse server and the chDB library, where they are: on PATH, or as `scripts/setup-*.sh` put them. */
import { join } from "node:path";

/** A server that runs. */
export interface ClickhouseServer extends AsyncDisposable {
  readonly url: string;
}

/** A user beside `default`, who has no password. */
export const WRITER = { username: "writer", password: "secret" };

function serversDirectory(): string {
  const caches = Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") ?? "/", ".cache");
  return Deno.env.get("TEST_SERVERS") || join(caches, "limier", "servers");
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // that is what was asked
  }
}

/** The server's executable; `undefined` where there is none. */
export function findClickhouse(): string | undefined {
  const onPath = (Deno.env.get("PATH") ?? "").split(":").map((folder) => join(folder, "clickhouse-server"));
  return [...onPath, join(serversDirectory(), "clickhouse/clickhouse-server")].find(isFile);
}

/** `libchdb.so`; `undefined` where there is none. */
export function findChdb(): string | undefined {
  return [join(serversDirectory(), "chdb/libchdb.so")].find(isFile);
}

/** A test of something real. Where that is missing it is skipped and says why; with CI=true it fails. */
export function testWith(
  name: string,
  what: { readonly found: string | undefined; readonly setup: string },
  run: (path: string) => Promise<void>,
): void {
  const { found, setup } = what;
  if (found !== undefined) {
    Deno.test(name, () => run(found));
    return;
  }
  const missing = `what it needs is missing: run ${setup}`;
  if (Deno.env.get("CI") === "true") {
    Deno.test(name, () => Promise.reject(new Error(`Cannot test "${name}": ${missing}`)));
    return;
  }
  console.log(`skipped: ${name}: ${missing}`);
  Deno.test({ name, ignore: true, fn: () => {} });
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
