import assert from "node:assert/strict";
import type { Span } from "../metric/mod.ts";
import { decodeSpan, FrameReader, isWireError } from "../statsd/mod.ts";
import { UsageError } from "./command.ts";
import { readEmitFlags } from "./emit_flags.ts";
import { type EmitPlan, payloads, planEmit, withRun } from "./emit_plan.ts";

const NOW = 1_700_000_000_000_000_000n;
const NEW_ID = 77n;

function plan(argv: string[], env: Record<string, string> = {}): EmitPlan {
  return planEmit(readEmitFlags(argv), { env, nowNs: () => NOW, newId: () => NEW_ID });
}

function lines(argv: string[]): readonly string[] {
  const { message } = plan(argv);
  assert.ok(message.form === "lines");
  return message.lines;
}

function span(argv: string[], env: Record<string, string> = {}): Span {
  const { message } = plan(["-ssf", ...argv], env);
  assert.ok(message.form === "span");
  return message.span;
}

const packets: [argv: string[], lines: string[]][] = [
  [["-name", "a", "-count", "1"], ["a:1|c"]],
  [["-name", "a", "-count", "-3"], ["a:-3|c"]],
  [["-name", "a", "-count", "+3"], ["a:3|c"]],
  [["-name", "a", "-count", "0x10"], ["a:16|c"]],
  [["-name", "a", "-count", "16777217"], ["a:16777217|c"]],
  [["-name", "a", "-count", "9223372036854775807"], ["a:9223372036854775807|c"]],
  [["-name", "a", "-count", "-9223372036854775808"], ["a:-9223372036854775808|c"]],
  [["-name", "a", "-gauge", "-1.5"], ["a:-1.5|g"]],
  [["-name", "a", "-gauge", "1e3"], ["a:1000|g"]],
  [["-name", "a", "-gauge", ".5"], ["a:0.5|g"]],
  [["-name", "a", "-timing", "1.5s"], ["a:1500.000000|ms"]],
  [["-name", "a", "-timing", "1ns"], ["a:0.000001|ms"]],
  [["-name", "a", "-timing", "1m1us"], ["a:60000.001000|ms"]],
  [["-name", "a", "-set", "x:y"], ["a:x:y|s"]],
  [["-name", "a", "-set", ""], ["a:|s"]],
  [["-name", "a", "-set", "s", "-gauge", "2", "-timing", "3ms", "-count", "4"], [
    "a:4|c",
    "a:2|g",
    "a:3.000000|ms",
    "a:s|s",
  ]],
  [["-name", "a", "-count", "1", "-tag", "b:2,bare,,url:http://x"], ["a:1|c|#b:2,bare,url:http://x"]],
  [["-name", "a", "-count", "1", "-tag", "k:1,k:2"], ["a:1|c|#k:2"]],
  [["-name", "a", "-count", "1", "-tag", ""], ["a:1|c"]],
  [["-name", "a", "-count", "1", "-ssf=false", "-grpc=false", "-error=false", "-proxy="], ["a:1|c"]],

  [["-mode", "event", "-e_title", "Up", "-e_text", "yes"], ["_e{2,3}:Up|yes"]],
  [["-mode", "event", "-e_title", "Up", "-e_text", "one\ntwo"], ["_e{2,8}:Up|one\\ntwo"]],
  [
    [
      ...["-mode", "event", "-e_title", "é", "-e_text", "naïve", "-tag", "a:2,c", "-e_event_tags", "b,a:1"],
      ...["-e_alert_type", "error", "-e_source_type", "cron", "-e_priority", "low", "-e_aggr_key", "grp"],
      ...["-e_hostname", "db1", "-e_time", "1700000000"],
    ],
    ["_e{2,6}:é|naïve|d:1700000000|h:db1|k:grp|p:low|s:cron|t:error|#b,a:2,c"],
  ],
  [["-mode", "event", "-e_title", "t", "-e_text", "-x", "-e_hostname", ""], ["_e{1,2}:t|-x|h:"]],
  [["-mode", "event", "-e_title", "t", "-e_text", "x", "-e_time", "2023-11-14T22:13:20.9Z"], [
    "_e{1,1}:t|x|d:1700000000",
  ]],

  [["-mode", "sc", "-sc_name", "db.up", "-sc_status", "0"], ["_sc|db.up|0"]],
  [
    [
      ...["-mode=sc", "-sc_msg", "replica\nlag", "-sc_tags", "role:rw", "-tag", "x", "-sc_hostname", "db1"],
      ...["-sc_time", "14 Nov 2023 22:13:20", "-sc_status", "2", "-sc_name", "db.up"],
    ],
    ["_sc|db.up|2|d:1700000000|h:db1|#role:rw,x|m:replica\\nlag"],
  ],
];
for (const [argv, expected] of packets) {
  Deno.test(`planEmit() makes ${expected.join(" and ")} of ${JSON.stringify(argv)}`, () => {
    assert.deepEqual(lines(argv), expected);
  });
}

