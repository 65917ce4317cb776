import { ALL_STATES, DiagDumper, LinuxUnavailable, SystemError } from "../linux/mod.ts";
import { jsonLine } from "../statsd/mod.ts";
import { ASSUMED_LAYOUT, Refusal, SocketMessage, socketObject, SocketValues, tcpInfoLayout } from "../tcpinfo/mod.ts";
import { type Command, complain, Exit, UsageError } from "./command.ts";
import { LineWriter } from "./line_writer.ts";
import { tableLines, tableRow, TSV_HEADER, tsvLine } from "./tcpinfo_columns.ts";
import { type FilterFlags, socketFilter, STATE_NAMES, stateBits } from "./tcpinfo_filter.ts";

/** Flags that say which sockets are shown. */
const FILTERS = ["state", "port", "local-port", "remote-port", "address", "local", "remote", "uid"] as const;

export const tcpinfoSnapshot: Command = {
  name: "snapshot",
  summary: "the TCP sockets of this host, now",
  help: `limier tcpinfo snapshot [--json|--tsv|--table] [filters]

Asks the kernel for the TCP sockets of this network namespace, once, and prints them: a table on a terminal, otherwise
tab-separated values under their names. No agent has to run, and no privilege is needed.

  --json               JSON lines, with everything that the kernel tells
  --tsv, --table       one or the other, whatever the output is

Filters; each may be repeated or hold a list with commas, for "or"; different ones are "and":
  --state STATE        ${STATE_NAMES.slice(0, 6).join(", ")},
                       ${STATE_NAMES.slice(6).join(", ")};
                       connected: all but listen and close; synchronized: those but syn_sent and syn_recv
  --port N             of either end; --local-port, --remote-port of one
  --address PREFIX     of either end, an address or a prefix such as 192.0.2.0/24; --local, --remote of one
  --family 4|6         the family of the socket, which for 6 may speak IPv4
  --uid N              its owner
  --exclude-local      without loopback, link-local, multicast and unspecified ends, as archives are by default

Ends with 1 when the kernel does not answer.

Examples:
  limier tcpinfo snapshot --state connected --remote-port 443
  limier tcpinfo snapshot --json | jq 'select(.attributes.INET_DIAG_INFO.total_retrans > 0)'`,
  booleans: ["json", "tsv", "table", "exclude-local"],
  strings: [...FILTERS, "family"],
  repeated: FILTERS,
  run(args) {
    if (args._.length > 0) throw new UsageError(`Cannot use ${args._[0]}: write --port, --address or another filter`);
    const forms = (["json", "tsv", "table"] as const).filter((form) => args[form]);
    if (forms.length > 1) throw new UsageError(`Cannot write --${forms[0]} and --${forms[1]} at once: choose one`);
    const form = forms[0] ?? (Deno.stdout.isTerminal() ? "table" : "tsv");
    const family = args.family;
    if (family !== undefined && family !== "4" && family !== "6") {
      throw new UsageError(`Cannot use --family ${family}: write 4 or 6`);
    }
    const flags = args as unknown as FilterFlags;
    const isWanted = socketFilter(flags);
    const states = stateBits(flags.state) ?? ALL_STATES;
    const printer = newPrinter(form);
    let code: number = Exit.done;
    for (const one of [2, 10] as const) {
      if (family === (one === 2 ? "6" : "4")) continue;
      const failure = dumpFamily(one, states, isWanted, printer);
      if (failure === undefined) continue;
      complain(failure);
      code = Exit.failed;
    }
    printer.end();
    return code;
  },
};

/** Prints what is wanted of a family. @returns why there is nothing of it */
function dumpFamily(
  family: 2 | 10,
  states: number,
  isWanted: (socket: SocketMessage) => boolean,
  printer: Printer,
): string | undefined {
  try {
    using dumper = new DiagDumper({ family, states });
    const { failure } = dumper.dump();
    // A kernel without IPv6 has no sockets of it.
    if (failure !== undefined) return family === 10 && failure.errno === ENOENT ? undefined : failure.message;
    const socket = new SocketMessage();
    const timestamp = new Date().toISOString();
    for (let i = 0; i < dumper.count; i++) {
      const refusal = socket.load(dumper.bytes, dumper.start(i), dumper.end(i));
      if (refusal === Refusal.none && isWanted(socket)) printer.socket(socket, timestamp);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof LinuxUnavailable || error instanceof SystemError)) throw error;
    return error.message;
  }
}

// uapi/asm-generic/errno-base.h
const ENOENT = 2;

interface Printer {
  /** @param timestamp of the dump */
  socket(socket: SocketMessage, timestamp: string): void;
  end(): void;
}

function newPrinter(form: "json" | "tsv" | "table"): Printer {
  const out = new LineWriter();
  const layout = tcpInfoLayout(Deno.osRelease());
  const values = new SocketValues(layout ?? ASSUMED_LAYOUT);
  const rows: string[][] = [];
  if (form === "tsv") out.line(TSV_HEADER);
  return {
    socket(socket, timestamp) {
      if (form === "json") {
        out.line(jsonLine({ timestamp, ...socketObject(socket, layout) }));
        return;
      }
      values.read(socket);
      if (form === "tsv") out.line(tsvLine(socket, values));
      else rows.push(tableRow(socket, values));
    },
    end() {
      if (form === "table") { for (const line of tableLines(rows)) out.line(line); }
      out.flush();
    },
  };
}
