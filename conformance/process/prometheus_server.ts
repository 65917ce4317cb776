/** A real Prometheus, where there is one: on PATH, or as `scripts/setup-prometheus.sh` puts it. */
import { join } from "node:path";
import { findServer, freePort } from "../../src/testing/mod.ts";

/** A Prometheus that runs. */
export interface PrometheusServer extends AsyncDisposable {
  readonly url: string;
}

/** Its executable; `undefined` where there is none. */
export function findPrometheus(): string | undefined {
  const setup = "scripts/setup-prometheus.sh";
  return findServer({ path: "prometheus/usr/bin/prometheus", command: "prometheus", setup });
}

/** Starts it on a port of its own and waits until it is ready. */
export async function startPrometheus(executable: string): Promise<PrometheusServer> {
  const directory = await Deno.makeTempDir({ prefix: "limier_prometheus_" });
  const config = join(directory, "prometheus.yml");
  await Deno.writeTextFile(config, "global: {}\n");
  const url = `http://127.0.0.1:${freePort()}`;
  const process = new Deno.Command(executable, {
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      `--web.listen-address=${url.slice("http://".length)}`,
      "--log.level=error",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let ended = false;
  process.status.then(() => ended = true);
  const server: PrometheusServer = {
    url,
    async [Symbol.asyncDispose]() {
      if (!ended) process.kill("SIGKILL");
      await process.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
  while (!await isReady(url)) {
    if (ended) {
      await server[Symbol.asyncDispose]();
      throw new Error(`Cannot start ${executable}: it ended`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return server;
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/-/ready`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false; // it does not listen yet
  }
}
