/** The flags of `limier emit`, read as Go programs read theirs. */
import { isSlip, nearestName } from "../config/mod.ts";
import { UsageError } from "./command.ts";

/** What is sent: metrics (or a span), an event, a service check. */
export type EmitMode = "metric" | "event" | "sc";

/** How a flag's value is written, and the one mode it belongs to; without one, to all. */
interface FlagKind {
  readonly value: "boolean" | "text";
  readonly mode?: EmitMode;
}

const text = (mode?: EmitMode): FlagKind => mode === undefined ? { value: "text" } : { value: "text", mode };
const boolean = (mode?: EmitMode): FlagKind => mode === undefined ? { value: "boolean" } : { value: "boolean", mode };

const FLAGS = {
  mode: text(),
  debug: boolean(),
  hostport: text(),
  proxy: text(),
  tag: text(),
  help: boolean(),
  h: boolean(),

  name: text("metric"),
  count: text("metric"),
  gauge: text("metric"),
  timing: text("metric"),
  set: text("metric"),
  ssf: boolean("metric"),
  grpc: boolean("metric"),
  command: boolean("metric"),
  trace_id: text("metric"),
  parent_span_id: text("metric"),
  span_service: text("metric"),
  span_starttime: text("metric"),
  span_endtime: text("metric"),
  span_tags: text("metric"),
  indicator: boolean("metric"),
  error: boolean("metric"),

  e_title: text("event"),
  e_text: text("event"),
  e_time: text("event"),
  e_hostname: text("event"),
  e_aggr_key: text("event"),
  e_priority: text("event"),
  e_source_type: text("event"),
  e_alert_type: text("event"),
  e_event_tags: text("event"),

  sc_name: text("sc"),
  sc_status: text("sc"),
  sc_time: text("sc"),
  sc_hostname: text("sc"),
  sc_tags: text("sc"),
  sc_msg: text("sc"),
} as const satisfies Record<string, FlagKind>;

/** The name of a flag, without its dash. */
export type EmitFlag = keyof typeof FLAGS;

/** What the command line says. */
export interface EmitFlags {
  /** The values as written, `true` and `false` of a boolean. Of a flag given twice, the last. */
  readonly given: ReadonlyMap<EmitFlag, string>;
  readonly mode: EmitMode;
  /** What follows the flags: the command to time. */
  readonly rest: readonly string[];
  /** Help is asked for; then the rest counts for nothing. */
  readonly help: boolean;
}

/**
 * Reads `-flag v`, `-flag=v`, `--flag`, `-boolean=false` up to `--` or the first argument that is no flag. A value may
 * begin with a dash: `-count -3`.
 *
 * @throws {UsageError} on an unknown flag, a flag without its value or of another mode, and on arguments where there is
 * no command to time
 */
export function readEmitFlags(argv: readonly string[]): EmitFlags {
  const given = new Map<EmitFlag, string>();
  let at = 0;
  let ended = false;
  for (; at < argv.length && !ended; at++) {
    const arg = argv[at] ?? "";
    if (arg === "--") ended = true;
    else if (!arg.startsWith("-") || arg === "-") break;
    else at += readFlag(arg, argv[at + 1], given);
  }
  if (given.get("help") === "true" || given.get("h") === "true") return { given, mode: "metric", rest: [], help: true };
  const mode = readMode(given.get("mode"));
  refuseOtherModes(given, mode);
  const rest = argv.slice(at);
  refuseArguments(rest, { timed: given.get("command") === "true", ended });
  return { given, mode, rest, help: false };
}

/** @returns how many arguments its value took beside its own */
function readFlag(arg: string, next: string | undefined, given: Map<EmitFlag, string>): 0 | 1 {
  const [, name = "", value] = /^--?([^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
  if (!isFlag(name)) throw new UsageError(`Cannot use ${arg}: no such flag${suggestion(name)}`);
  if (FLAGS[name].value === "boolean") {
    given.set(name, String(readBoolean(arg, value)));
    return 0;
  }
  const taken = value ?? next;
  if (taken === undefined) throw new UsageError(`Cannot use ${arg}: it needs a value`);
  given.set(name, taken);
  return value === undefined ? 1 : 0;
}

function isFlag(name: string): name is EmitFlag {
  return Object.hasOwn(FLAGS, name);
}

function suggestion(name: string): string {
  const nearest = nearestName(name, Object.keys(FLAGS));
  return nearest !== undefined && isSlip(name, nearest) ? `, did you mean -${nearest}?` : "";
}

function readBoolean(arg: string, value: string | undefined): boolean {
  if (value === undefined || ["1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
  throw new UsageError(`Cannot use ${arg}: write true or false`);
}

function readMode(value: string | undefined): EmitMode {
  if (value === undefined) return "metric";
  if (value === "metric" || value === "event" || value === "sc") return value;
  throw new UsageError(`Cannot use -mode ${value}: write metric, event or sc`);
}

function refuseOtherModes(given: ReadonlyMap<EmitFlag, string>, mode: EmitMode): void {
  for (const name of given.keys()) {
    const kind: FlagKind = FLAGS[name];
    if (kind.mode === undefined || kind.mode === mode) continue;
    throw new UsageError(`Cannot use -${name} with -mode ${mode}: it is a flag of -mode ${kind.mode}`);
  }
}

/** Behind `--` a command may be called as it likes; without it, a flag's name is one whose dash was forgotten. */
function refuseArguments([first]: readonly string[], { timed, ended }: { timed: boolean; ended: boolean }): void {
  if (first === undefined) return;
  if (isFlag(first) && !(timed && ended)) {
    throw new UsageError(
      `Cannot use ${first}: it is a flag's name, write -${first}${timed ? `, or -- ${first} for a command` : ""}`,
    );
  }
  if (!timed) throw new UsageError(`Cannot use ${first}: there is nothing to do with it without -command`);
}
