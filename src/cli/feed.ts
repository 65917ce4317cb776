import { TextLineStream } from "@std/streams/text-line-stream";
import { FEED_PROTOCOLS, feedScenario, readLimierDocument } from "../agent/mod.ts";
import { type Command, Exit, print, UsageError } from "./command.ts";
import { onePath, openInput, readInput } from "./input.ts";

export const feed: Command = {
  name: "feed",
  summary: "play a scenario through a module and show what it does, as JSON lines",
  help: `limier feed PROTOCOL [-f FILE] [SCENARIO|-]

Reads events, one JSON object a line in the order of their "at" (seconds), and prints what the module did: points,
requests, errors. The scenario's times are the module's clock; no socket is opened and nothing is sent.

PROTOCOL is one of ${FEED_PROTOCOLS.join(", ")}; its events are {"at","text"} and {"at","hex"}, one datagram each,
and {"at","do":"flush"} and {"at","do":"stop"}. Those of tcpinfo are {"at","poll":[hex, …]}, the netlink messages
of one poll, and {"at","destroyed":hex}, a notification; those of netflow and sflow {"at","from":IP,"hex"}.

  -f, --file FILE    the configuration, as for limier run

Example:
  printf '{"at":1,"text":"a.b:1|c"}\\n{"at":10,"do":"flush"}\\n' | limier feed dogstatsd`,
  booleans: [],
  strings: ["file"],
  alias: { f: "file" },
  async run(args) {
    const [protocol, ...rest] = args._;
    const known = FEED_PROTOCOLS.find((name) => name === protocol);
    if (known === undefined) {
      throw new UsageError(`Cannot feed ${protocol ?? "nothing"}: write one of ${FEED_PROTOCOLS.join(", ")}`);
    }
    const config = args.file === undefined ? {} : await readConfig(args.file);
    const lines = (await openInput(onePath(rest)))
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of feedScenario(known, config, lines)) print(line);
    return Exit.done;
  },
};

async function readConfig(file: string): Promise<object> {
  const text = new TextDecoder().decode(await readInput(file));
  const root = readLimierDocument(text, file, Deno.env.toObject());
  root.throwCollected();
  return Object.fromEntries(root.keys().map((key) => [key, root.value(key)]));
}