const refused: [argv: string[], message: RegExp][] = [
  [[], /Cannot send a metric without its name/],
  [["-count", "1"], /write -name NAME/],
  [["-name", "", "-count", "1"], /write -name NAME/],
  [["-name", "a"], /Cannot send nothing/],
  [["-name", "a", "-tag", "b:1"], /Cannot send nothing/],
  [["-name", "a", "-ssf"], /Cannot send nothing/],
  [["-name", "a:b", "-count", "1"], /it cannot contain ":"/],
  [["-name", "a", "-count", "1.5"], /Cannot use -count 1.5: write a whole number/],
  [["-name", "a", "-count", ""], /write a whole number/],
  [["-name", "a", "-count", "1e3"], /write a whole number/],
  [["-name", "a", "-count", "010"], /write a whole number/], // eight to some, ten to others
  [["-name", "a", "-count", "9223372036854775808"], /more than 64 bits/],
  [["-name", "a", "-count", "-9223372036854775809"], /more than 64 bits/],
  [["-name", "a", "-gauge", "NaN"], /Cannot use -gauge NaN: write a number/],
  [["-name", "a", "-gauge", "Inf"], /write a number/],
  [["-name", "a", "-gauge", "1e999"], /write a number/],
  [["-name", "a", "-gauge", "0x10"], /write a number/],
  [["-name", "a", "-gauge", " 1"], /write a number/],
  [["-name", "a", "-timing", "5"], /write a duration/],
  [["-name", "a", "-timing", "1d"], /write a duration/],
  [["-name", "a", "-set", "x|y"], /it cannot contain "\|"/],
  [["-name", "a", "-count", "1", "-tag", "x|y"], /it cannot contain "\|"/],
  [["-name", "a", "-count", "1", "-grpc"], /Cannot send over gRPC without -hostport/],
  [
    ["-name", "a", "-count", "1", "-grpc", "-hostport", "udp://h:1"],
    /Cannot send over gRPC to "udp:\/\/h:1": write host:port/,
  ],
  [["-name", "a", "-count", "1", "-grpc", "-hostport", "h:0"], /Cannot send over gRPC to "h:0"/],
  [["-name", "a", "-count", "1", "-proxy", "http://p"], /Cannot use -proxy: .* not available in this version/],
  [["-name", "a", "-count", "1", "-trace_id", "5"], /Cannot use -trace_id without -ssf/],
  [["-name", "a", "-count", "1", "-indicator"], /Cannot use -indicator without -ssf/],
  [["-name", "a", "-count", "1", "-span_tags", "x"], /Cannot use -span_tags without -ssf/],
  [["-name", "a", "-command"], /Cannot time a command: write it behind the flags/],
  [["-name", "a:b", "-command", "ls"], /it cannot contain ":"/],
  [["-command", "ls"], /write -name NAME/],
  [["-ssf", "-name", "a", "-gauge", "1e39"], /a sample holds at most 3.4e38/],
  [["-ssf", "-name", "a", "-trace_id", "x"], /Cannot use -trace_id x/],
  [["-ssf", "-name", "a", "-trace_id", "1", "-span_starttime", "1"], /write -span_endtime too/],
  [["-ssf", "-name", "a", "-trace_id", "1", "-span_endtime", "1"], /write -span_starttime too/],
  [["-ssf", "-name", "a", "-trace_id", "1", "-span_starttime", "2", "-span_endtime", "1"], /lies before/],
  [["-ssf", "-name", "a", "-trace_id", "1", "-span_starttime", "0", "-span_endtime", "1"], /no time/],
  [["-ssf", "-name", "a", "-trace_id", "1", "-span_starttime", "soon", "-span_endtime", "1"], /Cannot use -span_start/],
  [
    ["-ssf", "-name", "a", "-trace_id", "1", "-span_starttime", "1", "-span_endtime", "2", "-command", "ls"],
    /as long as the command/,
  ],
  [["-mode", "event", "-e_title", "t"], /without -e_text: it is required/],
  [["-mode", "event", "-e_text", "t"], /without -e_title: it is required/],
  [["-mode", "event", "-e_title", "", "-e_text", "t"], /title cannot be empty/],
  [["-mode", "event", "-e_title", "t", "-e_text", "x", "-e_priority", "high"], /write one of normal low/],
  [["-mode", "event", "-e_title", "t", "-e_text", "x", "-e_alert_type", "fatal"], /write one of error/],
  [["-mode", "event", "-e_title", "t", "-e_text", "x", "-e_time", "soon"], /Cannot use -e_time/],
  [["-mode", "event", "-e_title", "t", "-e_text", "x", "-e_time", ""], /Cannot use -e_time/],
  [["-mode", "sc", "-sc_name", "a"], /without -sc_status: it is required/],
  [["-mode", "sc", "-sc_status", "0"], /without -sc_name: it is required/],
  [["-mode", "sc", "-sc_name", "a", "-sc_status", "4"], /write 0, 1, 2 or 3/],
  [["-mode", "sc", "-sc_name", "a", "-sc_status", ""], /write 0, 1, 2 or 3/],
  [["-mode", "sc", "-sc_name", "a|b", "-sc_status", "0"], /it cannot contain "\|"/],
];
for (const [argv, message] of refused) {
  Deno.test(`planEmit() refuses ${JSON.stringify(argv)}`, () => {
    assert.throws(() => plan(argv), (error) => error instanceof UsageError && message.test(error.message));
  });
}

