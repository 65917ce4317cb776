import assert from "node:assert/strict";
import { realClock } from "../../clock/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { type ClickhouseConfig, DEFAULT_CLICKHOUSE } from "./config.ts";
import { StoreError } from "./endpoint.ts";
import { resolveSchema } from "./schema.ts";
import { type FlowStore, startFlowStore } from "./store.ts";
import { blockOf, type ScriptedServer, startScriptedServer, variedBatch } from "./testing.ts";

const schema = resolveSchema();
const block = blockOf(variedBatch(20), schema, "token");
const VERSION = "25.8.1.5101";
const refuse = (code: number, text: string) => new Response(`Code: ${code}. DB::Exception: ${text}`, { status: 500 });

function open(servers: readonly ScriptedServer[], changes: Partial<ClickhouseConfig> = {}) {
  const reporter = recordingReporter();
  const clickhouse = {
    ...DEFAULT_CLICKHOUSE,
    servers: servers.map(({ url }) => url),
    compression: "none" as const,
    ...changes,
  };
  const store: FlowStore = startFlowStore(
    { clickhouse, store: { chdbPath: "", directory: "" }, schema },
    { clock: realClock, reporter, fetch, random: () => 0 },
  );
  const count = (error: string) =>
    reporter.metrics.counter("limier_outlet_clickhouse_errors_total", "Connections and inserts that failed.").value({
      error,
    });
  return { store, reporter, count };
}

Deno.test("FlowStore tries the same block again until it is stored", async () => {
  await using server = startScriptedServer(VERSION, (_, i) => i < 3 ? refuse(252, "Too many parts") : new Response(""));
  const { store, count, reporter } = open([server]);
  await using _ = store;
  assert.deepEqual(await store.insert(block), { stored: 20, failed: 0 });
  assert.equal(server.requests.length, 4);
  for (const { body, params } of server.requests) {
    assert.deepEqual(body, block.octets);
    assert.equal(params.get("insert_deduplication_token"), "token");
  }
  assert.equal(count("send"), 3);
  assert.equal(reporter.lines.filter(({ message }) => /Too many parts/.test(message)).length, 1);
});

Deno.test("FlowStore goes to another server", async () => {
  await using bad = startScriptedServer(VERSION, () => refuse(242, "Table is in readonly mode"));
  await using good = startScriptedServer(VERSION, () => new Response(""));
  const { store } = open([bad, good]);
  await using _ = store;
  for (let i = 0; i < 3; i++) assert.equal((await store.insert(block)).stored, 20);
  assert.equal(good.requests.length, 3);
  assert.ok(bad.requests.length >= 1);
});

Deno.test("FlowStore goes past a server that nobody runs", async () => {
  const gone = startScriptedServer(VERSION, () => new Response(""));
  await gone[Symbol.asyncDispose]();
  await using good = startScriptedServer(VERSION, () => new Response(""));
  const { store, count } = open([gone, good]);
  await using _ = store;
  assert.equal((await store.insert(block)).stored, 20);
  assert.equal(count("connect"), 1);
});

Deno.test("FlowStore holds on to a block that settings keep out, tells of it once, and lets it be withdrawn", async () => {
  await using server = startScriptedServer(undefined, () => refuse(516, "writer: Authentication failed"));
  const { store, reporter, count } = open([server]);
  await using _ = store;
  const stop = new AbortController();
  const inserted = store.insert(block, stop.signal);
  while (count("ping") === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  stop.abort();
  const { stored, failed } = await inserted;
  assert.deepEqual([stored, failed], [0, 20]);
  const told = reporter.lines.filter(({ level }) => level === "error");
  assert.equal(told.length, 1);
  assert.match(told[0]!.message, /check username and password under flow\.outlet\.clickhouse; it said: Code: 516/);
});

Deno.test("FlowStore ends what it can't deliver when it is closed", async () => {
  await using server = startScriptedServer(VERSION, () => refuse(252, "Too many parts"));
  const { store } = open([server], { gracePeriodMs: 10 });
  const inserted = store.insert(block);
  while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await store[Symbol.asyncDispose]();
  const { failed, cause } = await inserted;
  assert.equal(failed, 20);
  assert.ok(cause !== undefined);
});

Deno.test("FlowStore refuses to prepare with a wrong password", async () => {
  await using server = startScriptedServer(undefined, () => refuse(516, "default: Authentication failed"));
  const { store } = open([server]);
  await using _ = store;
  await assert.rejects(store.prepare(), (error) => error instanceof StoreError && error.exceptionCode === 516);
});

const faulty = ["22.3.9.19", "23.5.1.100", "24.3.1.2672"];
for (const version of faulty) {
  Deno.test(`FlowStore refuses to prepare version ${version}`, async () => {
    await using server = startScriptedServer(version, () => new Response(""));
    const { store } = open([server]);
    await using _ = store;
    await assert.rejects(store.prepare(), new RegExp(`its version is ${version}.*skip_version_check: true`));
    assert.equal(server.requests.length, 0);
  });
}

Deno.test("FlowStore leaves tables alone where it is told to", async () => {
  await using server = startScriptedServer("18.16.1", () => new Response(""));
  const { store } = open([server], { skipMigrations: true });
  await using _ = store;
  assert.deepEqual(await store.prepare(), { changed: [], unchanged: [] });
  assert.equal(server.requests.length, 0);
});

/** Answers what a server says of itself that has nothing yet. */
function emptyServer(shards: number): ScriptedServer {
  return startScriptedServer(VERSION, ({ body }) => {
    const text = new TextDecoder().decode(body);
    return new Response(
      /max\(shard_num\)/.test(text) ? `[${shards}]\n` : /system\.databases/.test(text) ? "[1]\n" : "",
    );
  });
}

Deno.test("FlowStore makes tables on a cluster, and spreads rows over its shards", async () => {
  await using server = emptyServer(2);
  const { store } = open([server], { cluster: "net" });
  await using _ = store;
  await store.prepare();
  const statements = server.requests.map(({ body }) => new TextDecoder().decode(body)).filter((text) =>
    /^CREATE/.test(text)
  );
  const of = (name: string) =>
    statements.find((text) => text.includes(`\`default\`.\`${name}\` ON CLUSTER 'net'`)) ?? "";
  assert.match(
    of("flows_local"),
    /ENGINE = ReplicatedMergeTree\('\/clickhouse\/tables\/shard-\{shard\}\/default\/flows_local', 'replica-\{replica\}'\)/,
  );
  assert.match(of("flows_1m0s_local"), /'replica-\{replica\}', \(Bytes, Packets\)\)/);
  assert.match(
    of("flows"),
    /AS `default`\.`flows_local` ENGINE = Distributed\('net', 'default', 'flows_local', rand\(\)\)/,
  );
  assert.match(
    of("flows_1m0s_consumer"),
    /TO `default`\.`flows_1m0s_local` AS SELECT .* FROM `default`\.`flows_local` AS flow/,
  );
  assert.match(of(`flows_${schema.hash}_raw_consumer`), /TO `default`\.`flows` AS/);
});

