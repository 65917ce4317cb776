import assert from "node:assert/strict";

const MAIN = new URL("main.ts", import.meta.url).pathname;

/** Stands in for `limier`: decodes nothing, and runs as an agent that has one UDP socket and one point. */
const SCRIPTED = `
const [command] = Deno.args;
if (command === "decode") {
  const text = await new Response(Deno.stdin.readable).text();
  if (text === "fail") Deno.exit(1);
  console.log(JSON.stringify({ kind: "text", text, args: Deno.args.slice(1) }));
} else if (command === "feed") {
  const config = await Deno.readTextFile(Deno.args[3]);
  console.log(JSON.stringify({ at: 1, kind: "config", config: JSON.parse(config) }));
} else {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  let received = 0;
  const http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () =>
    new Response("limier_statsd_datagrams_received_total " + received + "\\n"));
  Deno.addSignalListener("SIGTERM", () => {
    console.log(JSON.stringify({ kind: "point", name: "got", type: "gauge", value: received, timestamp: 1, tags: [] }));
    Deno.exit(0);
  });
  const log = (address) => console.error(JSON.stringify({ message: "listening", address }));
  log("udp://127.0.0.1:" + socket.addr.port);
  log("http://127.0.0.1:" + http.addr.port);
  for await (const _ of socket) received++;
}
`;

interface Run {
  readonly code: number;
  readonly lines: string[];
  readonly stderr: string;
  readonly junit: string;
}

/** Runs the suite over `files`, against the scripted program. */
async function run(files: Record<string, string>, ...more: string[]): Promise<Run> {
  const folder = await Deno.makeTempDir({ prefix: "limier_suite_" });
  try {
    await Deno.mkdir(`${folder}/testdata/ssf`, { recursive: true });
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/testdata/ssf/${name}`, text);
    await Deno.writeTextFile(`${folder}/scripted.ts`, SCRIPTED);
    const binary = `${Deno.execPath()} run -A --no-check --no-config --unstable-net ${folder}/scripted.ts`;
    const flags = ["--testdata", `${folder}/testdata`, "--binary", binary, "--junit", `${folder}/junit.xml`];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", MAIN, ...flags, ...more],
    }).output();
    const junit = await Deno.readTextFile(`${folder}/junit.xml`).catch(() => ""); // not written: the suite did not run
    const text = new TextDecoder();
    return { code, lines: text.decode(stdout).trimEnd().split("\n"), stderr: text.decode(stderr), junit };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function golden(expect: object, more: object = {}): string {
  return JSON.stringify({ why: "w", source: "s", ...more, expect });
}

const FILES = {
  "a.hex": "10 07",
  "a.json": golden(
    { decode: [{ kind: "text", text: "10 07", args: ["ssf", "--hex", "--time", "5", "--set", "k=v", "-"] }] },
    { options: { timeS: 5, set: { k: "v" } } },
  ),
  "b.jsonl": '{"at":1,"text":"x"}\n{"at":2,"text":"y"}\n',
  "b.json": golden(
    { feed: [{ at: 1, kind: "config", config: { statsd: { interval: "1s" } } }], live: [] },
    { config: { statsd: { interval: "1s" } } },
  ),
  "c.txt": "fail",
  "c.json": golden({ decode: [] }),
};

Deno.test("main() runs a program's decode and feed, and ends with the totals", async () => {
  const { code, lines, junit } = await run(FILES);
  assert.equal(code, 1);
  assert.equal(lines.at(-1), "2 passed, 1 failed");
  assert.ok(lines.some((line) => /^ssf +3 +2 +1$/.test(line)));
  assert.ok(lines.some((line) => line.startsWith("FAILED ssf/c")));
  assert.match(junit, /<testsuites tests="3" failures="1"/);
});

Deno.test("main() runs the cases that a filter leaves", async () => {
  const { code, lines } = await run(FILES, "--filter", "ssf/a");
  assert.deepEqual([code, lines.at(-1)], [0, "1 passed, 0 failed"]);
});

Deno.test("main() sends live input to a started program and compares what it printed", async () => {
  const point = { kind: "point", name: "got", type: "gauge", value: 2, timestamp: 9, tags: [] };
  const scenario = { "d.jsonl": FILES["b.jsonl"], "e.jsonl": `${FILES["b.jsonl"]}{"at":3,"text":"z"}\n` };
  const live = golden({ live: [point] }, { options: { live: "udp" } });
  const { lines } = await run({ ...scenario, "d.json": live, "d.txt": "", "e.json": live, "e.txt": "z" });
  assert.equal(lines.at(-1), "1 passed, 1 failed");
  assert.ok(lines.some((line) => line.startsWith("FAILED ssf/e")));
});

Deno.test("main() refuses equal inputs", async () => {
  const { code, stderr } = await run({ ...FILES, "d.hex": FILES["a.hex"], "d.json": FILES["a.json"] });
  assert.equal(code, 1);
  assert.match(stderr, /its input and configuration are those of/);
});

Deno.test("main() refuses flags it does not know", async () => {
  const { code, stderr } = await run(FILES, "--binaries", "x");
  assert.equal(code, 2);
  assert.match(stderr, /Cannot use --binaries/);
});
