import assert from "node:assert/strict";
import { TextLineStream } from "@std/streams/text-line-stream";
import { type AgentProcess, LIMIER, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import {
  ADDRESS,
  ADDRESS6,
  canEnterNamespace,
  type Namespace,
  newNamespace,
} from "../../scripts/bench/tcp_namespace.ts";
import { testUnless, until } from "../../src/testing/mod.ts";
import { limier, temporaryFolder } from "./limier.ts";

const lacking = await canEnterNamespace() ? undefined : "there may be no network namespace here";

/** An agent in the namespace that watches, archives and announces. */
function startWatcher(namespace: Namespace, folder: string): Promise<AgentProcess> {
  return startAgentProcess({
    command: [...namespace.enter, ...LIMIER],
    config: `http: { address: "127.0.0.1:0" }
statsd: { udp_address: "" }
tcpinfo:
  poll_interval: 20ms
  eventsocket: ${folder}/events.sock
  archive: { directory: ${folder}/archive, uuid_prefix: test_1, flush_interval: 200ms, fsync: false }
`,
  });
}

/** A program whose lines are kept. */
function startLines(args: readonly string[]): { lines: string[]; child: Deno.ChildProcess; read: Promise<void> } {
  const [program = "", ...before] = LIMIER;
  const child = new Deno.Command(program, { args: [...before, ...args], stdin: "null", stdout: "piped" }).spawn();
  const lines: string[] = [];
  const read = (async () => {
    const text = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const line of text) lines.push(line);
  })();
  return { lines, child, read };
}

interface EventLine {
  readonly Event: 0 | 1;
  readonly Timestamp: string;
  readonly UUID: string;
  readonly ID: { SPort: number; DPort: number; SrcIP: string; DstIP: string; Interface: number } | null;
  readonly Reason?: string;
}

