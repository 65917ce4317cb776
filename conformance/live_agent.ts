import { isObject, type Json, type JsonObject, parseJson, writeJson } from "./json.ts";

/** An agent running as a process of its own. Disposing kills it if it still runs. */
export interface LiveAgent extends AsyncDisposable {
  /** Where it listens, such as `udp://127.0.0.1:40123`, in the order of its log. */
  readonly addresses: readonly string[];
  /**
   * Ends it by SIGTERM and waits for that; answers the objects it printed.
   *
   * @throws {AgentError} if it does not end with status 0
   */
  stop(): Promise<Json[]>;
}

/** An agent that did not start or did not end as it should. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly code = "conformance.agent";

  /** @param log what it wrote to standard error */
  constructor(what: string, log: readonly string[]) {
    super(`${what}; it logged: ${log.join("\n").slice(-1500)}`);
  }
}

/** A guard against a hang; no test of speed. */
const PATIENCE_MS = 60_000;

/**
 * Starts `command run -f CONFIG` and waits until it listens at `listeners` addresses.
 *
 * @throws {AgentError} if it ends before
 */
export async function startLiveAgent(
  command: readonly string[],
  config: JsonObject,
  listeners: number,
): Promise<LiveAgent> {
  const configPath = await Deno.makeTempFile({ prefix: "limier_live_", suffix: ".yaml" });
  await Deno.writeTextFile(configPath, writeJson(config)); // JSON is YAML
  const [program, ...args] = command;
  const child = new Deno.Command(program!, {
    args: [...args, "run", "-f", configPath],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let running = true;
  const ended = child.status.finally(() => running = false);
  const log: string[] = [];
  const addresses: string[] = [];
  const ready = Promise.withResolvers<void>();
  const reading = Promise.all([
    readLines(child.stdout),
    eachLine(child.stderr, (line) => {
      log.push(line);
      const address = listeningAddress(line);
      if (address !== null) addresses.push(address);
      if (addresses.length === listeners) ready.resolve();
    }),
  ]);

  async function dispose(): Promise<void> {
    if (running) child.kill("SIGKILL");
    await ended;
    await reading;
    await Deno.remove(configPath);
  }

  try {
    await Promise.race([ready.promise, ended.then(() => reading), patience()]);
    if (addresses.length < listeners) throw new AgentError(`Cannot reach the agent: it does not listen`, log);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    addresses,
    async stop() {
      if (running) child.kill("SIGTERM");
      const status = await Promise.race([ended, patience()]);
      if (status?.code !== 0) {
        const how = status === undefined ? "it still runs after SIGTERM" : `it ended with ${status.code}`;
        throw new AgentError(`Cannot use what the agent printed: ${how}`, log);
      }
      const [lines] = await reading;
      return lines.map(parseJson);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Resolves after {@link PATIENCE_MS}, without keeping the process alive for it. */
function patience(): Promise<undefined> {
  return new Promise((resolve) => Deno.unrefTimer(setTimeout(() => resolve(undefined), PATIENCE_MS)));
}

/** The address of a log line that tells of a listener. */
function listeningAddress(line: string): string | null {
  let entry: Json;
  try {
    entry = parseJson(line);
  } catch {
    return null; // a runtime's own warning, such as Deno's, is no JSON
  }
  if (!isObject(entry) || entry["message"] !== "listening") return null;
  const { address } = entry;
  return typeof address === "string" ? address : null;
}

async function readLines(stream: ReadableStream<Uint8Array>): Promise<string[]> {
  const lines: string[] = [];
  await eachLine(stream, (line) => lines.push(line));
  return lines;
}

async function eachLine(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line !== "") take(line);
  }
  if (rest !== "") take(rest);
}
