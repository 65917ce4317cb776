import assert from "node:assert/strict";
import zlib from "node:zlib";
import { newDecompressor } from "../../kafka/mod.ts";
import { type Compression, DEFAULT_CLICKHOUSE } from "./config.ts";
import { StoreError } from "./endpoint.ts";
import { HttpEndpoint } from "./http_endpoint.ts";
import { rowBinaryOf } from "./native_block.ts";
import { resolveSchema } from "./schema.ts";
import { blockOf, type ScriptedServer, startScriptedServer, variedBatch } from "./testing.ts";

const forever = new AbortController().signal;
const block = blockOf(variedBatch(20), resolveSchema());
const octets = block.octets as Uint8Array<ArrayBuffer>;
const head = { table: "flows_X_raw", columns: block.columns, rows: block.rows };

function endpointTo(server: ScriptedServer, changes: Partial<typeof DEFAULT_CLICKHOUSE> = {}): HttpEndpoint {
  return new HttpEndpoint(server.url, { ...DEFAULT_CLICKHOUSE, compression: "none", ...changes }, { fetch });
}

async function storeError(doing: Promise<unknown>): Promise<StoreError> {
  const error = await doing.then(() => undefined, (error) => error);
  assert.ok(error instanceof StoreError, String(error));
  return error;
}

const exception = (code: number, text: string, headers: Record<string, string> = {}, status = 500) =>
  new Response(`Code: ${code}. DB::Exception: ${text} (version 25.8.1.1 (official build))\n`, {
    status,
    headers: { "x-clickhouse-exception-code": String(code), ...headers },
  });

