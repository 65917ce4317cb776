/** `limier flow query`: one statement, asked of the agent that runs, or of the store itself. */
import { configErrorLines, readLimierDocument } from "../agent/mod.ts";
import { realClock } from "../clock/mod.ts";
import type { Section } from "../config/mod.ts";
import {
  readClickhouseConfig,
  readingFault,
  readSchemaConfig,
  readStoreConfig,
  requireStore,
  resolveSchemaSection,
  startFlowStore,
  StoreError,
} from "../flow/mod.ts";
import { readHttpConfig } from "../http/mod.ts";
import { newReporter } from "../telemetry/mod.ts";
import { type Command, complain, Exit, UsageError } from "./command.ts";
import { readInput } from "./input.ts";

const USUAL_FORMAT = "PrettyCompact";

export const flowQuery: Command = {
  name: "query",
  summary: "ask the store of flows, in SQL",
  help: `limier flow query [-f FILE] [--format NAME] "SQL"

Asks the agent that runs under this configuration, by its HTTP address; where none runs, opens the store itself. Takes
statements that read: SELECT, WITH, SHOW, DESCRIBE, EXPLAIN, EXISTS. A statement that is refused ends with 1, and standard
error says why.

  -f, --file FILE   the configuration
  --format NAME     how the answer is written, as ClickHouse names it; ${USUAL_FORMAT}, TSV where it goes to a file

Example:
  limier flow query "SELECT ExporterName, sum(Bytes * SamplingRate) AS b FROM flows_1m0s GROUP BY 1 ORDER BY b DESC LIMIT 10"`,
  booleans: [],
  strings: ["file", "format"],
  alias: { f: "file" },
  async run(args) {
    const [statement, ...rest] = args._.map(String);
    if (statement === undefined) {
      throw new UsageError('Cannot ask for nothing: write a statement, such as "SHOW TABLES"');
    }
    if (rest.length > 0) throw new UsageError(`Cannot use ${rest[0]}: put quotes around the statement`);
    const format: string = args.format ?? (Deno.stdout.isTerminal() ? USUAL_FORMAT : "TSV");
    if (!/^\w{1,60}$/.test(format)) throw new UsageError(`Cannot use --format ${format}: write the name of a format`);
    const fault = readingFault(statement);
    if (fault !== undefined) {
      complain(`Cannot execute the statement: ${fault}`);
      return Exit.failed;
    }
    const text = args.file === undefined ? "" : new TextDecoder().decode(await readInput(args.file));
    try {
      const root = readLimierDocument(text, args.file ?? "defaults", Deno.env.toObject());
      return await queryFlows(root, statement, format, { write: writeOut, complain });
    } catch (error) {
      const lines = configErrorLines(error);
      if (lines === undefined) throw error;
      for (const line of lines) complain(line);
      return Exit.failed;
    }
  },
};

/** Where answers and complaints go. */
export interface QueryStreams {
  write(octets: Uint8Array): void;
  complain(text: string): void;
}

/**
 * Asks the agent that the configuration is of, or the store. @returns the exit code
 *
 * @throws {ConfigError | ConfigErrors} on settings that can't be used
 */
export async function queryFlows(
  root: Section,
  statement: string,
  format: string,
  streams: QueryStreams,
): Promise<number> {
  const http = readHttpConfig(root.section("http"));
  root.throwCollected();
  if (http.address?.transport === "tcp" && http.address.port !== 0) {
    const { hostname, port } = http.address;
    const host = hostname === "0.0.0.0" || hostname === "" ? "127.0.0.1" : hostname === "::" ? "[::1]" : hostname;
    const origin = `http${http.tls === undefined ? "" : "s"}://${
      host.includes(":") && !host.startsWith("[") ? `[${host}]` : host
    }:${port}`;
    const answered = await askAgent({ origin, ...http }, statement, format, streams);
    if (answered !== undefined) return answered;
  }
  return await askStore(root, statement, format, streams);
}

/** The exit code; `undefined`: no agent that has flows runs there. */
async function askAgent(
  { origin, token }: { readonly origin: string; readonly token?: string },
  statement: string,
  format: string,
  streams: QueryStreams,
): Promise<number | undefined> {
  let response: Response;
  try {
    response = await fetch(`${origin}/api/v0/flow/query?format=${format}`, {
      method: "POST",
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      body: statement,
    });
  } catch {
    return undefined; // nobody listens
  }
  if (response.status === 404) {
    await response.body?.cancel();
    return undefined;
  }
  if (!response.ok) {
    streams.complain((await response.text()).trimEnd() || `Cannot ask ${origin}: it answered ${response.status}`);
    return Exit.failed;
  }
  for await (const chunk of response.body ?? []) streams.write(chunk);
  return Exit.done;
}

async function askStore(root: Section, statement: string, format: string, streams: QueryStreams): Promise<number> {
  const flow = root.section("flow");
  const outlet = flow.section("outlet");
  const clickhouse = readClickhouseConfig(outlet.section("clickhouse"));
  const storeConfig = readStoreConfig(flow.section("store"));
  const section = flow.section("schema");
  const schemaConfig = readSchemaConfig(section);
  root.throwCollected();
  requireStore(outlet, clickhouse, storeConfig);
  const schema = resolveSchemaSection(section, schemaConfig, clickhouse.database);
  const reporter = newReporter({ level: "error", format: "text", clock: realClock, write: streams.complain });
  await using store = startFlowStore({ clickhouse, store: storeConfig, schema }, { clock: realClock, reporter, fetch });
  try {
    streams.write(await store.query(statement, { format }));
    return Exit.done;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    streams.complain(error.options.exception ?? error.message);
    return Exit.failed;
  }
}

function writeOut(octets: Uint8Array): void {
  for (let written = 0; written < octets.length;) written += Deno.stdout.writeSync(octets.subarray(written));
}
