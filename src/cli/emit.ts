import { realClock } from "../clock/mod.ts";
import { formatAddress, type ListenAddress, PACKET_PATHS } from "../statsd/mod.ts";
import { type Command, complain, Exit, print } from "./command.ts";
import { CommandError, runTimed } from "./emit_command.ts";
import { readEmitFlags } from "./emit_flags.ts";
import { type EmitMessage, payloads, planEmit, withRun } from "./emit_plan.ts";
import { resolveTarget, sendCalls, SendError, sendPayloads } from "./emit_send.ts";

export const emit: Command = {
  name: "emit",
  summary: "send metrics, events, checks and spans; time a command",
  help: `limier emit [-hostport ADDRESS] [flags]
limier emit -command -name NAME [flags] [--] COMMAND [ARGUMENT...]

Sends one thing and ends with 0, or says what is wrong and ends with 1. Every flag may be written -flag VALUE, -flag=VALUE
or with two dashes; booleans take =false.

  -hostport ADDRESS   host:port (UDP), udp://host:port, tcp://host:port, unix:///path, unixgram:///path, @name for an
                      abstract one (LIMIER_STATSD__UDP_ADDRESS, else 127.0.0.1:8125)
  -mode MODE          metric, event or sc, a service check (metric)
  -tag a:1,b          tags of whatever is sent
  -debug              say on standard error what is sent

Metrics; several values may be sent at once, each as a packet of its own:
  -name NAME          required
  -count INTEGER      -gauge NUMBER      -timing DURATION, such as 250ms      -set MEMBER
  -command            run the command behind the flags and send how long it took; ends with its exit status
  -ssf                send one SSF span with the values as its samples
  -grpc               send over gRPC, to one of the agent's grpc_listen_addresses; needs -hostport host:port

Spans (with -ssf); without a trace's id, VENEUR_EMIT_TRACE_ID and VENEUR_EMIT_PARENT_SPAN_ID are read, which a timed
command finds set:
  -trace_id ID        -parent_span_id ID         -span_service NAME (veneur-emit)     -span_tags a:1,b
  -span_starttime T   -span_endtime T            -indicator                           -error

Events (-mode event):
  -e_title TEXT       required                   -e_text TEXT       required
  -e_time T           -e_hostname HOST           -e_aggr_key KEY    -e_priority normal|low
  -e_source_type S    -e_event_tags a:1,b        -e_alert_type error|warning|info|success

Service checks (-mode sc):
  -sc_name NAME       required                   -sc_status 0-3     required
  -sc_time T          -sc_hostname HOST          -sc_tags a:1,b     -sc_msg TEXT

A time T is in Unix seconds or a date such as 2006-01-02T15:04:05Z.

Examples:
  limier emit -name jobs.done -count 3 -tag env:prod
  limier emit -name backup.time -command -- tar czf /tmp/home.tgz /home
  limier emit -mode event -e_title Deployed -e_text "version 12" -e_alert_type success
  limier emit -hostport tcp://127.0.0.1:8125 -mode sc -sc_name db.up -sc_status 0`,
  booleans: [],
  strings: [],
  verbatim: true,
  usageExit: Exit.failed,
  run: (args) => runEmit(args._),
};

/** Does what a command line asks for. @returns the exit code @throws {UsageError} for what can't be sent */
async function runEmit(argv: readonly string[]): Promise<number> {
  const flags = readEmitFlags(argv);
  if (flags.help) {
    print(emit.help);
    return Exit.done;
  }
  const plan = planEmit(flags, { env: Deno.env.toObject(), nowNs, newId });
  try {
    const target = await resolveTarget(plan.target); // before the command runs: it may take hours
    if (plan.timed === undefined) {
      await send(target, plan.message, plan.debug);
      return Exit.done;
    }
    const { status, run } = await runTimed(plan.timed, realClock);
    try {
      await send(target, withRun(plan, run), plan.debug);
    } catch (error) {
      if (!(error instanceof SendError)) throw error;
      complain(error.message); // the status is the command's all the same
    }
    return status;
  } catch (error) {
    if (!(error instanceof SendError || error instanceof CommandError)) throw error;
    complain(error.message);
    return Exit.failed;
  }
}

async function send(target: ListenAddress, message: EmitMessage, debug: boolean): Promise<void> {
  const all = payloads(message, target);
  if (debug) {
    const shown = message.form === "lines" ? message.lines.join("\n") : `a span of ${all[0]?.length} bytes`;
    complain(`sending to ${formatAddress(target)}:\n${shown}`);
  }
  if (target.over === "grpc") {
    await sendCalls(target, message.form === "span" ? PACKET_PATHS.span : PACKET_PATHS.packet, all);
  } else await sendPayloads(target, all);
}

function nowNs(): bigint {
  return BigInt(realClock.now()) * 1_000_000n;
}

/** 63 random bits. */
function newId(): bigint {
  const [bits = 0n] = crypto.getRandomValues(new BigUint64Array(1));
  return bits >> 1n || 1n;
}
