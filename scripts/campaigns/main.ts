/**
 * Campaigns: each puts promises of the agent to the proof, by itself and for as long as it takes.
 *
 *     deno run -A scripts/campaigns/main.ts NAME [options]
 *
 * Ends with 0 if everything held, 1 if not, 2 if the command line can't be understood.
 *
 * @module
 */
import { type Campaign, type Options, type Print, readOptions } from "./campaign.ts";
import { cardinality } from "./cardinality.ts";
import { drain } from "./drain.ts";
import { fuzz } from "./fuzz.ts";
import { flowKill } from "./flow_kill.ts";
import { fuzzFlows } from "./fuzz_flows.ts";
import { load } from "./load.ts";
import { offsets } from "./offsets.ts";
import { netlinkFuzz } from "./netlink_fuzz.ts";
import { takeover } from "./takeover.ts";

/** A campaign whose options are its own affair. */
interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  start(args: readonly string[], print: Print): Promise<number>;
}

const CAMPAIGNS: readonly Entry[] = [
  entry(load),
  entry(cardinality),
  entry(fuzz),
  entry(fuzzFlows),
  entry(flowKill),
  entry(drain),
  entry(takeover),
  entry(netlinkFuzz),
  entry(offsets),
];

function entry<O extends Options>(campaign: Campaign<O>): Entry {
  const { name, summary, help } = campaign;
  return {
    name,
    summary,
    help,
    async start(args, print) {
      const options = readOptions(campaign, args);
      if (typeof options === "string") {
        print(`${options}\n\n${help}`);
        return 2;
      }
      const holds = await campaign.run(options, print);
      print(holds ? `${name}: everything held` : `${name}: FAILED`);
      return holds ? 0 : 1;
    },
  };
}

/** The list of campaigns. */
function usage(): string {
  const rows = CAMPAIGNS.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`);
  return `campaign NAME [options]\n\n${rows.join("\n")}\n\ncampaign NAME --help says what it takes.`;
}

/** Runs the campaign that `args` name. @returns the exit code */
export async function runCampaign(args: readonly string[], print: Print): Promise<number> {
  const [name, ...rest] = args;
  const found = CAMPAIGNS.find((campaign) => campaign.name === name);
  if (found === undefined) {
    const asked = name === undefined || name === "--help" || name === "-h";
    print(asked ? usage() : `Cannot run ${name}: no such campaign\n\n${usage()}`);
    return asked && name !== undefined ? 0 : 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    print(found.help);
    return 0;
  }
  return await found.start(rest, print);
}

if (import.meta.main) Deno.exit(await runCampaign(Deno.args, console.log));
