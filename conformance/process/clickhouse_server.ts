/** A real ClickHouse server and the chDB library, where they are: on PATH, or as `scripts/setup-*.sh` put them. */
import { join } from "node:path";
import { findServer, freePort, type Needed, type RunningServer, startServer } from "../../src/testing/mod.ts";

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

/** Starts a server and waits until it answers. */
export function startClickhouse(executable: string): Promise<RunningServer> {
  return startServer({
    readyPath: "/ping",
    command(port, directory) {
      Deno.writeTextFileSync(join(directory, "users.xml"), USERS);
      Deno.writeTextFileSync(
        join(directory, "config.xml"),
        `<yandex><logger><level>error</level><console>1</console></logger><listen_host>127.0.0.1</listen_host>
<http_port>${port}</http_port><tcp_port>${freePort()}</tcp_port><path>${directory}/data/</path>
<tmp_path>${directory}/tmp/</tmp_path><user_files_path>${directory}/files/</user_files_path>
<mark_cache_size>67108864</mark_cache_size><users_config>users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database></yandex>`,
      );
      return [executable, "--config-file=config.xml"];
    },
  });
}

const user = (name: string, password: string) =>
  `<${name}><password>${password}</password><networks><ip>127.0.0.1</ip></networks>` +
  `<profile>default</profile><quota>default</quota></${name}>`;

const USERS = `<yandex><profiles><default></default></profiles><quotas><default></default></quotas><users>${
  user("default", "")
}${user(WRITER.username, WRITER.password)}</users></yandex>`;
