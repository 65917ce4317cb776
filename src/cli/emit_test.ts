import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { decodeSpan, isWireError } from "../statsd/mod.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const PLACE = ["-hostport", "127.0.0.1:9"];

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function limierEmit(argv: string[], options: { env?: Record<string, string>; input?: string } = {}) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", MAIN, "emit", ...argv],
    env: { VENEUR_EMIT_TRACE_ID: "", VENEUR_EMIT_PARENT_SPAN_ID: "", NO_COLOR: "1", ...options.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(options.input ?? ""));
  await input.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) } satisfies Outcome;
}

/** What arrives first while `emit` runs with the address of this socket. */
async function received(argv: (hostport: string) => string[], options: { env?: Record<string, string> } = {}) {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  const outcome = await limierEmit(argv(`127.0.0.1:${port}`), options);
  const [datagram] = await socket.receive(); // it waits in the socket's buffer, or never comes
  socket.close();
  return { outcome, datagram, text: new TextDecoder().decode(datagram) };
}

Deno.test("limier emit sends, and is silent", async () => {
  const { outcome, text } = await received((at) => ["-hostport", at, "-name", "a.b", "-count", "-3", "-tag", "x:1"]);
  assert.deepEqual(outcome, { code: 0, out: "", err: "" });
  assert.equal(text, "a.b:-3|c|#x:1");
});

Deno.test("limier emit -debug says on standard error what it sends", async () => {
  const { code, out, err } = await limierEmit([...PLACE, "-debug", "-name", "a", "-gauge", "-1.5"]);
  assert.deepEqual({ code, out }, { code: 0, out: "" });
  assert.match(err, /udp:\/\/127\.0\.0\.1:9:\na:-1\.5\|g\n$/);
});

Deno.test("limier emit -command passes on input, output and status, and sends the time", async () => {
  const script = "cat; echo problem >&2; exit 7";
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  const argv = ["-command", "-hostport", `127.0.0.1:${port}`, "-name", "job.time", "--", "sh", "-c", script];
  const outcome = await limierEmit(argv, { input: "through" });
  assert.deepEqual(outcome, { code: 7, out: "through", err: "problem\n" });
  const text = new TextDecoder().decode((await socket.receive())[0]);
  socket.close();
  const ms = /^job\.time:(\d+\.\d{6})\|ms$/.exec(text)?.[1];
  assert.ok(Number(ms) > 0, text);
});

Deno.test("limier emit -command -ssf tells the command of its span, and the span of the command", async () => {
  const file = await Deno.makeTempFile();
  const script = `echo $VENEUR_EMIT_TRACE_ID $VENEUR_EMIT_PARENT_SPAN_ID > ${file}; exit 3`;
  const { outcome, datagram } = await received(
    (at) => ["-command", "-ssf", "-hostport", at, "-name", "job", "sh", "-c", script],
    { env: { VENEUR_EMIT_TRACE_ID: "884671344597019736", VENEUR_EMIT_PARENT_SPAN_ID: "12" } },
  );
  assert.equal(outcome.code, 3);
  const decoded = decodeSpan(datagram);
  assert.ok(!isWireError(decoded));
  const { traceId, id, parentId, error, startNs, endNs, metrics, name } = decoded.span;
  assert.deepEqual({ traceId, parentId, error, name }, {
    traceId: 884671344597019736n,
    parentId: 12n,
    error: true,
    name: "job",
  });
  assert.equal((await Deno.readTextFile(file)).trim(), `${traceId} ${id}`);
  assert.ok(endNs > startNs && startNs > 1_700_000_000_000_000_000n);
  assert.deepEqual(metrics.map(({ metric, unit }) => [metric, unit]), [["histogram", "ms"]]);
});

Deno.test("limier emit -command keeps the command's status when sending fails", async () => {
  const { code, err } = await limierEmit(["-command", "-hostport", "tcp://127.0.0.1:1", "-name", "a", "true"]);
  assert.equal(code, 0);
  assert.match(err, /Cannot send to tcp:\/\/127\.0\.0\.1:1/);
});

Deno.test("limier emit -command survives SIGTERM, hands it on and tells the end", async () => {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", MAIN, "emit", "-command", "-hostport", `127.0.0.1:${port}`, "-name", "a"].concat(
      ["--", "sh", "-c", "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done"],
    ),
    stdout: "piped",
  }).spawn();
  const output = child.stdout.getReader();
  await output.read();
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 9);
  assert.match(new TextDecoder().decode((await socket.receive())[0]), /^a:[\d.]+\|ms$/);
  await output.cancel();
  socket.close();
});

const failures: [argv: string[], err: RegExp][] = [
  [["-name", "a", "name"], /^Cannot use name: it is a flag's name/],
  [["-nmae", "a"], /did you mean -name\?\nlimier emit --help/],
  [["-name", "a", "-count", "1", "-grpc"], /^Cannot send over gRPC without -hostport/],
  [["-name", "a", "-count", "1", "-grpc", "-hostport", "127.0.0.1:1"], /^Cannot send to grpc:\/\/127\.0\.0\.1:1: /],
  [["-name", "a", "-count", "1", "-hostport", "no-such-host.invalid:1"], /^Cannot send to /],
  [["-name", "a", "-command", "--", "/nonexistent/program"], /^Cannot run \/nonexistent\/program/],
];
for (const [argv, err] of failures) {
  Deno.test(`limier emit ${argv.join(" ")} ends with 1`, async () => {
    const outcome = await limierEmit(argv);
    assert.equal(outcome.code, 1);
    assert.equal(outcome.out, "");
    assert.match(outcome.err, err);
  });
}

Deno.test("limier emit --help shows examples", async () => {
  const { code, out } = await limierEmit(["--help"]);
  assert.equal(code, 0);
  assert.match(out, /Examples:\n {2}limier emit -name/);
});