Deno.test("HttpEndpoint inserts a block with a token, synchronously", async () => {
  await using server = startScriptedServer("25.8.1.5101", () => new Response(""));
  const endpoint = endpointTo(server, { username: "writer", password: "päss", database: "net" });
  await endpoint.open(0);
  await endpoint.insert({ ...head, token: "abc" }, octets, forever);
  const [{ params, headers, body }] = server.requests as [typeof server.requests[number]];
  assert.deepEqual(Object.fromEntries(params), {
    database: "net",
    query: `INSERT INTO \`flows_X_raw\` (${head.columns.map((name) => `\`${name}\``).join(", ")}) FORMAT Native`,
    wait_end_of_query: "1",
    async_insert: "0",
    insert_deduplication_token: "abc",
    deduplicate_blocks_in_dependent_materialized_views: "1",
  });
  assert.equal(headers.get("x-clickhouse-user"), "writer");
  assert.equal(headers.get("content-encoding"), null);
  assert.deepEqual(body, octets);
  await endpoint.close();
});

const settings: [version: string, rows: number, wanted: Record<string, string>][] = [
  ["25.8.1.5101", 20, { async_insert: "1", wait_for_async_insert: "1", async_insert_busy_timeout_max_ms: "5000" }],
  ["22.4.5.9", 5_000, { async_insert: "1", wait_for_async_insert: "1", async_insert_busy_timeout_ms: "5000" }],
  ["25.8.1.5101", 5_001, { insert_deduplicate: "0" }],
  ["18.16.1", 20, {}],
];
for (const [version, rows, wanted] of settings) {
  Deno.test(`HttpEndpoint inserts ${rows} rows without a token into ${version}`, async () => {
    await using server = startScriptedServer(version, () => new Response(""));
    const endpoint = endpointTo(server);
    await endpoint.open(0);
    await endpoint.insert({ ...head, rows }, octets, forever);
    const { database: _, query: __, wait_end_of_query: ___, ...params } = Object.fromEntries(
      server.requests[0]!.params,
    );
    assert.deepEqual(params, wanted);
    await endpoint.close();
  });
}

const compressions: [kind: Compression, version: string, encoding: string][] = [
  ["zstd", "25.8.1.5101", "zstd"],
  ["gzip", "25.8.1.5101", "gzip"],
  ["lz4", "25.8.1.5101", "lz4"],
  ["zstd", "18.16.1", "gzip"],
];
for (const [kind, version, encoding] of compressions) {
  Deno.test(`HttpEndpoint compresses with ${kind} for ${version} as ${encoding}`, async () => {
    await using server = startScriptedServer(version, () => new Response(""));
    const endpoint = endpointTo(server, { compression: kind });
    await endpoint.open(0);
    await endpoint.insert(head, octets, forever);
    const { headers, body } = server.requests[0]!;
    assert.equal(headers.get("content-encoding"), encoding);
    const plain = encoding === "zstd"
      ? zlib.zstdDecompressSync(body)
      : encoding === "gzip"
      ? zlib.gunzipSync(body)
      : (await newDecompressor()).decompress("lz4", body, 1 << 20);
    assert.deepEqual(new Uint8Array(plain), octets);
    await endpoint.close();
  });
}

const failures: [why: string, reply: () => Response, failure: string, code: number | undefined, message: RegExp][] = [
  [
    "a wrong password",
    () => exception(516, "limier: Authentication failed: password is incorrect", {}, 403),
    "configuration",
    516,
    /check username and password under flow.outlet.clickhouse; it said: Code: 516/,
  ],
  [
    "no such table",
    () => exception(60, "Table default.flows_X_raw does not exist", {}, 404),
    "configuration",
    60,
    /Code: 60\. .* does not exist$/,
  ],
  ["too many parts", () => exception(252, "Too many parts"), "retry", 252, /Too many parts$/],
  [
    "an exception in a 200 answer",
    () => exception(241, "Memory limit exceeded", {}, 200),
    "retry",
    241,
    /Memory limit/,
  ],
  [
    "an exception behind the head",
    () => new Response("Code: 241. DB::Exception: Memory limit exceeded (MEMORY_LIMIT_EXCEEDED)"),
    "retry",
    241,
    /Memory limit/,
  ],
  [
    "an exception in the words of version 18",
    () => new Response("Code: 252, e.displayText() = DB::Exception: Too many parts, e.what() = DB::Exception\n"),
    "retry",
    252,
    /: Code: 252\. DB::Exception: Too many parts$/,
  ],
  [
    "an exception with a mark",
    () =>
      new Response(
        "\r\n__exception__\r\nrumfyutu\r\nCode: 241. DB::Exception: Memory limit (version 25.12.1)\n16 rumfyutu\r\n__exception__\r\n",
        { headers: { "x-clickhouse-exception-tag": "rumfyutu" } },
      ),
    "retry",
    241,
    /Memory limit$/,
  ],
  ["a page of something else", () => new Response("<html>"), "retry", undefined, /it answered "<html>"/],
  [
    "fewer rows than were sent",
    () => new Response("", { headers: { "x-clickhouse-summary": '{"read_rows":"20","written_rows":"19"}' } }),
    "retry",
    undefined,
    /it says that it stored 19/,
  ],
  [
    "a busy proxy",
    () => new Response("slow down", { status: 429, headers: { "retry-after": "7" } }),
    "throttle",
    undefined,
    /429: slow down/,
  ],
  ["a broken proxy", () => new Response("no", { status: 502 }), "retry", undefined, /502: no/],
  [
    "a redirect",
    () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }),
    "configuration",
    undefined,
    /302/,
  ],
  [
    "the native port",
    () => new Response("Port 9000 is for clickhouse-client program\n", { status: 400 }),
    "configuration",
    undefined,
    /Port 9000/,
  ],
];
for (const [why, reply, failure, code, message] of failures) {
  Deno.test(`HttpEndpoint knows ${why} as ${failure}`, async () => {
    await using server = startScriptedServer("25.8.1.5101", reply);
    const endpoint = endpointTo(server);
    await endpoint.open(0);
    const error = await storeError(endpoint.insert({ ...head, token: "t" }, octets, forever));
    assert.deepEqual([error.failure, error.exceptionCode], [failure, code]);
    assert.match(error.message, message);
    assert.ok(error.message.startsWith("Cannot store 20 rows in 127.0.0.1:"));
    await endpoint.close();
  });
}

const summaries: [what: string, summary: string][] = [
  ["views that count besides", '{"written_rows":"120"}'],
  ["a block it had already", '{"written_rows":"0"}'],
  ["a summary of nothing", "{}"],
];
for (const [what, summary] of summaries) {
  Deno.test(`HttpEndpoint takes ${what} as success`, async () => {
    await using server = startScriptedServer(
      "25.8.1.5101",
      () => new Response("", { headers: { "x-clickhouse-summary": summary } }),
    );
    const endpoint = endpointTo(server);
    await endpoint.insert(head, octets, forever);
    await endpoint.close();
  });
}

Deno.test("HttpEndpoint sends rows where the server can't read blocks, and goes on so", async () => {
  await using server = startScriptedServer(
    "25.8.1.5101",
    ({ params }) => params.get("query")!.endsWith("Native") ? exception(33, "Cannot read all data") : new Response(""),
  );
  const endpoint = endpointTo(server);
  await endpoint.open(0);
  await endpoint.insert(head, octets, forever);
  await endpoint.insert(head, octets, forever);
  const forms = server.requests.map(({ params }) => params.get("query")!.split(" ").at(-1));
  assert.deepEqual(forms, ["Native", "RowBinary", "RowBinary"]);
  assert.deepEqual(server.requests[2]!.body, rowBinaryOf(octets));
  await endpoint.close();
});

Deno.test("HttpEndpoint opens with what the server says of its version, its path and the login in its URL", async () => {
  await using server = startScriptedServer(undefined, () => new Response("26.1.2.11-stable\n"));
  const endpoint = new HttpEndpoint(server.url.replace("://", "://ann:a%20b@") + "/ch/", DEFAULT_CLICKHOUSE, { fetch });
  assert.equal(endpoint.isOpen, false);
  assert.deepEqual(await endpoint.open(10_000), [26, 1, 2, 11]);
  assert.equal(endpoint.isOpen, true);
  const { headers, path } = server.requests[0]!;
  assert.deepEqual([headers.get("x-clickhouse-user"), headers.get("x-clickhouse-key"), path], ["ann", "a b", "/ch/"]);
  assert.ok(!endpoint.label.includes("ann"));
  await endpoint.close();
});

const openings: [why: string, reply: () => Response, message: RegExp, stage: string][] = [
  [
    "a wrong password",
    () => exception(516, "default: Authentication failed", {}, 403),
    /check username and password/,
    "ping",
  ],
  ["something else that speaks HTTP", () => new Response("Welcome!"), /answered "Welcome!" and no version/, "ping"],
];
for (const [why, reply, message, stage] of openings) {
  Deno.test(`HttpEndpoint refuses to open with ${why}`, async () => {
    await using server = startScriptedServer(undefined, reply);
    const endpoint = endpointTo(server);
    const error = await storeError(endpoint.open(10_000));
    assert.match(error.message, message);
    assert.deepEqual([error.failure, error.options.stage], ["configuration", stage]);
    assert.equal(endpoint.isOpen, false);
    await endpoint.close();
  });
}

Deno.test("HttpEndpoint knows that nobody listens", async () => {
  const server = startScriptedServer("25.8.1.1", () => new Response(""));
  await server[Symbol.asyncDispose]();
  const endpoint = endpointTo(server);
  const error = await storeError(endpoint.open(10_000));
  assert.deepEqual([error.failure, error.options.stage], ["connection", "connect"]);
  assert.match(error.message, /it refused the connection/);
});

Deno.test("HttpEndpoint gives a server up that does not answer, and does not know what became of the rows", async () => {
  const released = Promise.withResolvers<Response>();
  await using server = startScriptedServer("25.8.1.1", () => released.promise);
  const endpoint = endpointTo(server);
  await endpoint.open(0);
  const stop = new AbortController();
  const inserted = storeError(endpoint.insert(head, octets, stop.signal));
  while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  stop.abort();
  assert.equal((await inserted).failure, "ambiguous");
  assert.equal(endpoint.isOpen, false);
  released.resolve(new Response(""));
  await endpoint.close();
});

Deno.test("HttpEndpoint executes statements of who only reads", async () => {
  await using server = startScriptedServer("25.8.1.1", () => new Response("1\n"));
  const endpoint = endpointTo(server);
  const answer = await endpoint.execute("SELECT 1", { readOnly: true, format: "CSV", settings: { max_threads: 1 } });
  assert.equal(new TextDecoder().decode(answer), "1\n");
  assert.deepEqual(Object.fromEntries(server.requests[0]!.params), {
    database: "default",
    default_format: "CSV",
    wait_end_of_query: "1",
    max_threads: "1",
    readonly: "1",
  });
  await endpoint.close();
});

const cuts: [what: string, body: string, early: boolean, isFailure: boolean][] = [
  [
    "behind rows",
    "1\n2\nCode: 395. DB::Exception: Value passed to 'throwIf' is non-zero (FUNCTION_THROW_IF)",
    true,
    true,
  ],
  [
    "behind rows of version 18",
    "1\nCode: 153, e.displayText() = DB::Exception: Division by zero, e.what() = DB::Exception",
    true,
    true,
  ],
  ["among rows", "Code: 47. DB::Exception: kept in a table\n2\n", false, false],
  ["within a row", "id\tCode: 47. DB::Exception: kept in a table\n", true, false],
];
for (const [what, body, early, isFailure] of cuts) {
  Deno.test(`HttpEndpoint ${isFailure ? "finds" : "leaves"} an exception ${what}`, async () => {
    await using server = startScriptedServer("25.8.1.1", () => new Response(body));
    const endpoint = endpointTo(server);
    const done = endpoint.execute("SELECT x", { early });
    if (isFailure) assert.ok((await storeError(done)).exceptionCode! > 0);
    else assert.equal(new TextDecoder().decode(await done), body);
    await endpoint.close();
  });
}

Deno.test("HttpEndpoint refuses answers that are too long", async () => {
  await using server = startScriptedServer("25.8.1.1", () => new Response("x".repeat(1001)));
  const endpoint = endpointTo(server);
  const error = await storeError(endpoint.execute("SELECT x", { maxBytes: 1000 }));
  assert.match(error.message, /longer than 1000 octets; ask for less/);
  await endpoint.close();
});
