/** The agent as a process of its own, for benchmarks, live checks and tests of the process itself. */
import { TextLineStream } from "@std/streams/text-line-stream";

/** A line of the agent's log: its message, and whatever fields it has. */
export type LogEntry = Readonly<Record<string, unknown>> & { readonly level?: string; readonly message?: string };

/** Fields that an entry has, among others, or what is said of it. */
export type WantedEntry = Readonly<Record<string, unknown>> | ((entry: LogEntry) => boolean);

/** How a process ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A started agent. Disposing stops it with SIGTERM, and with SIGKILL if it does not stop. */
export interface AgentProcess extends AsyncDisposable {
  readonly pid: number;
  /** Its configuration's file, to be written anew before a SIGHUP. */
  readonly configPath: string;
  /** Where it listens: `udp://127.0.0.1:PORT`, `http://127.0.0.1:PORT`; the latest last. */
  readonly addresses: readonly string[];
  /** What it has logged so far. */
  readonly log: readonly LogEntry[];
  /** The `http://…` where it serves now. */
  readonly url: string;
  /** The port of its latest address that starts so: `udp://`, `tcp://`. */
  port(scheme: string): number;
  /** The first entry from number `from` on that is the one; waits for it. Rejects if the process ends before. */
  logged(wanted: WantedEntry, from?: number): Promise<LogEntry>;
  /** What it has printed so far. */
  readonly printed: string;
  /** Resolves when `isThere` says so of what was printed; it is asked again whenever more comes. */
  prints(isThere: (printed: string) => boolean): Promise<void>;
  /** The numbers of `/metrics` by name, labels included. */
  metrics(): Promise<Record<string, number>>;
  /** Seconds of CPU that all of its threads used so far. */
  cpuSeconds(): number;
  /** Resident memory in bytes. */
  residentBytes(): number;
  signal(signal: Deno.Signal): void;
  /** Resolves when it has ended, by itself or not. */
  readonly ended: Promise<Ended>;
  /** Stops it and resolves when it has ended. */
  stop(): Promise<Ended>;
}

const MAIN = decodeURIComponent(new URL("../../src/main.ts", import.meta.url).pathname);

/** What starts the program from its sources. */
export const LIMIER: readonly string[] = [
  Deno.execPath(),
  "run",
  "-A",
  "--no-check",
  "--v8-flags=--max-semi-space-size=2", // as the tasks and the binary have it
  MAIN,
];

/** How an agent is started. */
export interface AgentOptions {
  /** The configuration's YAML. */
  readonly config: string;
  /** The program; the sources unless told otherwise. */
  readonly command?: readonly string[];
  /** What stands behind the program. @default run -f FILE */
  readonly args?: (configPath: string) => readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What it prints is kept; without it, thrown away. */
  readonly keepsOutput?: boolean;
}

/** Clock ticks a second in `/proc/PID/stat`; 100 on every Linux that Limier runs on. */
const TICKS = 100;

/** A guard against a hang; no test of speed. */
const PATIENCE_MS = 90_000;

/** Starts an agent and waits until it serves HTTP, which it must be configured to do. */
export async function startAgentProcess(options: AgentOptions): Promise<AgentProcess> {
  const configPath = await Deno.makeTempFile({ prefix: "limier_agent_", suffix: ".yaml" });
  await Deno.writeTextFile(configPath, options.config);
  const [program = "", ...before] = options.command ?? LIMIER;
  const args = options.args?.(configPath) ?? ["run", "-f", configPath];
  const child = new Deno.Command(program, {
    args: [...before, ...args],
    env: { ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: "null",
    stdout: options.keepsOutput ? "piped" : "null",
    stderr: "piped",
  }).spawn();
  const watched = new Watched();
  const lines: string[] = [];
  const log: LogEntry[] = [];
  const addresses: string[] = [];
  let printed = "";
  const reading = Promise.all([
    (async () => {
      if (!options.keepsOutput) return;
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        printed += text;
        watched.changed();
      }
    })(),
    (async () => {
      for await (const line of child.stderr.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
        lines.push(line);
        const entry = readEntry(line);
        log.push(entry);
        if (entry.message === "listening") addresses.push(String(entry.address));
        watched.changed();
      }
    })(),
  ]);
  const ended = (async (): Promise<Ended> => {
    const { code } = await child.status;
    await reading;
    await Deno.remove(configPath);
    watched.end(`it ended with ${code}:\n${lines.join("\n")}`);
    return { code, stdout: printed, stderr: lines.join("\n") };
  })();
  const signal = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended by itself
    }
  };
  const stop = async () => {
    signal("SIGTERM");
    const killer = setTimeout(() => signal("SIGKILL"), PATIENCE_MS);
    const result = await ended;
    clearTimeout(killer);
    return result;
  };
  const httpOf = () => addresses.findLast((address) => address.startsWith("http"));
  const find = (wanted: WantedEntry, from: number) =>
    log.slice(from).find((entry) =>
      typeof wanted === "function"
        ? wanted(entry)
        : Object.entries(wanted).every(([key, value]) => entry[key] === value)
    );
  try {
    await watched.until(() => httpOf() !== undefined, "it serves HTTP");
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pid: child.pid,
    configPath,
    addresses,
    log,
    get url() {
      return httpOf()!;
    },
    port(scheme) {
      const address = addresses.findLast((one) => one.startsWith(scheme));
      if (address === undefined) throw new RangeError(`Cannot tell a port: the agent listens on no ${scheme}`);
      return Number(address.slice(address.lastIndexOf(":") + 1));
    },
    async logged(wanted, from = 0) {
      const what = typeof wanted === "function" ? "it logs what is waited for" : `it logs ${JSON.stringify(wanted)}`;
      await watched.until(() => find(wanted, from) !== undefined, what);
      return find(wanted, from)!;
    },
    get printed() {
      return printed;
    },
    prints: (isThere) => watched.until(() => isThere(printed), "it prints what is waited for"),
    metrics: async () => parseMetrics(await (await fetch(`${httpOf()}/metrics`)).text()),
    cpuSeconds: () => {
      const fields = Deno.readTextFileSync(`/proc/${child.pid}/stat`).split(") ")[1]!.split(" ");
      return (Number(fields[11]) + Number(fields[12])) / TICKS; // utime, stime
    },
    residentBytes: () => Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${child.pid}/status`))![1]) * 1024,
    signal,
    ended,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** Waits for what another part changes. */
class Watched {
  #waiting = new Set<() => void>();
  #over: string | undefined;

  changed(): void {
    for (const look of this.#waiting) look();
  }

  end(why: string): void {
    this.#over = why;
    this.changed();
  }

  /** @throws {Error} when it ended before, or nothing came for too long */
  until(isThere: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(guard);
        this.#waiting.delete(look);
      };
      const look = () => {
        if (isThere()) {
          settle();
          resolve();
        } else if (this.#over !== undefined) {
          settle();
          reject(new Error(`Cannot wait until ${what}: ${this.#over}`));
        }
      };
      const guard = setTimeout(() => {
        settle();
        reject(new Error(`Cannot wait until ${what}: nothing came for ${PATIENCE_MS} ms`));
      }, PATIENCE_MS);
      this.#waiting.add(look);
      look();
    });
  }
}

function readEntry(line: string): LogEntry {
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