const targets: [hostport: string, transport: string, hostname: string, port: number, path: string][] = [
  ["db1:8125", "udp", "db1", 8125, ""],
  [":8125", "udp", "", 8125, ""],
  ["[::1]:8125", "udp", "::1", 8125, ""],
  ["udp://127.0.0.1:1", "udp", "127.0.0.1", 1, ""],
  ["tcp://[::1]:8125", "tcp", "::1", 8125, ""],
  ["unix:///run/x.sock", "unix", "", 0, "/run/x.sock"],
  ["unix:@name", "unix", "", 0, "@name"],
  ["unixgram:///run/x.sock", "unixgram", "", 0, "/run/x.sock"],
];
for (const [hostport, transport, hostname, port, path] of targets) {
  Deno.test(`planEmit() sends to ${hostport}`, () => {
    const { target } = plan(["-hostport", hostport, "-name", "a", "-count", "1"]);
    assert.deepEqual({ ...target }, { transport, hostname, port, path });
  });
}
Deno.test("planEmit() sends to 127.0.0.1:8125 unless told otherwise", () => {
  const { target } = plan(["-name", "a", "-count", "1"]);
  assert.deepEqual({ ...target }, { transport: "udp", hostname: "127.0.0.1", port: 8125, path: "" });
});
Deno.test("planEmit() sends to where an agent of the same environment listens, unless told otherwise", () => {
  const env = { LIMIER_STATSD__UDP_ADDRESS: "127.0.0.1:9125" };
  assert.equal(plan(["-name", "a", "-count", "1"], env).target.port, 9125);
  assert.equal(plan(["-hostport", "127.0.0.1:9", "-name", "a", "-count", "1"], env).target.port, 9);
});
for (const hostport of ["", "db1", "db1:0", "db1:99999", "http://db1:80", "tcp://db1", "unix://", "db1:8125/x"]) {
  Deno.test(`planEmit() refuses to send to ${JSON.stringify(hostport)}`, () => {
    assert.throws(() => plan(["-hostport", hostport, "-name", "a", "-count", "1"]), /Cannot send to/);
  });
}

