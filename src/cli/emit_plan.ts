/** From the command line of `limier emit` to what it sends, and where. */
import type { Span } from "../metric/mod.ts";
import {
  checkPacket,
  encodeFrame,
  encodePacket,
  encodeSpan,
  eventPacket,
  type ListenAddress,
  mergeTags,
  metricPacket,
  parseHostPort,
  parseListenAddress,
} from "../statsd/mod.ts";
import { UsageError } from "./command.ts";
import type { EmitFlags } from "./emit_flags.ts";
import { type EmitSurroundings, type Named, planSpan, refuseTracing, spanVariables, timerSample } from "./emit_span.ts";
import { durationFlag, integerFlag, isOn, numberFlag, secondsFlag, tagsFlag } from "./emit_values.ts";

/** What is sent: packets of text, or one span. */
export type EmitMessage =
  | { readonly form: "lines"; readonly lines: readonly string[] }
  | { readonly form: "span"; readonly span: Span };

/** A command whose run time is sent. */
export interface TimedCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** Variables that tell the command of the span it runs in. */
  readonly env: Readonly<Record<string, string>>;
  /** Of the timer. */
  readonly name: string;
  readonly tags: readonly string[];
}

/** All that a command line asks for. */
export interface EmitPlan {
  readonly target: ListenAddress;
  /** Say on standard error what is sent. */
  readonly debug: boolean;
  readonly timed?: TimedCommand;
  /** Without what only the command's run will tell: see {@link withRun}. */
  readonly message: EmitMessage;
}

/** How a command ran. */
export interface CommandRun {
  /** Unix nanoseconds. */
  readonly startNs: bigint;
  readonly elapsedNs: bigint;
  /** Its exit status was not 0. */
  readonly failed: boolean;
}

const DEFAULT_HOSTPORT = "127.0.0.1:8125";
/**
 * Plans what a command line asks for. Pure but for its surroundings.
 *
 * @throws {UsageError} for what can't be sent
 */
