import assert from "node:assert/strict";
import { limier, temporaryFolder } from "./limier.ts";

const DD_KEY = "0123456789abcdef0123456789abcdef";

const FULL = `
statsd:
  udp_address: ":0"
  statsd_listen_addresses: ["tcp://[::1]:0", "unixgram://@limier-check"]
  interval: 1m30s
  tags: ["yes", "1_000", "2001-01-01", "~", "a: b", "$\${HOME}", "dc:\${DC}"]
  tags_exclude: [host_id, "pod|dd"]
  aggregates: [hmean, max]
  veneur_metrics_scopes: { gauge: global }
  prometheus_exposition: true
http:
  address: 127.0.0.1:0
  token: hunter2-hunter2
  allowed_hosts: [metrics.example.org]
  max_body: 1MiB
outputs:
  - name: dd
    kind: datadog
    mode: failover
    hosts: ["https://user:passw0rd@a.example.org", "https://b.example.org"]
    key_file: KEY_FILE
    timeout: 1500ms
    backoff: { init: 250ms }
    proxy: http://agent:pr0xypass@proxy:3128
    add_tags: { team: core }
    exclude_tags_prefix_by_prefix_metric: [{ metric_prefix: a., tags: [b, c] }]
  - { name: rows, kind: file, path: /tmp/rows.tsv, format: tsv, compress: gzip }
  - { name: all, kind: blackhole }
  - { name: log, kind: debug }
sentry: { dsn: "https://0f0f0f0f0f0f0f0f@sentry.example.org/7" }
log_level: warn
`;

const SECRETS = [DD_KEY, "hunter2-hunter2", "passw0rd", "pr0xypass", "0f0f0f0f0f0f0f0f"];

async function writeFull(folder: string): Promise<string> {
  await Deno.writeTextFile(`${folder}/dd.key`, `${DD_KEY}\n`);
  const path = `${folder}/limier.yaml`;
  await Deno.writeTextFile(path, FULL.replace("KEY_FILE", `${folder}/dd.key`));
  return path;
}

/** A setting of the printed YAML, by its path; the reading is independent of the program's. */
function setting(yaml: string, ...path: string[]): string | undefined {
  let lines = yaml.split("\n");
  for (const [depth, key] of path.entries()) {
    const indent = "  ".repeat(depth);
    const at = lines.findIndex((line) => line.startsWith(`${indent}${key}:`));
    if (at < 0) return undefined;
    const rest = lines.slice(at + 1);
    const end = rest.findIndex((line) => !line.startsWith(`${indent} `));
    lines = [lines[at]!, ...end < 0 ? rest : rest.slice(0, end)];
    if (depth === path.length - 1) return lines[0]!.slice(indent.length + key.length + 1).trim();
    lines = lines.slice(1);
  }
  return undefined;
}

Deno.test("limier check prints the effective configuration with its defaults, and again the same", async () => {
  await using folder = await temporaryFolder();
  const { code, stdout, stderr } = await limier(["check"]);
  assert.equal(code, 0);
  assert.equal(stderr, "");
  const expected: [path: string[], value: string][] = [
    [["statsd", "udp_address"], "127.0.0.1:8125"],
    [["statsd", "tcp_address"], "''"],
    [["statsd", "interval"], "10s"],
    [["statsd", "metric_max_length"], "8192"],
    [["statsd", "num_readers"], "1"],
    [["statsd", "synchronize_with_interval"], "true"],
    [["statsd", "flush_on_shutdown"], "true"],
    [["statsd", "max_series"], "1000000"],
    [["statsd", "hostname"], Deno.hostname()],
    [["statsd", "veneur_metrics_scopes", "counter"], "local"],
    [["http", "address"], "127.0.0.1:8127"],
    [["http", "quit"], "false"],
    [["http", "max_body"], "64MiB"],
    [["log_level"], "info"],
  ];
  for (const [path, value] of expected) assert.equal(setting(stdout, ...path), value, path.join("."));
  assert.match(stdout, /^outputs:\n {2}- name: stdout\n {4}kind: stdout\n/m);
  await Deno.writeTextFile(`${folder.path}/again.yaml`, stdout);
  assert.deepEqual(await limier(["check", "-f", `${folder.path}/again.yaml`]), { code: 0, stdout, stderr: "" });
});

Deno.test("limier check shows what is in force from file, key files and environment, secrets REDACTED", async () => {
  await using folder = await temporaryFolder();
  const path = await writeFull(folder.path);
  const env = { DC: "eu", LIMIER_STATSD__NUM_READERS: "3", LIMIER_OUTPUTS__1__DELIMITER: ";" };
  const { code, stdout, stderr } = await limier(["check", "-f", path], { env });
  assert.equal(stderr, "");
  assert.equal(code, 0);
  for (const secret of SECRETS) assert.ok(!stdout.includes(secret), secret);
  assert.equal(setting(stdout, "statsd", "num_readers"), "3");
  assert.equal(setting(stdout, "statsd", "interval"), "1m30s");
  assert.equal(setting(stdout, "statsd", "udp_address"), "':0'");
  assert.equal(setting(stdout, "statsd", "veneur_metrics_scopes", "gauge"), "global");
  assert.equal(setting(stdout, "http", "token"), "REDACTED");
  assert.equal(setting(stdout, "sentry", "dsn"), "REDACTED");
  assert.match(stdout, /^ {4}key: REDACTED$/m);
  assert.match(stdout, /https:\/\/user:REDACTED@a\.example\.org/);
  assert.match(stdout, /^ {4}timeout: 1\.5s\n {4}backoff:\n {6}init: 250ms\n {6}max: 1m\n/m);
  assert.match(stdout, /^ {4}delimiter: ;$/m);
  assert.match(stdout, /^ {4}- dc:eu$/m);
  assert.match(stdout, /^ {2}- name: prometheus_exposition$/m);

  const again = `${folder.path}/again.yaml`;
  await Deno.writeTextFile(again, stdout);
  assert.deepEqual(await limier(["check", "-f", again]), { code: 0, stdout, stderr: "" });
});