Deno.test("FlowStore makes replicated tables on a cluster of one shard", async () => {
  await using server = emptyServer(1);
  const { store } = open([server], { cluster: "net" });
  await using _ = store;
  const { changed } = await store.prepare();
  assert.ok(changed.includes("flows") && !changed.includes("flows_local"));
});

Deno.test("FlowStore refuses a cluster that the server does not know", async () => {
  await using server = emptyServer(0);
  const { store } = open([server], { cluster: "net" });
  await using _ = store;
  await assert.rejects(store.prepare(), /knows none of that name; check flow\.outlet\.clickhouse\.cluster/);
});

Deno.test("FlowStore takes the highest of the offsets that its servers have stored", async () => {
  await using one = startScriptedServer(VERSION, () => new Response('[0,"41"]\n[1,"9007199254740993"]\n'));
  await using two = startScriptedServer(VERSION, () => new Response('[0,"42"]\n'));
  await using three = startScriptedServer(VERSION, () => refuse(241, "Memory limit"));
  const { store } = open([one, two, three]);
  await using _ = store;
  assert.deepEqual(await store.storedOffsets("it's"), new Map([[0, 42n], [1, 9007199254740993n]]));
  assert.match(new TextDecoder().decode(one.requests[0]!.body), /WHERE Topic = 'it\\'s'/);
});

Deno.test("FlowStore does not guess the offsets of servers that do not answer", async () => {
  await using server = startScriptedServer(VERSION, () => refuse(241, "Memory limit"));
  const { store } = open([server]);
  await using _ = store;
  await assert.rejects(store.storedOffsets("flows"), StoreError);
});

Deno.test("FlowStore asks the next server where one can't be reached, but not where one refuses", async () => {
  const gone = startScriptedServer(VERSION, () => new Response(""));
  await gone[Symbol.asyncDispose]();
  await using one = startScriptedServer(
    VERSION,
    ({ body }) =>
      new TextDecoder().decode(body).includes("nothing")
        ? refuse(47, "Unknown identifier nothing")
        : new Response("1\n"),
  );
  await using two = startScriptedServer(VERSION, () => new Response("2\n"));
  const { store } = open([gone, one, two]);
  await using _ = store;
  assert.equal(new TextDecoder().decode(await store.query("SELECT 1")), "1\n");
  await assert.rejects(store.query("SELECT nothing"), /Code: 47/);
  assert.equal(two.requests.length, 0);
  await assert.rejects(store.query("DROP TABLE flows"), /only reads/);
});

Deno.test("FlowStore answers statements while inserts fail", async () => {
  await using server = startScriptedServer(
    VERSION,
    ({ params }) => params.has("query") ? refuse(252, "Too many parts") : new Response("1\n"),
  );
  const { store, count } = open([server], { gracePeriodMs: 10 });
  await using _ = store;
  const stop = new AbortController();
  const inserted = store.insert(block, stop.signal);
  while (count("send") < 2) assert.equal(new TextDecoder().decode(await store.query("SELECT 1")), "1\n");
  stop.abort();
  assert.equal((await inserted).failed, 20);
  assert.equal(new TextDecoder().decode(await store.query("SELECT 1")), "1\n");
});

Deno.test("FlowStore stores several blocks at once, and one that fails keeps no other from it", async () => {
  const released = Promise.withResolvers<Response>();
  await using server = startScriptedServer(
    VERSION,
    (_, i) => i === 0 ? released.promise : i === 1 ? refuse(252, "Too many parts") : new Response(""),
  );
  const { store } = open([server]);
  await using _ = store;
  const first = store.insert(block);
  while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal((await store.insert(block)).stored, 20); // refused once, then taken
  released.resolve(new Response(""));
  assert.equal((await first).stored, 20);
  assert.equal(server.requests.length, 3);
});

Deno.test("FlowStore is prepared as soon as one of its servers is", async () => {
  const gone = startScriptedServer(VERSION, () => new Response(""));
  await gone[Symbol.asyncDispose]();
  await using good = emptyServer(1);
  for (const cluster of ["", "net"]) {
    const { store } = open([gone, good], { cluster });
    await using _ = store;
    assert.ok((await store.prepare()).changed.includes("flows"));
  }
});
