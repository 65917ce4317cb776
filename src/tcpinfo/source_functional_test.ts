/** The source with its threads, against this host's kernel. */
import assert from "node:assert/strict";
import { realClock } from "../clock/mod.ts";
import { Section } from "../config/mod.ts";
import { LinuxUnavailable, openDiagSocket, SystemError } from "../linux/mod.ts";
import { recordingReporter } from "../telemetry/mod.ts";
import { until } from "../testing/mod.ts";
import { decodeArchive } from "./archive_decode.ts";
import { readTcpinfoConfig } from "./config.ts";
import { ArchiveDirectoryError, startTcpinfo, type TcpinfoSource } from "./source.ts";
import { At } from "./stats.ts";

function whyNot(): string | undefined {
  try {
    openDiagSocket({ receiveTimeoutMs: 1 }).close();
    return undefined;
  } catch (error) {
    if (error instanceof LinuxUnavailable || error instanceof SystemError) return error.message;
    throw error;
  }
}
const ignore = whyNot() !== undefined;

async function start(object: object, threads: boolean): Promise<{ source: TcpinfoSource; messages: () => string[] }> {
  const reporter = recordingReporter();
  const source = await startTcpinfo(readTcpinfoConfig(Section.of(object)), { clock: realClock, reporter, threads });
  return { source, messages: () => reporter.lines.map(({ message }) => message) };
}

for (const threads of [true, false]) {
  const where = threads ? "in threads of its own" : "in the caller's thread";
  Deno.test({
    name: `startTcpinfo() ${where} archives a connection of this host, and completes its file at the stop`,
    ignore,
    async fn() {
      const directory = await Deno.makeTempDir({ prefix: "limier_source_" });
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      try {
        const { source, messages } = await start({
          poll_interval: "10ms",
          exclude: { local: false },
          archive: { directory, uuid_prefix: "h_1", fsync: false },
        }, threads);
        const [client, server] = await Promise.all([Deno.connect({ port: listener.addr.port }), listener.accept()]);
        await client.write(new Uint8Array(1234));
        await server.read(new Uint8Array(2000));
        const { port } = client.localAddr as Deno.NetAddr;
        await until(() => source.stats()[At.cycles]! > 5 && source.stats()[At.records]! > 1);
        const cycles = source.stats()[At.cycles]!;
        await until(() => source.stats()[At.cycles]! > cycles + 3);
        await source[Symbol.asyncDispose]();
        await source.done;
        client.close();
        server.close();
        const files: string[] = [];
        const [year] = [...Deno.readDirSync(directory)].filter(({ isDirectory }) => isDirectory);
        const month = [...Deno.readDirSync(`${directory}/${year!.name}`)][0]!;
        const day = [...Deno.readDirSync(`${directory}/${year!.name}/${month.name}`)][0]!;
        const folder = `${directory}/${year!.name}/${month.name}/${day.name}`;
        for (const { name } of Deno.readDirSync(folder)) files.push(`${folder}/${name}`);
        assert.deepEqual(files.filter((path) => !path.endsWith(".jsonl.zst")), []);
        const records = files.flatMap((path) => [...decodeArchive(Deno.readFileSync(path))]);
        const ours = records.filter(({ source_port, kind }) => kind === "snapshot" && source_port === port);
        assert.ok(ours.length > 0, "the client's end is in the archive");
        assert.match(source.page(), /^tcpinfo_snapshot_total [1-9]/m);
        assert.ok(messages().some((message) => message.startsWith("Cache info total ")));
        const stats = source.stats();
        assert.equal(stats[At.open], 0);
        assert.equal(
          stats[At.opened],
          stats[At.closedAbsent]! + stats[At.closedDestroyed]! + stats[At.closedShutdown]!,
        );
      } finally {
        listener.close();
        await Deno.remove(directory, { recursive: true });
      }
    },
  });

  Deno.test({
    name: `startTcpinfo() ${where} ends by itself after reps polls`,
    ignore,
    async fn() {
      const { source } = await start({ poll_interval: "1ms", reps: 4 }, threads);
      await source.done;
      assert.equal(source.stats()[At.cycles], 4);
      await source[Symbol.asyncDispose]();
    },
  });
}

Deno.test({
  name: "startTcpinfo() refuses a directory that another instance writes into, or that is none",
  ignore,
  async fn() {
    const directory = await Deno.makeTempDir({ prefix: "limier_source_" });
    try {
      const { source } = await start({ archive: { directory } }, false);
      await assert.rejects(start({ archive: { directory } }, false), { code: "linux.lock_held" });
      await source[Symbol.asyncDispose]();
      const { source: again } = await start({ archive: { directory } }, false);
      await again[Symbol.asyncDispose]();
      await Deno.writeTextFile(`${directory}/file`, "");
      await assert.rejects(start({ archive: { directory: `${directory}/file` } }, false), ArchiveDirectoryError);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
