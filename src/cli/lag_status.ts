import type { Args } from "@std/cli/parse-args";
import { readLimierDocument } from "../agent/mod.ts";
import { realClock } from "../clock/mod.ts";
import { type Command, complain, Exit, print, UsageError } from "./command.ts";
import { readInput } from "./input.ts";
import { type LagClient, type LagGroup, LagPageError, newLagClient } from "./lag_client.ts";
import { groupTable, partitionTable } from "./lag_table.ts";

/** Groups asked for at a time. */
const AT_A_TIME = 8;
const WATCH_MS = 2_000;
const HOME_AND_CLEAR = "\x1b[H\x1b[2J";

export const lagStatus: Command = {
  name: "status",
  summary: "how consumer groups do",
  help: `limier lag status [GROUP] [--cluster C] [--url URL | -f FILE] [--watch] [--json]

Asks a running agent how the consumer groups do that it watches, and prints a table, the worst group first; with GROUP,
a table of its partitions.

  --cluster C      groups of this cluster only
  --url URL        where the agent, or Burrow, serves HTTP; otherwise http.address of the configuration
  -f, --file FILE  the configuration of the agent
  --user NAME:PASSWORD  for an agent that asks for them
  --watch          every 2 s anew, until SIGINT
  --json           one JSON object a group and line
  --count N        of --watch: end after so many rounds

Ends with 0; with 1 when the agent can't be asked or does not know the group.

Examples:
  limier lag status
  limier lag status --cluster main orders --watch
  limier lag status --json | jq 'select(.status != "OK").group'`,
  booleans: ["watch", "json"],
  strings: ["cluster", "url", "file", "user", "count"],
  alias: { f: "file" },
  async run(args) {
    const [group, ...rest] = args._;
    if (rest.length > 0) throw new UsageError(`Cannot use ${rest[0]}: write one group`);
    const rounds = args.watch ? args.count === undefined ? Infinity : Number(args.count) : 1;
    if (!(rounds >= 1)) throw new UsageError(`Cannot use --count ${args.count}: write a whole number from 1`);
    const client = await openClient(args);
    const stop = new AbortController();
    const stopNow = () => stop.abort();
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stopNow);
    try {
      for (let round = 0; round < rounds && !stop.signal.aborted; round++) {
        if (round > 0) await realClock.sleep(WATCH_MS, stop.signal);
        if (stop.signal.aborted) break;
        const groups = await readGroups(client, args.cluster, group);
        if (group !== undefined && groups.length === 0) {
          complain(`Cannot find the group ${group}: no cluster that is watched has it`);
          return Exit.failed;
        }
        if (args.watch && !args.json && Deno.stdout.isTerminal()) print(HOME_AND_CLEAR);
        print(args.json ? groups.map((one) => JSON.stringify(one)).join("\n") : tables(groups, group !== undefined));
      }
      return Exit.done;
    } catch (error) {
      if (!(error instanceof LagPageError)) throw error;
      complain(error.message);
      return error.exit;
    } finally {
      for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, stopNow);
    }
  },
};

function tables(groups: readonly LagGroup[], withPartitions: boolean): string {
  if (groups.length === 0) return "No groups yet.";
  if (!withPartitions) return groupTable(groups);
  return groups.map((one) => `${groupTable([one])}\n\n${partitionTable(one)}`).join("\n\n");
}

async function readGroups(client: LagClient, cluster: string | undefined, group: string | undefined) {
  const clusters = cluster === undefined ? await client.clusters() : [cluster];
  const wanted: [cluster: string, group: string][] = [];
  for (const one of clusters) {
    for (const name of group === undefined ? await client.groups(one) : [group]) wanted.push([one, name]);
  }
  const found: LagGroup[] = [];
  for (let i = 0; i < wanted.length; i += AT_A_TIME) {
    found.push(...await Promise.all(wanted.slice(i, i + AT_A_TIME).map(([of, name]) => client.status(of, name))));
  }
  return found.filter(({ status }) => status !== "NOTFOUND");
}

async function openClient(args: Args): Promise<LagClient> {
  const text = args.file === undefined ? "" : new TextDecoder().decode(await readInput(args.file));
  const root = readLimierDocument(text, args.file ?? "the environment", Deno.env.toObject());
  const http = root.section("http");
  const [address, token] = [http.string("address") ?? "127.0.0.1:8127", http.secret("token")];
  root.throwCollected();
  const url = args.url ?? `http://${address.replace(/^(?:0\.0\.0\.0|\[::\])?:/, "127.0.0.1:")}`;
  if (!URL.canParse(url)) throw new UsageError(`Cannot use ${url}: write --url http://HOST:PORT`);
  const bytes = args.user === undefined ? undefined : new TextEncoder().encode(args.user);
  return newLagClient(url, {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(bytes === undefined ? {} : { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` }),
  });
}