Deno.test("planEmit() makes samples of values", () => {
  const { metrics, ...rest } = span([
    "-name",
    "a",
    "-gauge",
    "-1.5",
    "-timing",
    "2s",
    "-set",
    "m",
    "-tag",
    "k:v:w,bare",
  ]);
  const common = { name: "a", timestampNs: 0n, status: 0, sampleRate: 1, scope: "mixed" };
  const tags = { k: "v:w", bare: "" };
  assert.deepEqual(metrics, [
    { ...common, metric: "gauge", value: -1.5, message: "", unit: "", tags },
    { ...common, metric: "histogram", value: 2000, message: "", unit: "ms", tags },
    { ...common, metric: "set", value: 0, message: "m", unit: "", tags },
  ]);
  assert.equal(rest.traceId, 0n);
  assert.equal(rest.id, 0n);
  assert.equal(rest.name, "");
});

for (const count of ["16777217", "9223372036854775807", "-9223372036854775808", "0"]) {
  Deno.test(`planEmit() makes samples that add up to exactly ${count}`, () => {
    const { metrics } = span(["-name", "a", "-count", count]);
    assert.ok(metrics.every(({ metric, value }) => metric === "counter" && Math.fround(value) === value));
    assert.equal(metrics.reduce((sum, { value }) => sum + BigInt(value), 0n), BigInt(count));
  });
}

Deno.test("planEmit() makes a real span of a trace's id", () => {
  const argv = ["-name", "a", "-trace_id", "884671344597019736", "-parent_span_id", "-5", "-span_service", "web"];
  const times = ["-span_starttime", "2023-11-14T22:13:20.000000001Z", "-span_endtime", "1700000001"];
  const got = span([...argv, ...times, "-span_tags", "a:1,b:2", "-tag", "a:3", "-indicator", "-error"]);
  assert.deepEqual(got, {
    version: 0,
    traceId: 884671344597019736n,
    id: NEW_ID,
    parentId: -5n,
    startNs: NOW + 1n,
    endNs: NOW + 1_000_000_000n,
    error: true,
    service: "web",
    name: "a",
    indicator: true,
    tags: { b: "2", a: "3" },
    metrics: [],
    rootStartNs: 0n,
  });
});

const ENV = { VENEUR_EMIT_TRACE_ID: "11", VENEUR_EMIT_PARENT_SPAN_ID: "12" };
const traces: [argv: string[], env: Record<string, string>, traceId: bigint, parentId: bigint][] = [
  [[], {}, 0n, 0n],
  [[], ENV, 11n, 12n],
  [["-trace_id", "0"], ENV, 11n, 12n],
  [["-parent_span_id", "3"], ENV, 11n, 3n],
  [["-trace_id", "2"], ENV, 2n, 0n],
  [["-trace_id", "2", "-parent_span_id", "3"], ENV, 2n, 3n],
  [[], { VENEUR_EMIT_TRACE_ID: "", VENEUR_EMIT_PARENT_SPAN_ID: "" }, 0n, 0n],
];
for (const [argv, env, traceId, parentId] of traces) {
  Deno.test(`planEmit() takes trace ${traceId} of ${JSON.stringify(argv)} and ${JSON.stringify(env)}`, () => {
    const got = span(["-name", "a", "-count", "1", ...argv], env);
    assert.equal(got.traceId, traceId);
    if (traceId === 0n) return;
    assert.equal(got.parentId, parentId);
    assert.equal(got.service, "veneur-emit");
    assert.equal(got.startNs, NOW);
  });
}
for (const id of ["x", "1.5", "0x5", "9223372036854775808"]) {
  Deno.test(`planEmit() refuses the trace ${id} of the environment`, () => {
    assert.throws(() => span(["-name", "a", "-count", "1"], { VENEUR_EMIT_TRACE_ID: id }), UsageError);
  });
}
Deno.test("planEmit() leaves a trace in the environment alone without -ssf", () => {
  const argv = readEmitFlags(["-name", "a", "-count", "1"]);
  const { message } = planEmit(argv, { env: ENV, nowNs: () => NOW, newId: () => NEW_ID });
  assert.deepEqual(message, { form: "lines", lines: ["a:1|c"] });
});