export function planEmit(flags: EmitFlags, surroundings: EmitSurroundings): EmitPlan {
  try {
    return plan(flags, surroundings);
  } catch (error) {
    // What the packets refuse came from the command line.
    if (error instanceof RangeError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** The message of a plan, once its command has run: with its timer, and the span's times and error flag. */
export function withRun({ message, timed }: EmitPlan, run: CommandRun): EmitMessage {
  if (timed === undefined) return message;
  const ms = Number(run.elapsedNs) / 1e6; // exact for 104 days
  if (message.form === "lines") {
    return { form: "lines", lines: [metricPacket(timed.name, ms, "ms", timed.tags), ...message.lines] };
  }
  const { span } = message;
  const metrics = [timerSample(timed.name, ms, timed.tags), ...span.metrics];
  if (span.traceId === 0n) return { form: "span", span: { ...span, metrics } };
  const endNs = run.startNs + run.elapsedNs;
  return {
    form: "span",
    span: { ...span, metrics, startNs: run.startNs, endNs, error: span.error || run.failed },
  };
}

/** What goes over the wire: the datagrams, the requests of gRPC, or the one piece of a stream. */
export function payloads(
  message: EmitMessage,
  { transport, over }: Pick<ListenAddress, "transport" | "over">,
): Uint8Array<ArrayBuffer>[] {
  const isStream = over === undefined && (transport === "tcp" || transport === "unix");
  if (message.form === "span") {
    const span = encodeSpan(message.span);
    return [isStream ? encodeFrame(span) : span];
  }
  const encoder = new TextEncoder();
  if (isStream) return [encoder.encode(message.lines.map((line) => `${line}\n`).join(""))];
  const packets = message.lines.map((line) => encoder.encode(line));
  return over === "grpc" ? packets.map(encodePacket) : packets;
}

function plan(flags: EmitFlags, surroundings: EmitSurroundings): EmitPlan {
  const target = readTarget(flags, surroundings);
  const debug = isOn(flags, "debug");
  if (flags.mode === "event") return { target, debug, message: { form: "lines", lines: [eventLine(flags)] } };
  if (flags.mode === "sc") return { target, debug, message: { form: "lines", lines: [checkLine(flags)] } };

  const name = flags.given.get("name") ?? "";
  if (name === "") throw new UsageError("Cannot send a metric without its name: write -name NAME");
  const tags = tagsFlag(flags, "tag");
  const message = isOn(flags, "ssf")
    ? { form: "span" as const, span: planSpan(flags, { name, tags }, surroundings) }
    : { form: "lines" as const, lines: metricLines(flags, { name, tags }) };
  const timed = planCommand(flags, { name, tags, message });
  if (timed !== undefined) return { target, debug, message, timed };
  const isEmpty = message.form === "lines"
    ? message.lines.length === 0
    : message.span.metrics.length === 0 && message.span.traceId === 0n;
  if (isEmpty) throw new UsageError("Cannot send nothing: write -count, -gauge, -timing or -set, or time a -command");
  return { target, debug, message };
}

function readTarget(flags: EmitFlags, { env }: EmitSurroundings): ListenAddress {
  if (!["", undefined].includes(flags.given.get("proxy"))) {
    throw new UsageError("Cannot use -proxy: it is not available in this version, leave it out");
  }
  if (isOn(flags, "grpc")) return readGrpcTarget(flags);
  // The variable by which an agent in the same environment is told where to listen.
  const text = flags.given.get("hostport") ?? (env.LIMIER_STATSD__UDP_ADDRESS || DEFAULT_HOSTPORT);
  const inet = parseHostPort(text);
  const target = inet === undefined ? parseListenAddress(text) : { transport: "udp" as const, ...inet, path: "" };
  if (target === undefined || (target.path === "" && target.port === 0)) {
    throw new UsageError(
      `Cannot send to ${JSON.stringify(text)}: write host:port, or a URL such as udp://host:port, tcp://host:port, ` +
        "unix:///path or unixgram:///path",
    );
  }
  return target;
}

function readGrpcTarget(flags: EmitFlags): ListenAddress {
  const text = flags.given.get("hostport");
  if (text === undefined) {
    throw new UsageError("Cannot send over gRPC without -hostport: write host:port of one of grpc_listen_addresses");
  }
  const inet = parseHostPort(text.replace(/^(?:tcp|grpc):\/\//, ""));
  if (inet === undefined || inet.port === 0) {
    throw new UsageError(`Cannot send over gRPC to ${JSON.stringify(text)}: write host:port`);
  }
  return { transport: "tcp", ...inet, path: "", over: "grpc" };
}

function eventLine(flags: EmitFlags): string {
  const { given } = flags;
  const timestamp = secondsFlag(flags, "e_time");
  return eventPacket({
    title: given.get("e_title") ?? missing("an event", "e_title"),
    text: given.get("e_text") ?? missing("an event", "e_text"),
    tags: mergeTags(tagsFlag(flags, "e_event_tags"), tagsFlag(flags, "tag")),
    ...(timestamp === undefined ? {} : { timestamp }),
    ...optional("hostname", given.get("e_hostname")),
    ...optional("aggregationKey", given.get("e_aggr_key")),
    ...optional("priority", given.get("e_priority")),
    ...optional("sourceType", given.get("e_source_type")),
    ...optional("alertType", given.get("e_alert_type")),
  });
}

function checkLine(flags: EmitFlags): string {
  const { given } = flags;
  const status = given.get("sc_status") ?? missing("a service check", "sc_status");
  if (!/^[0-3]$/.test(status)) throw new UsageError(`Cannot use -sc_status ${status}: write 0, 1, 2 or 3`);
  const timestamp = secondsFlag(flags, "sc_time");
  return checkPacket({
    name: given.get("sc_name") ?? missing("a service check", "sc_name"),
    status: Number(status),
    tags: mergeTags(tagsFlag(flags, "sc_tags"), tagsFlag(flags, "tag")),
    ...(timestamp === undefined ? {} : { timestamp }),
    ...optional("hostname", given.get("sc_hostname")),
    ...optional("message", given.get("sc_msg")),
  });
}

function missing(what: string, flag: string): never {
  throw new UsageError(`Cannot send ${what} without -${flag}: it is required`);
}

/** `{ [key]: value }`, or nothing to spread where there is no value. */
function optional<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: string };
}

function metricLines(flags: EmitFlags, { name, tags }: Named): string[] {
  refuseTracing(flags);
  const count = integerFlag(flags, "count");
  const gauge = numberFlag(flags, "gauge");
  const timingMs = durationFlag(flags, "timing");
  const member = flags.given.get("set");
  const lines: string[] = [];
  if (count !== undefined) lines.push(metricPacket(name, count, "c", tags));
  if (gauge !== undefined) lines.push(metricPacket(name, gauge, "g", tags));
  if (timingMs !== undefined) lines.push(metricPacket(name, timingMs, "ms", tags));
  if (member !== undefined) lines.push(metricPacket(name, member, "s", tags));
  return lines;
}

function planCommand(flags: EmitFlags, { name, tags, message }: Named & { message: EmitMessage }) {
  if (!isOn(flags, "command")) return undefined;
  const [program, ...args] = flags.rest;
  if (program === undefined) throw new UsageError("Cannot time a command: write it behind the flags");
  const env = message.form === "lines" ? {} : spanVariables(message.span);
  if (message.form === "lines") metricPacket(name, 0, "ms", tags); // refuse a name before the command runs, not after
  return { program, args, env, name, tags };
}