/** Archives by name, finished ones. */
async function archives(folder: string): Promise<string[]> {
  const found: string[] = [];
  async function walk(path: string): Promise<void> {
    try {
      for await (const entry of Deno.readDir(path)) {
        if (entry.isDirectory) await walk(`${path}/${entry.name}`);
        else if (entry.name.endsWith(".jsonl.zst")) found.push(`${path}/${entry.name}`);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // the first file makes it
    }
  }
  await walk(folder);
  return found.sort();
}

testUnless(
  lacking,
  "limier tcpinfo events shows each connection open once and close once, and csv reads what was archived of it",
  async () => {
    await using namespace = await newNamespace();
    await using folder = await temporaryFolder();
    await using agent = await startWatcher(namespace, folder.path);
    const socket = `${folder.path}/events.sock`;
    assert.equal(Deno.statSync(socket).mode! & 0o777, 0o660);
    const events = startLines(["tcpinfo", "events", "--socket", socket, "--json"]);
    await until(async () => {
      await namespace.open(1);
      await namespace.close();
      return events.lines.length > 0;
    }, "the client is connected");

    const ports = new Set(await namespace.open(50));
    const parsed = () => events.lines.map((line): EventLine => JSON.parse(line));
    const opens = () => parsed().filter(({ ID }) => ID !== null && (ports.has(ID.SPort) || ports.has(ID.DPort)));
    await until(() => opens().length >= 100, "all have opened");
    const uuids = new Set(opens().map(({ UUID }) => UUID));
    const closes = () => parsed().filter(({ Event, UUID }) => Event === 1 && uuids.has(UUID));
    assert.equal(closes().length, 0);
    await namespace.close();
    await until(() => closes().length >= 100, "all have closed");
    await agent.stop();
    events.child.kill("SIGTERM");
    assert.equal((await events.child.status).code, 0);
    await events.read;

    assert.equal(uuids.size, 100);
    assert.equal(opens().length, 100);
    assert.equal(closes().length, 100);
    for (const { Event, Timestamp, UUID, ID } of opens()) {
      assert.equal(Event, 0);
      assert.match(Timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
      assert.match(UUID, /^test_1_[0-9A-F]{16}$/);
      assert.deepEqual([ID?.SrcIP, ID?.DstIP, ID?.Interface], [ADDRESS, ADDRESS, 0]);
    }
    for (const { ID, Reason } of closes()) {
      assert.equal(ID, null);
      assert.match(String(Reason), /^(absent|destroyed)$/);
    }
    for (const uuid of new Set(parsed().map(({ UUID }) => UUID))) {
      const numbers = parsed().filter(({ UUID }) => UUID === uuid).map(({ Event }) => Event);
      assert.ok(numbers.length <= 2 && new Set(numbers).size === numbers.length, `${uuid}: ${numbers.join()}`);
    }
    assert.throws(() => Deno.statSync(socket), Deno.errors.NotFound);

    const files = await archives(`${folder.path}/archive`);
    for (const open of opens()) {
      const file = files.find((path) => path.endsWith(`/${open.UUID}.00000.jsonl.zst`));
      assert.ok(file !== undefined, `nothing was archived of ${open.UUID}`);
    }
    for (const open of opens().slice(0, 3)) {
      const file = files.find((path) => path.includes(open.UUID))!;
      const { code, stdout, stderr } = await limier(["tcpinfo", "csv", file]);
      assert.deepEqual([code, stderr], [0, ""]);
      const [header, first, ...rows] = stdout.trimEnd().split("\n").map((line) => line.split(","));
      assert.equal(first![0], "2009-05-29T23:59:59Z");
      assert.ok(rows.length > 0);
      for (const row of rows) {
        assert.equal(row.length, 105);
        const cell = (name: string) => row[header!.indexOf(name)];
        assert.deepEqual(
          [cell("IDM.SockID.SPort"), cell("IDM.SockID.DPort"), cell("IDM.SockID.Src"), cell("NotFullyParsed")],
          [String(open.ID!.SPort), String(open.ID!.DPort), ADDRESS, "0"],
        );
        assert.equal(cell("IDM.SockID.Cookie")!.padStart(16, "0"), open.UUID.slice(-16));
      }
      assert.equal(rows[0]![header!.indexOf("IDM.State")], "1");
    }
  },
);

testUnless(
  lacking,
  "limier tcpinfo events comes back to an agent that was started again, and ends when told to",
  async () => {
    await using namespace = await newNamespace();
    await using folder = await temporaryFolder();
    const socket = `${folder.path}/events.sock`;
    const waiting = startLines(["tcpinfo", "events", "--socket", socket, "--wait", "--json"]);
    for (let i = 0; i < 2; i++) {
      await using agent = await startWatcher(namespace, folder.path);
      const before = waiting.lines.length;
      await until(async () => {
        await namespace.open(1);
        await namespace.close();
        return waiting.lines.length > before;
      }, "an event comes");
      if (i === 1) {
        const two = startLines(["tcpinfo", "events", "--socket", socket, "--count", "2"]);
        const once = startLines(["tcpinfo", "events", "-f", agent.configPath, "--once"]);
        await until(async () => {
          await namespace.open(1);
          await namespace.close();
          return two.lines.length === 2 && once.lines.length > 0;
        }, "it has its events");
        assert.equal((await two.child.status).code, 0);
        assert.match(two.lines[0]!, /^\d{4}-\S+Z (open|close) +test_1_[0-9A-F]{16} /);
        await agent.stop();
        assert.equal((await once.child.status).code, 0);
        await Promise.all([two.read, once.read]);
      }
    }
    waiting.child.kill("SIGINT");
    assert.equal((await waiting.child.status).code, 0);
    await waiting.read;
    const { code, stdout, stderr } = await limier(["tcpinfo", "events", "--socket", socket]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^Cannot connect to the event socket .*: nobody listens there/);
  },
);

testUnless(
  lacking ?? (await hasSs() ? undefined : "there is no ss"),
  "limier tcpinfo snapshot shows the sockets that ss shows",
  async () => {
    await using namespace = await newNamespace();
    await namespace.open(30);
    await namespace.open(10, ADDRESS6);
    const run = async (...command: string[]) => {
      const [program = "", ...args] = [...namespace.enter, ...command];
      const { code, stdout } = await new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).output();
      assert.equal(code, 0);
      return new TextDecoder().decode(stdout).trimEnd().split("\n");
    };
    const ss = (await run("ss", "-tanH", "state", "connected"))
      .map((line) => line.trim().split(/\s+/).slice(-2).join(" "));
    const [header, ...rows] = await run(...LIMIER, "tcpinfo", "snapshot", "--state", "connected");
    const names = header!.split("\t");
    const cells = rows.map((row) => Object.fromEntries(row.split("\t").map((cell, i) => [names[i]!, cell])));
    const end = (address: string, port: string) => `${address.includes(":") ? `[${address}]` : address}:${port}`;
    const ours = cells.map((one) => {
      return `${end(one.source!, one.source_port!)} ${end(one.destination!, one.destination_port!)}`;
    });
    assert.equal(ours.length, 80);
    assert.deepEqual(ours.toSorted(), ss.toSorted());
    assert.ok(cells.every((one) => one.state === "ESTABLISHED" && Number(one.rtt_us) > 0));

    const json = (await run(...LIMIER, "tcpinfo", "snapshot", "--json")).map((line) => JSON.parse(line));
    assert.deepEqual(
      [
        json.filter(({ state }) => state === "ESTABLISHED").length,
        json.filter(({ state }) => state === "LISTEN").length,
      ],
      [80, 2],
    );
    const listener = json.find(({ state, source }) => state === "LISTEN" && source === ADDRESS);
    const port = String(listener.source_port);
    const counted = async (...flags: string[]) =>
      (await run(...LIMIER, "tcpinfo", "snapshot", "--tsv", ...flags)).length - 1;
    assert.equal(await counted("--port", port), 61);
    assert.equal(await counted("--local-port", port, "--state", "connected"), 30);
    assert.equal(await counted("--remote-port", port), 30);
    assert.equal(await counted("--address", "192.0.2.0/24", "--exclude-local"), 60);
    assert.equal(await counted("--family", "6"), 21);
    assert.equal(await counted("--address", ADDRESS6, "--family", "4"), 0);
    const table = await run(...LIMIER, "tcpinfo", "snapshot", "--table", "--state", "listen");
    assert.match(table[0]!, /^STATE +RECV-Q +SEND-Q +LOCAL +REMOTE /);
    assert.equal(table.length, 3);
  },
);

async function hasSs(): Promise<boolean> {
  try {
    return (await new Deno.Command("ss", { args: ["-V"], stdout: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