Deno.test("limier check --print-secrets shows them, and prints a file to run with", async () => {
  await using folder = await temporaryFolder();
  const path = await writeFull(folder.path);
  const { code, stdout } = await limier(["check", "-f", path, "-print-secrets"], { env: { DC: "eu" } });
  assert.equal(code, 0);
  for (const secret of SECRETS) assert.ok(stdout.includes(secret), secret);
  const again = `${folder.path}/again.yaml`;
  await Deno.writeTextFile(again, stdout);
  assert.equal((await limier(["check", "-f", again, "--print-secrets"])).stdout, stdout);
});

Deno.test("limier check says every fault with its place, and exits 1", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/limier.yaml`;
  await Deno.writeTextFile(
    path,
    `statsd:
  intervall: 10s
  num_readers: many
  percentiles: [0.5, 50]
http:
  address: nowhere
outputs:
  - name: dd
    kind: datadgo
`,
  );
  const { code, stdout, stderr } = await limier(["check", "-f", path]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  const faults = stderr.trimEnd().split("\n");
  const expected: [place: string, says: RegExp][] = [
    ["2:3", /no such key.*interval/],
    ["3:16", /num_readers = "many"/],
    ["4:16", /percentiles/],
    ["6:12", /http\.address = "nowhere"/],
    ["9:11", /datadgo.*write datadog/],
  ];
  assert.equal(faults.length, expected.length, stderr);
  for (const [i, [place, says]] of expected.entries()) {
    assert.ok(faults[i]!.startsWith(`${path}:${place}: Cannot `), faults[i]!);
    assert.match(faults[i]!, says);
  }
});

Deno.test("limier check places the faults of no YAML, of the environment and of Veneur's files", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/some.yaml`;
  const cases: [text: string, args: string[], env: Record<string, string>, stderr: RegExp][] = [
    ["statsd: [\n", [], {}, /^[^\n]*some\.yaml:\d+:\d+: Cannot [^\n]*\n$/],
    ["statsd: {}\n", [], { LIMIER_STATSD__INTERVAL: "0" }, /^LIMIER_STATSD__INTERVAL: Cannot use [^\n]*\n$/],
    [
      "interval: 10s\naggregates: [max,\n  mode]\n",
      ["--veneur"],
      {},
      /^[^\n]*some\.yaml:2:1: [^\n]*aggregates[^\n]*\n$/,
    ],
    ["interval: soon\n", ["--veneur"], {}, /^[^\n]*some\.yaml:1:11: Cannot use interval[^\n]*\n$/],
    ["intreval: 10s\n", ["--veneur", "--strict"], {}, /^[^\n]*some\.yaml:1:1: [^\n]*interval[^\n]*\n$/],
    ["statsd: { grpc_listen_adresses: [] }\n", [], {}, /some\.yaml:1:11: [^\n]*grpc_listen_addresses/],
    ["outputs: [{ name: a, kind: falconer }]\n", [], {}, /some\.yaml:1:28: Cannot use outputs\[0\]\.kind = "falconer"/],
  ];
  for (const [text, args, env, expected] of cases) {
    await Deno.writeTextFile(path, text);
    const { code, stdout, stderr } = await limier(["check", ...args, "-f", path], { env });
    assert.match(stderr, expected);
    assert.equal(stdout, "");
    assert.equal(code, 1);
  }
});

const usages: [args: string[], code: number, stderr: RegExp][] = [
  [["check", "-f", "/nowhere/limier.yaml"], 1, /^Cannot read \/nowhere\/limier\.yaml: /],
  [["check", "limier.yaml"], 2, /^Cannot use limier\.yaml: write -f FILE\n/],
  [["check", "-f"], 2, /^Cannot use --file: it needs a value\n/],
  [["check", "--strickt"], 2, /no such flag, did you mean --strict\?/],
  [["run", "-f", "/nowhere/limier.yaml"], 1, /^Cannot read \/nowhere\/limier\.yaml: /],
  [["run", "--veneur"], 2, /write -f FILE/],
  [["run", "--log-level", "loud"], 2, /write one of debug, info, warn, error/],
  [["chekc"], 2, /^Cannot run chekc: no such command\n/],
  [[], 2, /^$/],
];

for (const [args, expected, says] of usages) {
  Deno.test(`limier ${args.join(" ")} exits ${expected}`, async () => {
    const { code, stderr } = await limier(args);
    assert.match(stderr, says);
    assert.equal(code, expected);
  });
}

Deno.test("limier COMMAND --help shows an example of every command that limier --help lists", async () => {
  const list = await limier(["--help"]);
  assert.equal(list.code, 0);
  const names = [...list.stdout.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name]) => name!);
  assert.ok(["run", "check", "decode", "feed", "version", "emit", "doctor"].every((name) => names.includes(name)));
  for (const name of names) {
    const { code, stdout, stderr } = await limier([name, "--help"]);
    assert.equal(stderr, "", name);
    assert.equal(code, 0, name);
    assert.match(stdout, new RegExp(`^Examples?:\n(?:  .*\n)*? {2}.*limier ${name}`, "m"), name);
  }
});
