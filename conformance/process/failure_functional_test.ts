import assert from "node:assert/strict";
import { startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { limier, sendUdp, temporaryFolder } from "./limier.ts";
import { type Recorded, type Recorder, startRecorder } from "./recorder.ts";

const KEY = "5ecre7a91key0123456789abcdef0123";
const TOKEN = "70ken-that-nobody-may-see";
const PUBLIC_KEY = "9ub11cabcdef0123456789abcdef0123";

const FAILING = [
  Deno.execPath(),
  "run",
  "-A",
  "--no-check",
  decodeURIComponent(new URL("./failing_agent.ts", import.meta.url).pathname),
];

interface SentryEvent {
  readonly level: string;
  readonly message: string;
  readonly server_name: string;
  readonly release: string;
  readonly extra?: Record<string, unknown>;
  readonly exception?: { readonly values: { type: string; value: string; stacktrace?: { frames: unknown[] } }[] };
}

function dsnOf({ port }: Recorder): string {
  return `http://${PUBLIC_KEY}@127.0.0.1:${port}/42`;
}

function configOf(sentry: string, datadog: Recorder, statsd = ""): string {
  return `
http: { address: "127.0.0.1:0", config: true, token: "${TOKEN}" }
statsd: { udp_address: "127.0.0.1:0", interval: 1s, hostname: web1, ${statsd} }
sentry: { dsn: "${sentry}" }
log_level: debug
outputs:
  - { name: dd, kind: datadog, key: "${KEY}", hosts: ["${datadog.url}"], max_retries: 0 }
  - { name: shown, kind: stdout }
`;
}

function eventOf({ path, headers, body }: Recorded): SentryEvent {
  assert.equal(path, "/api/42/envelope/");
  assert.match(headers.get("x-sentry-auth")!, new RegExp(`^Sentry sentry_version=7, .*sentry_key=${PUBLIC_KEY}$`));
  const [, item, event] = new TextDecoder().decode(body).split("\n");
  assert.equal(item, '{"type":"event"}');
  return JSON.parse(event!);
}

/** None of the secrets stands in what has left the process. */
function assertSecretsKept(sentry: Recorder, ...captured: string[]): void {
  const bodies = sentry.requests.map(({ body }) => new TextDecoder().decode(body));
  const all = [...captured, ...bodies].join("\n");
  assert.ok(all.length > 0);
  for (const secret of [KEY, TOKEN, PUBLIC_KEY, dsnOf(sentry)]) {
    assert.ok(!all.includes(secret), all.slice(Math.max(0, all.indexOf(secret) - 200), all.indexOf(secret) + 100));
  }
}

async function pagesOf(url: string): Promise<string> {
  const pages = ["/config", "/config/yaml", "/metrics", "/debug/pprof/cmdline", "/debug/pprof/heap"].map(async (path) =>
    await (await fetch(url + path, { headers: { authorization: `Bearer ${TOKEN}` } })).text()
  );
  return (await Promise.all(pages)).join("\n");
}

const failures: [how: string, message: RegExp][] = [
  ["throw", /^part broke with REDACTED and REDACTED and REDACTED: the cause knows REDACTED/],
  ["reject", /^part broke with REDACTED and REDACTED and REDACTED: the cause knows REDACTED/],
  ["worker", /part broke in a worker|Unhandled error in child worker/],
];

for (const [how, message] of failures) {
  Deno.test(`an uncaught error (${how}) gets to Sentry without a secret, and the process ends with 1`, async () => {
    await using sentry = startRecorder(() => new Response("{}"));
    await using datadog = startRecorder(() => new Response(null, { status: 202 }));
    await using agent = await startAgentProcess({
      config: configOf(dsnOf(sentry), datadog),
      command: [...FAILING, how],
      keepsOutput: true,
    });
    await sendUdp(agent.port("udp"), ["seen:1|c", `bad ${KEY}`]);
    await datadog.until((requests) => requests.length > 0);
    const pages = await pagesOf(agent.url);
    assert.match(pages, /limier_statsd_lines_seen_total 2/);
    agent.signal("SIGWINCH");
    const { code, stdout, stderr } = await agent.ended;
    assert.equal(code, 1);
    const events = sentry.requests.map(eventOf);
    const fatal = events.filter(({ level }) => level === "fatal");
    assert.equal(fatal.length, 1, stderr);
    assert.match(fatal[0]!.message, message);
    assert.deepEqual([fatal[0]!.server_name, fatal[0]!.release.length > 0], ["web1", true]);
    if (how !== "worker") {
      const { values } = fatal[0]!.exception!;
      assert.deepEqual(values.map(({ type }) => type), ["TypeError", "Error"]);
      assert.ok(values.every(({ stacktrace }) => stacktrace!.frames.length > 0));
    }
    await agent.logged({ message: "Cannot go on after an uncaught error" });
    assert.match(stdout, /"seen"/);
    assertSecretsKept(sentry, stdout, stderr, pages);
  });
}

Deno.test("log lines at level error get to Sentry: a start that fails", async () => {
  await using sentry = startRecorder(() => new Response("{}"));
  await using datadog = startRecorder();
  await using folder = await temporaryFolder();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const path = `${folder.path}/limier.yaml`;
  const { port } = taken.addr as Deno.NetAddr;
  await Deno.writeTextFile(path, configOf(dsnOf(sentry), datadog, `tcp_address: "127.0.0.1:${port}"`));
  const { code, stdout, stderr } = await limier(["run", "-f", path]);
  assert.equal(code, 1);
  assert.match(stderr, /"level":"error","message":"Cannot start"/);
  const [event, ...more] = sentry.requests.map(eventOf);
  assert.equal(more.length, 0);
  assert.equal(event!.level, "error");
  assert.match(event!.message, /Cannot bind .*EADDRINUSE/);
  assert.deepEqual(event!.extra, { log: "Cannot start" });
  assertSecretsKept(sentry, stdout, stderr);
});

Deno.test("log lines at level error get to Sentry while the agent goes on: a reload that fails", async () => {
  await using sentry = startRecorder(() => new Response("{}"));
  await using datadog = startRecorder();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await using agent = await startAgentProcess({ config: configOf(dsnOf(sentry), datadog), keepsOutput: true });
  await Deno.writeTextFile(
    agent.configPath,
    configOf(dsnOf(sentry), datadog, `tcp_address: "127.0.0.1:${port}"`),
  );
  agent.signal("SIGHUP");
  await sentry.until((requests) => requests.length > 0);
  const event = eventOf(sentry.requests[0]!);
  assert.equal(event.level, "error");
  assert.match(String(event.extra?.log), /going back to the old one/);
  const { code, stdout, stderr } = await agent.stop();
  assert.equal(code, 0);
  assertSecretsKept(sentry, stdout, stderr);
});

Deno.test("bad packets and failed deliveries are logged and not reported, and tell no secret", async () => {
  await using sentry = startRecorder(() => new Response("{}"));
  for (const status of [403, 500, 302]) {
    await using datadog = startRecorder(({ path }) =>
      new Response(`no access with ${KEY}`, { status, headers: { location: `http://127.0.0.1:9${path}` } })
    );
    await using agent = await startAgentProcess({ config: configOf(dsnOf(sentry), datadog), keepsOutput: true });
    await sendUdp(agent.port("udp"), ["seen:1|c", `bad ${KEY}`, `_e{1,1}:${KEY}`]);
    await datadog.until((requests) => requests.length > 0);
    await agent.logged(({ level, output }) => level === "warn" && output === "dd");
    const pages = await pagesOf(agent.url);
    const { code, stdout, stderr } = await agent.stop();
    assert.equal(code, 0);
    assert.match(stderr, /"level":"debug","message":"[^"]*","packet_type":"metric"/);
    assertSecretsKept(sentry, stdout, stderr, pages);
  }
  assert.equal(sentry.requests.length, 0);
});

Deno.test("an unreachable output tells no secret either", async () => {
  await using sentry = startRecorder(() => new Response("{}"));
  const datadog = startRecorder();
  await datadog[Symbol.asyncDispose]();
  await using agent = await startAgentProcess({ config: configOf(dsnOf(sentry), datadog), keepsOutput: true });
  await sendUdp(agent.port("udp"), ["seen:1|c"]);
  await agent.logged(({ level, output }) => level === "warn" && output === "dd");
  const pages = await pagesOf(agent.url);
  const { code, stdout, stderr } = await agent.stop();
  assert.equal(code, 0);
  assertSecretsKept(sentry, stdout, stderr, pages);
});

Deno.test("a Sentry that can't be reached keeps no crash from ending the process", async () => {
  await using datadog = startRecorder();
  const dsn = `http://${PUBLIC_KEY}@127.0.0.1:9/42`;
  await using agent = await startAgentProcess({ config: configOf(dsn, datadog), command: [...FAILING, "throw"] });
  agent.signal("SIGWINCH");
  const { code, stderr } = await agent.ended;
  assert.equal(code, 1);
  assert.ok(!stderr.includes(PUBLIC_KEY));
});
