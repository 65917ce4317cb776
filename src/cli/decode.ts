import { DECODE_PROTOCOLS, decodeInput, type DecodeProtocol } from "../agent/mod.ts";
import { parseIpv4, parseIpv6 } from "../linux/mod.ts";
import { type Command, Exit, UsageError } from "./command.ts";
import { onePath, readInput } from "./input.ts";
import { LineWriter } from "./line_writer.ts";

export const decode: Command = {
  name: "decode",
  summary: "show what bytes of a protocol say, as JSON lines",
  help: `limier decode PROTOCOL [flags] [FILE|-]

Reads bytes of a protocol from a file or standard input and prints one JSON object for each thing in them,
errors included.

PROTOCOL is one of
  dogstatsd    the lines of one datagram
  ssf          one protobuf span, or frames of spans
  inet-diag    a stream of netlink messages of sock_diag; --set kernel_release=6.18 names its kernel
  tcpinfo-archive
               a .jsonl.zst file of the archive; --set kernel_release=6.18 names the kernel it is of
  netflow      NetFlow v5, v9 or IPFIX: a pcap or pcapng file, or one datagram
  sflow        sFlow v5, likewise
  offsets      records of __consumer_offsets, a line each: KEYHEX VALUEHEX, - for an empty or null one

  --hex             the input is hex text, one message a line
  --time SECONDS    the time of receipt
  --exporter IP     who sent the flows, in a capture instead of each packet's source; 127.0.0.1
  --verbose         of flows, also templates, options and what is skipped
  --set KEY=VALUE   a key of the module's configuration; may be repeated

Example:
  printf 'page.views:1|c|#env:prod' | limier decode dogstatsd`,
  booleans: ["hex", "verbose"],
  strings: ["time", "set", "exporter"],
  repeated: ["set"],
  async run(args) {
    const [protocol, ...rest] = args._;
    const known = DECODE_PROTOCOLS.find((name) => name === protocol);
    if (known === undefined) {
      throw new UsageError(`Cannot decode ${protocol ?? "nothing"}: write one of ${DECODE_PROTOCOLS.join(", ")}`);
    }
    const timeS = args.time === undefined ? undefined : Number(args.time);
    if (timeS !== undefined && !Number.isFinite(timeS)) {
      throw new UsageError(`Cannot use --time ${args.time}: write seconds`);
    }
    const { hex, verbose, exporter } = args;
    if (exporter !== undefined && parseIpv4(exporter) === undefined && parseIpv6(exporter) === undefined) {
      throw new UsageError(`Cannot use --exporter ${exporter}: write an IP address`);
    }
    const input = await readInput(onePath(rest));
    const out = new LineWriter();
    const options = {
      hex,
      verbose,
      set: settings(args.set),
      ...(timeS === undefined ? {} : { timeS }),
      ...(exporter === undefined ? {} : { exporter }),
    };
    const lines = decodeInput(known satisfies DecodeProtocol, input, options);
    let next = lines.next();
    for (; !next.done; next = lines.next()) out.line(next.value);
    out.flush();
    return next.value ? Exit.done : Exit.failed;
  },
};

/** `KEY=VALUE` texts as an object. */
function settings(texts: readonly string[]): Record<string, string> {
  const set: Record<string, string> = {};
  for (const text of texts) {
    const equals = text.indexOf("=");
    if (equals <= 0) throw new UsageError(`Cannot use --set ${text}: write KEY=VALUE`);
    set[text.slice(0, equals)] = text.slice(equals + 1);
  }
  return set;
}