Deno.test("planEmit() tells a command of its span", () => {
  const traced = plan(["-command", "-ssf", "-name", "a", "-trace_id", "5", "sleep", "1", "-x"]).timed;
  assert.equal(traced?.program, "sleep");
  assert.deepEqual(traced?.args, ["1", "-x"]);
  assert.deepEqual(traced?.env, { VENEUR_EMIT_TRACE_ID: "5", VENEUR_EMIT_PARENT_SPAN_ID: "77" });
  assert.deepEqual(plan(["-command", "-ssf", "-name", "a", "ls"]).timed?.env, {});
  assert.deepEqual(plan(["-command", "-name", "a", "ls"]).timed?.env, {});
  assert.equal(plan(["-command=false", "-name", "a", "-count", "1"]).timed, undefined);
});

const RUN = { startNs: NOW, elapsedNs: 1_234_567n, failed: true };

Deno.test("withRun() puts the timer before the other packets", () => {
  const planned = plan(["-command", "-name", "a", "-count", "2", "-tag", "x", "ls"]);
  assert.deepEqual(withRun(planned, RUN), { form: "lines", lines: ["a:1.234567|ms|#x", "a:2|c|#x"] });
});

Deno.test("withRun() gives the span the command's times and failure", () => {
  const message = withRun(plan(["-command", "-ssf", "-name", "a", "-trace_id", "5", "ls"]), RUN);
  assert.ok(message.form === "span");
  assert.equal(message.span.startNs, NOW);
  assert.equal(message.span.endNs, NOW + 1_234_567n);
  assert.equal(message.span.error, true);
  assert.deepEqual(message.span.metrics.map(({ metric, value, unit }) => [metric, value, unit]), [
    ["histogram", 1.234567, "ms"],
  ]);
});

Deno.test("withRun() leaves the error flag as -error says when the command went well", () => {
  for (const [flag, error] of [["-error", true], ["-error=false", false]] as const) {
    const message = withRun(plan(["-command", "-ssf", "-name", "a", "-trace_id", "5", flag, "ls"]), {
      ...RUN,
      failed: false,
    });
    assert.ok(message.form === "span");
    assert.equal(message.span.error, error);
  }
});

Deno.test("payloads() ends lines with a line feed on streams only", () => {
  const { message } = plan(["-name", "a", "-count", "1", "-gauge", "2"]);
  const texts = (transport: "udp" | "tcp" | "unix" | "unixgram") =>
    payloads(message, { transport }).map((bytes) => new TextDecoder().decode(bytes));
  assert.deepEqual(texts("udp"), ["a:1|c", "a:2|g"]);
  assert.deepEqual(texts("unixgram"), ["a:1|c", "a:2|g"]);
  assert.deepEqual(texts("tcp"), ["a:1|c\na:2|g\n"]);
  assert.deepEqual(texts("unix"), ["a:1|c\na:2|g\n"]);
});

Deno.test("payloads() frames a span on streams only", () => {
  const { message } = plan(["-ssf", "-name", "a", "-count", "1", "-trace_id", "5"]);
  assert.ok(message.form === "span");
  const [datagram] = payloads(message, { transport: "udp" });
  const decoded = decodeSpan(datagram!);
  assert.ok(!isWireError(decoded));
  assert.deepEqual(decoded.span, message.span);
  const frames = new FrameReader();
  for (const bytes of payloads(message, { transport: "unix" })) frames.push(bytes);
  assert.deepEqual(frames.next(), datagram);
  assert.equal(frames.end(), null);
});

Deno.test("planEmit() sends over gRPC to a port of TCP, each line and each span in a request of its own", () => {
  for (const hostport of ["web1:8126", "tcp://web1:8126", "grpc://web1:8126"]) {
    const { target } = plan(["-grpc", "-hostport", hostport, "-name", "a", "-count", "1"]);
    assert.deepEqual(target, { transport: "tcp", hostname: "web1", port: 8126, path: "", over: "grpc" });
  }
  const { message, target } = plan(["-grpc", "-hostport", "web1:8126", "-name", "a", "-count", "1", "-gauge", "2"]);
  const requests = payloads(message, target).map((bytes) => new TextDecoder().decode(bytes));
  assert.deepEqual(requests, ["\n\u0005a:1|c", "\n\u0005a:2|g"], "field 1, its length, the packet");
  const span = plan(["-grpc", "-hostport", "web1:8126", "-ssf", "-name", "a", "-count", "1"]);
  assert.ok(!isWireError(decodeSpan(payloads(span.message, span.target)[0]!)));
});
