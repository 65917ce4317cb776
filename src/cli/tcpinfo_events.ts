import { readLimierDocument } from "../agent/mod.ts";
import { realClock } from "../clock/mod.ts";
import { encodeEvent, EventLineError, EventSocketError, followEvents, type TcpEvent } from "../tcpinfo/mod.ts";
import { type Command, complain, Exit, print, UsageError } from "./command.ts";
import { readInput } from "./input.ts";

export const tcpinfoEvents: Command = {
  name: "events",
  summary: "follow connections as they open and close",
  help: `limier tcpinfo events [--socket PATH | -f FILE] [--json] [--wait] [--once] [--count N]

Listens to the event socket of an agent (tcpinfo.eventsocket of its configuration) and prints a line for each connection
that opens or closes, from now on. When the agent stops, it waits until it is back.

  --socket PATH      the event socket; otherwise that of the configuration, or of LIMIER_TCPINFO__EVENTSOCKET
  -f, --file FILE    the configuration of the agent
  --json             the events as they come, one JSON object a line
  --wait             wait for an agent also at the start
  --once             end with 0 when the agent closes the connection
  --count N          end with 0 after so many events

Ends with 0 on SIGINT and SIGTERM, with 1 when it cannot connect or what it reads is no event.

Examples:
  limier tcpinfo events --socket /run/limier/events.sock
  limier tcpinfo events -f /etc/limier/limier.yaml --json | jq 'select(.Event == 0).ID.DstIP'`,
  booleans: ["json", "wait", "once"],
  strings: ["socket", "file", "count"],
  alias: { f: "file" },
  async run(args) {
    if (args._.length > 0) throw new UsageError(`Cannot use ${args._[0]}: write --socket PATH`);
    const count = args.count === undefined ? Infinity : Number(args.count);
    if (!(count >= 1) || count !== Infinity && !Number.isInteger(count)) {
      throw new UsageError(`Cannot use --count ${args.count}: write a whole number from 1`);
    }
    const path = args.socket ?? await configuredSocket(args.file);
    if (path === "") {
      throw new UsageError(
        "Cannot follow events without their socket: write --socket PATH, or -f FILE with an eventsocket",
      );
    }
    return await follow(path, { json: args.json, wait: args.wait, once: args.once, count });
  },
};

/** `tcpinfo.eventsocket` as the agent would read it; "" for none. */
async function configuredSocket(file: string | undefined): Promise<string> {
  const text = file === undefined ? "" : new TextDecoder().decode(await readInput(file));
  const root = readLimierDocument(text, file ?? "the environment", Deno.env.toObject());
  const path = root.section("tcpinfo").string("eventsocket") ?? "";
  root.throwCollected();
  return path;
}

interface FollowFlags {
  readonly json: boolean;
  readonly wait: boolean;
  readonly once: boolean;
  readonly count: number;
}

/** Prints events until it is told to end. @returns the exit code */
async function follow(path: string, { json, wait, once, count }: FollowFlags): Promise<number> {
  const stop = new AbortController();
  const stopNow = () => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stopNow);
  let isLost = false;
  const reconnect = {
    clock: realClock,
    waitAtStart: wait,
    onLost(_waitMs: number, error?: Error) {
      // One line when it is gone, none for each try.
      if (!isLost) {
        complain(error?.message ?? `The agent has closed the event socket ${path}; waiting until it is back`);
      }
      isLost = true;
      if (once && error === undefined) stopNow();
    },
    onConnected() {
      if (isLost) complain(`Connected to the event socket ${path}`);
      isLost = false;
    },
  };
  const onUnknown = (number: number) => complain(`Passed over an event of the unknown kind TCPEvent(${number})`);
  const bare = once && !wait;
  try {
    let seen = 0;
    for await (
      const event of followEvents(path, { signal: stop.signal, onUnknown, ...(bare ? {} : { reconnect }) })
    ) {
      print(json ? encodeEvent(event).trimEnd() : eventLine(event));
      if (++seen >= count) break;
    }
    return Exit.done;
  } catch (error) {
    if (!(error instanceof EventSocketError || error instanceof EventLineError)) throw error;
    complain(error.message);
    return Exit.failed;
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, stopNow);
  }
}

/** An event for people: its time, its kind, the connection's name, and its ends or why it closed. */
export function eventLine(event: TcpEvent): string {
  const head = `${event.timestamp} ${event.kind.padEnd(5)} ${event.uuid}`;
  if (event.kind === "close") return event.reason === undefined ? head : `${head} ${event.reason}`;
  const { source, sourcePort, destination, destinationPort } = event.id;
  return `${head} ${endpoint(source, sourcePort)} -> ${endpoint(destination, destinationPort)}`;
}

/** `192.0.2.10:443`, `[2001:db8::10]:443`. */
export function endpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
