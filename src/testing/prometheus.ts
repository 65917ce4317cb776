import { join } from "node:path";
import { type RunningServer, type ServerFacts, startServer } from "./real_server.ts";

/** A real Prometheus, where there is one. */
export const PROMETHEUS: ServerFacts = {
  path: "prometheus/usr/bin/prometheus",
  command: "prometheus",
  setup: "scripts/setup-prometheus.sh",
};

/** Starts one that scrapes nothing and takes remote writes. */
export function startPrometheus(executable: string): Promise<RunningServer> {
  return startServer({
    readyPath: "/-/ready",
    command(port, directory) {
      const config = join(directory, "prometheus.yml");
      Deno.writeTextFileSync(config, "global: {}\n");
      return [
        executable,
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(directory, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--web.enable-remote-write-receiver",
      ];
    },
  });
}
