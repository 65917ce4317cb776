/** The agent as a process of its own, for benchmarks and live checks. */
import { TextLineStream } from "@std/streams/text-line-stream";

/** A started agent. Disposing stops it with SIGTERM. */
export interface AgentProcess extends AsyncDisposable {
  readonly pid: number;
  /** Where it listens: `udp://127.0.0.1:PORT`, `http://127.0.0.1:PORT`. */
  readonly addresses: readonly string[];
  /** The numbers of `/metrics` by name, labels included. */
  metrics(): Promise<Record<string, number>>;
  /** Seconds of CPU that all of its threads used so far. */
  cpuSeconds(): number;
  /** Resident memory in bytes. */
  residentBytes(): number;
  /** Stops it and resolves when it has ended: its exit code, what it printed and what it logged. */
  stop(): Promise<{ code: number; stdout: string; stderr: string }>;
}

const MAIN = decodeURIComponent(new URL("../../src/main.ts", import.meta.url).pathname);

/** How an agent is started. */
export interface AgentOptions {
  /** The configuration's YAML. */
  readonly config: string;
  /** The program; the sources unless told otherwise. */
  readonly command?: readonly string[];
  /** What it prints is kept for `stop()`; without it, thrown away. */
  readonly keepsOutput?: boolean;
}

/** Clock ticks a second in `/proc/PID/stat`; 100 on every Linux that Limier runs on. */
const TICKS = 100;

/** Starts an agent and waits until it serves HTTP, which it must be configured to do on port 0. */
export async function startAgentProcess(options: AgentOptions): Promise<AgentProcess> {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(file, options.config);
  const [program = "", ...args] = options.command ?? [Deno.execPath(), "run", "-A", "--no-check", MAIN];
  const child = new Deno.Command(program, {
    args: [...args, "run", "-f", file],
    stdin: "null",
    stdout: options.keepsOutput ? "piped" : "null",
    stderr: "piped",
  }).spawn();
  const stdout = options.keepsOutput ? new Response(child.stdout).text() : Promise.resolve("");
  const log: string[] = [];
  const addresses: string[] = [];
  const ready = Promise.withResolvers<void>();
  const logged = (async () => {
    for await (const line of child.stderr.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
      log.push(line);
      const entry = readEntry(line);
      if (entry.message !== "listening" || entry.address === undefined) continue;
      addresses.push(entry.address);
      if (entry.address.startsWith("http")) ready.resolve();
    }
    ready.reject(new Error(`Cannot start the agent:\n${log.join("\n")}`));
  })();
  ready.promise.catch(() => {}); // told to whoever waits below
  await ready.promise;
  let stopped: Promise<{ code: number; stdout: string; stderr: string }> | undefined;
  const stop = () =>
    stopped ??= (async () => {
      try {
        child.kill("SIGTERM");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended by itself
      }
      const { code } = await child.status;
      await logged;
      await Deno.remove(file);
      return { code, stdout: await stdout, stderr: log.join("\n") };
    })();
  return {
    pid: child.pid,
    addresses,
    metrics: async () => parseMetrics(await (await fetch(`${addresses.at(-1)}/metrics`)).text()),
    cpuSeconds: () => {
      const fields = Deno.readTextFileSync(`/proc/${child.pid}/stat`).split(") ")[1]!.split(" ");
      return (Number(fields[11]) + Number(fields[12])) / TICKS; // utime, stime
    },
    residentBytes: () => Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${child.pid}/status`))![1]) * 1024,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

function readEntry(line: string): { message?: string; address?: string } {
  try {
    return JSON.parse(line);
  } catch {
    return {}; // what the runtime itself writes is no JSON
  }
}

function parseMetrics(text: string): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const space = line.lastIndexOf(" ");
    metrics[line.slice(0, space)] = Number(line.slice(space + 1));
  }
  return metrics;
}
