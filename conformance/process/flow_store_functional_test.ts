import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { realClock } from "../../src/clock/mod.ts";
import {
  blockRows,
  type ClickhouseConfig,
  COLUMNS,
  DEFAULT_CLICKHOUSE,
  DEFAULT_SCHEMA,
  FlowBatch,
  type FlowSchema,
  type FlowStore,
  HttpEndpoint,
  kafkaToken,
  NativeEncoder,
  newStoreApp,
  ORIGIN_NAMES,
  originColumns,
  resolveSchema,
  rowBinaryOf,
  type RowBlock,
  type SchemaConfig,
  startFlowStore,
  StoreError,
  writeU64,
} from "../../src/flow/mod.ts";
import { recordingReporter } from "../../src/telemetry/mod.ts";
import { testWith } from "../../src/testing/mod.ts";
import { CHDB, CLICKHOUSE, startClickhouse, WRITER } from "./clickhouse_server.ts";

const NOW_S = Math.floor(Date.now() / 1000);
const forever = new AbortController().signal;
const ALL: SchemaConfig = {
  ...DEFAULT_SCHEMA,
  enabled: [
    ...COLUMNS.filter(({ enabled }) => !enabled).map(({ name }) => name),
    "MPLS1stLabel",
    "MPLS2ndLabel",
    "MPLS3rdLabel",
    "MPLS4thLabel",
  ],
};

/** Rows with another value in each field of every column. */
function variedBatch(rows: number): FlowBatch {
  const batch = new FlowBatch(rows);
  batch.reserve(rows);
  for (const [id, { field, storage }] of COLUMNS.entries()) {
    batch.mark(field);
    const column = batch[field] as Uint32Array;
    for (let row = 0; row < rows; row++) {
      const n = id + row * 7 + 1;
      if (storage === "u64") writeU64(column, row, n * 0x1_0000_0001);
      else if (storage === "address") column.set([0xb80d0120, 0, 0, n * 0x0101_0101 % 0x1_0000_0000], 4 * row);
      else if (storage === "pooledAddress") {
        column[row] = batch.addresses.intern(Uint32Array.of(0, 0, 0xffff0000, n), 0);
      } else if (storage === "text") column[row] = batch.texts.intern(`text ${n} ‘ü’\n\n\0`);
      else if (storage === "code2") column[row] = "FR".charCodeAt(0) | "FR".charCodeAt(1) << 8;
      else if (storage === "list32") {
        for (let i = 0; i < n % 4; i++) listOf(batch, field).push(row, n + i);
      } else if (storage === "list128") {
        for (let i = 0; i < n % 3; i++) listOf(batch, field).pushWords(row, n, 1, 2, i << 31);
      } else if (storage === "u8" && (field.endsWith("Boundary") || field === "flowDirection")) column[row] = n % 3;
      else column[row] = n;
    }
  }
  batch.timeReceived.fill(NOW_S, 0, rows);
  batch.rows = rows;
  return batch;
}

const listOf = (batch: FlowBatch, field: keyof FlowBatch) => batch[field] as FlowBatch["dstAsPath"];

/** Rows with an address, an amount and a name. */
function plainBatch(rows: number, packets = 1): FlowBatch {
  const batch = new FlowBatch(rows);
  batch.reserve(rows);
  for (
    const field of [
      "timeReceived",
      "srcAddr",
      "srcNetMask",
      "bytes",
      "packets",
      "etype",
      "inIfName",
      "dstAsPath",
    ] as const
  ) {
    batch.mark(field);
  }
  for (let row = 0; row < rows; row++) {
    batch.timeReceived[row] = NOW_S;
    batch.srcAddr.set([0, 0, 0xffff0000, 0x0102_00c0], 4 * row); // 192.0.2.1
    batch.srcNetMask[row] = 24;
    writeU64(batch.bytes, row, 1300);
    writeU64(batch.packets, row, packets);
    batch.etype[row] = 0x0800;
    batch.inIfName[row] = batch.texts.intern(`if${row % 10}`);
    for (const as of [65001, 65001, 65002]) batch.dstAsPath.push(row, as);
  }
  batch.rows = rows;
  return batch;
}

function blockOf(batch: FlowBatch, schema: FlowSchema, token?: string): RowBlock {
  return {
    octets: new NativeEncoder().encode(batch, schema.ingested).slice(),
    rows: batch.rows,
    columns: schema.ingested.map(({ name }) => name),
    ...(token === undefined ? {} : { token }),
  };
}

/** As {@linkcode blockOf}, of records of Kafka whose offsets begin at `first`. */
async function kafkaBlock(batch: FlowBatch, schema: FlowSchema, partition: number, first: number): Promise<RowBlock> {
  const offsets = new BigUint64Array(batch.rows).map((_, row) => BigInt(first + row));
  const extra = originColumns("flows-v5", partition, offsets);
  return {
    octets: new NativeEncoder().encode(batch, schema.ingested, 0, batch.rows, extra).slice(),
    rows: batch.rows,
    columns: [...schema.ingested.map(({ name }) => name), ...ORIGIN_NAMES],
    token: await kafkaToken("outlet", [{ topic: "flows-v5", partition, first, last: first + batch.rows - 1 }]),
  };
}

interface OpenStore extends AsyncDisposable {
  readonly store: FlowStore;
  readonly directory: string;
  /** The rows of an answer. */
  ask(statement: string): Promise<unknown[][]>;
}

async function openChdb(
  libraryPath: string,
  options: {
    readonly schema?: SchemaConfig;
    readonly directory?: string;
    readonly dictionaryUrl?: string;
    readonly resolutions?: ClickhouseConfig["resolutions"];
  } = {},
): Promise<OpenStore> {
  const directory = options.directory ?? await Deno.makeTempDir({ prefix: "limier_chdb_" });
  const schema = resolveSchema(options.schema);
  const { dictionaryUrl, resolutions = DEFAULT_CLICKHOUSE.resolutions } = options;
  const store = startFlowStore(
    { clickhouse: { ...DEFAULT_CLICKHOUSE, resolutions }, store: { chdbPath: libraryPath, directory }, schema },
    {
      clock: realClock,
      reporter: recordingReporter(),
      fetch,
      ...(dictionaryUrl === undefined ? {} : { dictionaryUrl }),
    },
  );
  return {
    store,
    directory,
    async ask(statement) {
      const answer = new TextDecoder().decode(await store.query(statement, { format: "JSONCompactEachRow" }));
      return answer.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      if (options.directory === undefined) await Deno.remove(directory, { recursive: true });
    },
  };
}

testWith("the tables are made in chDB, and found as they should be the second time", CHDB, async (path) => {
  await using open = await openChdb(path);
  const { store, ask } = open;
  const { changed, unchanged } = await store.prepare();
  const raw = `flows_${store.schema.hash}_raw`;
  const views = ["exporters_consumer", "flows_1h0m0s_consumer", "flows_1m0s_consumer", "flows_5m0s_consumer"];
  const tables = ["exporters", "flows", "flows_1h0m0s", "flows_1m0s", "flows_5m0s", "kafka_offsets"];
  assert.deepEqual([...changed].sort(), [...tables, ...views, raw, `${raw}_consumer`, `${raw}_offsets`].sort());
  assert.deepEqual(unchanged, []);
  assert.deepEqual(await store.prepare(), { changed: [], unchanged: changed });
  assert.deepEqual(
    await ask("SELECT partition_key, primary_key, sorting_key, engine FROM system.tables WHERE name = 'flows'"),
    [[
      "toYYYYMMDDhhmmss(toStartOfInterval(TimeReceived, toIntervalSecond(25920)))",
      "toStartOfFiveMinutes(TimeReceived)",
      "toStartOfFiveMinutes(TimeReceived), ExporterAddress, InIfName, OutIfName",
      "MergeTree",
    ]],
  );
});

testWith("every column of a block comes out of chDB as it went in", CHDB, async (path) => {
  await using open = await openChdb(path, { schema: ALL });
  const { store, ask } = open;
  await store.prepare();
  const block = blockOf(variedBatch(300), store.schema, "varied");
  assert.deepEqual(await store.insert(block), { stored: 300, failed: 0 });
  const rows = blockRows(block.octets);
  for (const { name, type } of store.schema.ingested) {
    const shown = type.startsWith("Array") ? `arrayMap(x -> toString(x), ${name})` : `toString(${name})`;
    const stored = (await ask(`SELECT ${shown} FROM flows ORDER BY SamplingRate`)).map(([value]) => value);
    const wanted = rows.map((row) => {
      const value = row[name];
      if (type.startsWith("Array")) return ((value ?? []) as number[]).map(String);
      if (type === "DateTime") return undefined;
      return String(value ?? (type.startsWith("Enum8") ? "undefined" : type.includes("String") ? "" : 0));
    });
    if (type === "DateTime") continue;
    const plain = stored.map((value) => typeof value === "string" ? value.replace(/^::ffff:/, "") : value);
    assert.deepEqual(plain, wanted, name);
  }
  assert.deepEqual(await ask("SELECT DISTINCT toUnixTimestamp(TimeReceived) FROM flows"), [[NOW_S]]);
});

testWith("chDB computes columns and consolidates rows", CHDB, async (path) => {
  await using open = await openChdb(path);
  const { store, ask } = open;
  await store.prepare();
  await store.insert(blockOf(plainBatch(1000, 2), store.schema, "one"));
  assert.deepEqual(
    await ask(
      "SELECT SrcNetPrefix, DstNetPrefix, PacketSize, PacketSizeBucket, Dst1stAS, Dst2ndAS, Dst3rdAS FROM flows LIMIT 1",
    ),
    [["192.0.2.0/24", "::/0", 650, "512-767", 65001, 65002, 0]],
  );
  for (const [table, step] of [["flows_1m0s", 60], ["flows_5m0s", 300], ["flows_1h0m0s", 3600]] as const) {
    assert.deepEqual(
      await ask(`SELECT count(), sum(Packets), sum(Bytes), min(toUnixTimestamp(TimeReceived)) FROM ${table} FINAL`),
      [[10, 2000, 1300000, NOW_S - NOW_S % step]],
      table,
    );
  }
  assert.deepEqual(await ask("SELECT count(), uniq(IfName) FROM exporters FINAL"), [[11, 11]]);
});

testWith("a block that is sent twice is stored once, and its offsets are kept", CHDB, async (path) => {
  await using open = await openChdb(path);
  const { store, ask } = open;
  await store.prepare();
  assert.deepEqual(await store.storedOffsets("flows-v5"), new Map());
  const batch = plainBatch(100);
  const block = await kafkaBlock(batch, store.schema, 3, 1000);
  for (let i = 0; i < 3; i++) assert.equal((await store.insert(block)).stored, 100);
  const counts =
    "SELECT (SELECT count() FROM flows), (SELECT sum(Packets) FROM flows_1m0s), (SELECT sum(Packets) FROM flows_1h0m0s)";
  assert.deepEqual(await ask(counts), [[100, 100, 100]]);
  await store.insert(await kafkaBlock(batch, store.schema, 3, 1100));
  await store.insert(await kafkaBlock(batch, store.schema, 4, 7));
  assert.deepEqual(await ask(counts), [[300, 300, 300]]);
  assert.deepEqual(await store.storedOffsets("flows-v5"), new Map([[3, 1199n], [4, 106n]]));
  assert.deepEqual(await store.storedOffsets("other"), new Map());
  for (let i = 0; i < 2; i++) await store.insert(blockOf(batch, store.schema)); // alike, and not named
  assert.deepEqual(await ask(counts), [[500, 500, 500]]);
});

testWith("what is stored in chDB is there when it is opened again", CHDB, async (path) => {
  const directory = await Deno.makeTempDir({ prefix: "limier_chdb_" });
  try {
    {
      await using open = await openChdb(path, { directory });
      await open.store.prepare();
      await open.store.insert(blockOf(plainBatch(10), open.store.schema));
    }
    await using open = await openChdb(path, { directory });
    assert.deepEqual((await open.store.prepare()).changed, []);
    assert.deepEqual(await open.ask("SELECT count() FROM flows"), [[10]]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

testWith("tables in chDB follow the schema, and what is stored stays", CHDB, async (path) => {
  const directory = await Deno.makeTempDir({ prefix: "limier_chdb_" });
  const schemas: SchemaConfig[] = [
    DEFAULT_SCHEMA,
    { ...DEFAULT_SCHEMA, enabled: ["SrcVlan", "IPTTL"], materialize: ["SrcNetPrefix", "PacketSizeBucket"] },
    {
      ...DEFAULT_SCHEMA,
      enabled: ["SrcVlan", "IPTTL"],
      materialize: ["PacketSizeBucket"],
      indexes: { Proto: "minmax" },
      noIndexes: ["SrcAS"],
    },
  ];
  try {
    for (const [i, schema] of schemas.entries()) {
      await using open = await openChdb(path, { directory, schema });
      const { store, ask } = open;
      assert.ok((await store.prepare()).changed.length > 0);
      assert.deepEqual((await store.prepare()).changed, []);
      await store.insert(blockOf(plainBatch(10, 2), store.schema));
      assert.deepEqual(await ask("SELECT count(), countIf(SrcNetPrefix = '192.0.2.0/24') FROM flows"), [
        [10 * (i + 1), [10, 10, 30][i]], // rows from before are not computed again, but for an alias
      ]);
      const kinds = await ask(
        "SELECT default_kind FROM system.columns WHERE table = 'flows' AND name = 'SrcNetPrefix'",
      );
      assert.deepEqual(kinds, [[["ALIAS", "", "ALIAS"][i]]]);
    }
    await using open = await openChdb(path, { directory, schema: DEFAULT_SCHEMA });
    await assert.rejects(open.store.prepare(), /PacketSizeBucket of flows_1m0s .* part of the table's key/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

testWith("tables in chDB follow how long rows are kept, and the tables' settings", CHDB, async (path) => {
  const directory = await Deno.makeTempDir({ prefix: "limier_chdb_" });
  const main = (ttlS: number, tableSettings = {}) => [{ intervalS: 0, ttlS, tableSettings }];
  const steps: [resolutions: ClickhouseConfig["resolutions"], shown: RegExp][] = [
    [main(86_400), /TTL TimeReceived \+ toIntervalSecond\(86400\) SETTINGS .*ttl_only_drop_parts = 1/],
    [
      main(172_800, { ttl_only_drop_parts: 0 }),
      /TTL TimeReceived \+ toIntervalSecond\(172800\) SETTINGS .*ttl_only_drop_parts = 0/,
    ],
    [
      main(0, { max_parts_to_merge_at_once: 50 }),
      /ORDER BY \([^()]*\([^()]*\)[^()]*\) SETTINGS .*max_parts_to_merge_at_once = 50/,
    ],
  ];
  try {
    for (const [resolutions, shown] of steps) {
      await using open = await openChdb(path, { directory, resolutions });
      assert.ok((await open.store.prepare()).changed.includes("flows"));
      assert.deepEqual((await open.store.prepare()).changed, []);
      const [[engine]] = await open.ask("SELECT engine_full FROM system.tables WHERE name = 'flows'") as [[string]];
      assert.match(engine, shown);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

const refusals: [statement: string, message: RegExp][] = [
  ["SELECT nothing", /^Cannot execute a statement in chDB: Code: 47\. DB::Exception: .*nothing/],
  ["SELEC 1", /only reads/],
  ["SELECT * FROM file('/etc/passwd', LineAsString)", /Code: 164\./],
  ["SELECT * FROM url('http://127.0.0.1:1/', LineAsString)", /Code: 164\./],
  ["SELECT 1 SETTINGS readonly = 0", /Code: 164\./],
  ["SELECT 1 INTO OUTFILE '/tmp/limier_outfile'", /INTO OUTFILE/],
  ["INSERT INTO flows (Bytes) VALUES (1)", /only reads/],
  ["WITH 1 AS x INSERT INTO flows (Bytes) SELECT x", /Code: 164\./],
  ["SELECT 1; DROP TABLE flows", /one statement/],
];
testWith("chDB answers statements that read, in any format, and refuses others", CHDB, async (path) => {
  await using open = await openChdb(path);
  const { store } = open;
  await store.prepare();
  const ask = async (statement: string, format: string) =>
    new TextDecoder().decode(await store.query(statement, { format }));
  assert.equal(await ask("SELECT 1 AS a, 'x;y' AS b", "JSONEachRow"), '{"a":1,"b":"x;y"}\n');
  assert.equal(await ask("SELECT 1, 'x' FORMAT TSV", "JSONEachRow"), "1\tx\n");
  assert.equal(await ask("(SELECT 1) UNION ALL (SELECT 1);", "CSV"), "1\n1\n");
  assert.match(await ask("SHOW TABLES -- all of them; really", "TSV"), /^exporters\n/);
  for (const [statement, message] of refusals) {
    await assert.rejects(
      store.query(statement),
      (error) => error instanceof StoreError && message.test(error.message),
      statement,
    );
  }
  await assert.rejects(store.query("SELECT repeat('x', 1000)", { maxBytes: 100 }), /ask for less/);
  await assert.rejects(store.query("SELECT nonsense(1)", { format: "Nonsense" }), StoreError);
});

testWith("the store's pages give chDB its dictionaries, and answer statements", CHDB, async (path) => {
  const csv = await Deno.makeTempFile({ suffix: ".csv" });
  await Deno.writeTextFile(csv, "net,role\n192.0.2.0/24,lab\n2001:db8::/32,core\n");
  const customDictionaries: SchemaConfig["customDictionaries"] = [{
    name: "roles",
    layout: "ip_trie",
    keys: [{ name: "net", type: "String", matchDimension: "", matchDimensionSuffix: "" }],
    attributes: [{ name: "role", type: "String", label: "Role", usual: "None" }],
    dimensions: ["SrcAddr", "DstAddr"],
    source: csv,
  }];
  const holder: { store?: FlowStore } = {};
  const app = newStoreApp({
    store: { query: (...given) => holder.store!.query(...given) },
    asns: { "65001": 'Example "Net"' },
    customDictionaries,
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, app.fetch);
  const url = `http://127.0.0.1:${server.addr.port}`;
  try {
    const schema = { ...DEFAULT_SCHEMA, customDictionaries, enabled: ["ICMPv4Type", "ICMPv4Code", "ICMPv4"] };
    await using open = await openChdb(path, { schema, dictionaryUrl: url });
    const { store, ask } = open;
    holder.store = store;
    await store.prepare();
    assert.deepEqual((await store.prepare()).changed, []);
    const batch = plainBatch(2);
    for (const field of ["proto", "icmpv4Type", "icmpv4Code"] as const) batch.mark(field);
    batch.proto.fill(1, 0, 2);
    batch.icmpv4Type.set([3, 200]);
    batch.icmpv4Code.set([1, 9]);
    assert.deepEqual(await store.insert(blockOf(batch, store.schema)), { stored: 2, failed: 0 });
    assert.deepEqual(await ask("SELECT ICMPv4, SrcAddrRole, DstAddrRole FROM flows ORDER BY ICMPv4Type"), [
      ["host-unreachable", "lab", "None"],
      ["200/9", "lab", "None"],
    ]);
    const names = "SELECT dictGet('default.asns', 'name', 65001), dictGet('default.tcp', 'name', 179), " +
      "dictGet('default.udp', 'name', 6343), dictGet('default.protocols', 'name', 6)";
    const said = await fetch(`${url}/api/v0/flow/query?format=TSV`, { method: "POST", body: names });
    assert.equal(await said.text(), 'Example "Net"\tbgp\tsflow\tTCP\n');
    const refused = await fetch(`${url}/api/v0/flow/query`, { method: "POST", body: "SELECT nothing" });
    assert.equal(refused.status, 400);
    assert.match(await refused.text(), /^Code: 47\. DB::Exception: .*\n$/);
  } finally {
    await server.shutdown();
    await Deno.remove(csv);
  }
});

testWith("chDB says what is wrong with its library and its directory", CHDB, async (path) => {
  const file = await Deno.makeTempFile();
  for (
    const [libraryPath, directory, message] of [
      [
        "/nowhere/libchdb.so",
        undefined,
        /Cannot open chDB: Cannot load \/nowhere\/libchdb\.so: .*; check flow\.store\.chdb_path/,
      ],
      [path, file, /Cannot open chDB: .*; check flow\.store\.directory/],
    ] as const
  ) {
    await using open = await openChdb(libraryPath, directory === undefined ? {} : { directory });
    await assert.rejects(open.store.prepare(), message);
  }
  await Deno.remove(file);
});

/** Numbers of the blocks that a process of its own has stored, until it ends or `enough` of them are there; then it is killed. */
async function writeUntil(
  path: string,
  directory: string,
  first: number,
  blocks: number,
  enough: number,
): Promise<number[]> {
  const writer = fileURLToPath(new URL("./flow_store_writer.ts", import.meta.url));
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", writer, path, directory, String(first), String(blocks)],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const written: number[] = [];
  let text = "";
  for await (const chunk of process.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    written.push(...lines.map(Number));
    if (written.length >= enough) break;
  }
  if (written.length >= enough) process.kill("SIGKILL");
  await process.status;
  return written;
}

testWith("a process that is killed over and over stores every row in chDB once", CHDB, async (path) => {
  const directory = await Deno.makeTempDir({ prefix: "limier_chdb_" });
  const BLOCKS = 40;
  try {
    let next = 0;
    for (const enough of [3, 1, 5, Infinity]) {
      const written = await writeUntil(path, directory, next, BLOCKS, enough);
      // What was under way when it was killed, and the last that it told of, are sent again: nobody knows of them.
      next = enough === Infinity ? next + written.length : Math.max(next, (written.at(-1) ?? next) - 1);
    }
    assert.equal(next, BLOCKS);
    await using open = await openChdb(path, { directory });
    const { store, ask } = open;
    const total = BLOCKS * 100;
    for (const table of ["flows", "flows_1m0s", "flows_5m0s", "flows_1h0m0s"]) {
      assert.deepEqual(await ask(`SELECT sum(Packets) FROM ${table}`), [[total]], table);
    }
    assert.deepEqual(await ask("SELECT count(), uniqExact(SrcPort) FROM flows"), [[total, BLOCKS]]);
    assert.deepEqual(await store.storedOffsets("flows"), new Map([[0, BigInt(total - 1)]]));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

testWith("chDB reads beside what it writes, and an insert under way ends before it is closed", CHDB, async (path) => {
  const directory = await Deno.makeTempDir({ prefix: "limier_chdb_" });
  try {
    {
      await using open = await openChdb(path, { directory });
      const { store, ask } = open;
      await store.prepare();
      const block = blockOf(plainBatch(500), store.schema);
      const inserts = Array.from({ length: 8 }, () => store.insert(block));
      const seen = await Promise.all(Array.from({ length: 8 }, () => ask("SELECT count() FROM flows")));
      for (const [[count]] of seen as [[number]][]) assert.equal(count % 500, 0);
      for (const outcome of await Promise.all(inserts)) assert.deepEqual(outcome, { stored: 500, failed: 0 });
      void store.insert(block);
    }
    await using open = await openChdb(path, { directory });
    const [[count]] = await open.ask("SELECT count() FROM flows") as [[number]];
    assert.ok(count === 4000 || count === 4500);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

const HAND_MADE = ["TimeReceived", "ExporterName", "SrcCountry", "DstASPath", "InIfBoundary", "SrcPort", "Bytes"];

/** A schema of columns whose types a server of 2018 knows. */
const few = { ...resolveSchema(), ingested: COLUMNS.filter(({ name }) => HAND_MADE.includes(name)) };

async function oldServer(executable: string) {
  const server = await startClickhouse(executable);
  const endpoint = new HttpEndpoint(server.url, { ...DEFAULT_CLICKHOUSE, ...WRITER }, { fetch });
  await endpoint.open(0);
  const columns = few.ingested.map(({ name, type }) => `${name} ${type}`);
  const settings = { allow_experimental_low_cardinality_type: 1 };
  await endpoint.execute(`CREATE TABLE made (${columns.join(", ")}) ENGINE = Memory`, { settings });
  const ask = async (statement: string) => new TextDecoder().decode(await endpoint.execute(statement));
  return { server, endpoint, ask };
}

for (const compression of ["zstd", "gzip", "none"] as const) {
  testWith(
    `a real ClickHouse of version 18 takes blocks and rows, compression ${compression}`,
    CLICKHOUSE,
    async (executable) => {
      const { server, ask } = await oldServer(executable);
      await using _ = server;
      const endpoint = new HttpEndpoint(server.url, { ...DEFAULT_CLICKHOUSE, ...WRITER, compression }, { fetch });
      assert.deepEqual(await endpoint.open(0), [18, 16, 1]);
      const { octets, columns, rows } = blockOf(variedBatch(300), few);
      const block = octets as Uint8Array<ArrayBuffer>;
      await endpoint.insert({ table: "made", columns, rows }, block, forever);
      const wanted = blockRows(block);
      const stored = await ask(
        "SELECT ExporterName, DstASPath, InIfBoundary, SrcPort, Bytes FROM made ORDER BY Bytes FORMAT JSONCompact",
      );
      assert.deepEqual(
        JSON.parse(stored).data,
        wanted.map((
          row,
        ) => [row.ExporterName, row.DstASPath ?? [], row.InIfBoundary ?? "undefined", row.SrcPort, String(row.Bytes)]),
      );
      await endpoint.close();
    },
  );
}

testWith("a real ClickHouse of version 18 reads the rows of a block one by one", CLICKHOUSE, async (executable) => {
  const { server, endpoint, ask } = await oldServer(executable);
  await using _ = server;
  const { octets, columns } = blockOf(variedBatch(300), few);
  const query = `INSERT INTO made (${columns.join(", ")}) FORMAT RowBinary`;
  const response = await fetch(`${server.url}/?query=${encodeURIComponent(query)}`, {
    method: "POST",
    body: rowBinaryOf(octets),
  });
  assert.deepEqual([response.status, await response.text()], [200, ""]);
  assert.equal(
    await ask("SELECT count(), sum(Bytes) FROM made"),
    `300\t${sumOf(blockRows(octets).map(({ Bytes }) => Bytes))}\n`,
  );
  await endpoint.close();
});

const sumOf = (values: readonly unknown[]) => values.reduce<bigint>((sum, value) => sum + BigInt(value as number), 0n);

testWith(
  "a real ClickHouse refuses a wrong password, an unknown table, columns and blocks cut short",
  CLICKHOUSE,
  async (executable) => {
    const { server, endpoint, ask } = await oldServer(executable);
    await using _ = server;
    const wrong = new HttpEndpoint(server.url, { ...DEFAULT_CLICKHOUSE, ...WRITER, password: "wrong" }, { fetch });
    await assert.rejects(
      wrong.open(0),
      (error) =>
        error instanceof StoreError && error.failure === "configuration" && error.exceptionCode === 193 &&
        /check username and password under flow\.outlet\.clickhouse; it said: Code: 193\. DB::Exception: Wrong password for user writer$/
          .test(error.message),
    );
    const { octets, columns, rows } = blockOf(variedBatch(300), few);
    const block = octets as Uint8Array<ArrayBuffer>;
    const insert = (table: string, names: readonly string[], sent: Uint8Array<ArrayBuffer>) =>
      endpoint.insert({ table, columns: names, rows }, sent, forever);
    await assert.rejects(
      insert("nowhere", columns, block),
      (error) => error instanceof StoreError && error.exceptionCode === 60,
    );
    await assert.rejects(
      insert("made", [...columns.slice(1), "Nothing"], block),
      (error) => error instanceof StoreError && error.exceptionCode === 16,
    );
    await assert.rejects(insert("made", columns, block.slice(0, -3)), Error);
    assert.equal(await ask("SELECT count() FROM made"), "0\n");
    await endpoint.close();
  },
);

testWith("an error in the middle of a real ClickHouse's answer is an error", CLICKHOUSE, async (executable) => {
  const { server, endpoint } = await oldServer(executable);
  await using _ = server;
  const statement = "SELECT number, intDiv(1, number - 3000000) FROM system.numbers LIMIT 4000000";
  for (const early of [true, false]) {
    await assert.rejects(
      endpoint.execute(statement, { early }),
      (error) =>
        error instanceof StoreError && error.exceptionCode === 153 && error.options.status === (early ? 200 : 500),
    );
  }
  await endpoint.close();
});

testWith(
  "a ClickHouse that is too old for the tables is refused, and taken where tables are left alone",
  CLICKHOUSE,
  async (executable) => {
    await using server = await startClickhouse(executable);
    const start = (skipMigrations: boolean) =>
      startFlowStore({
        clickhouse: { ...DEFAULT_CLICKHOUSE, servers: [server.url], skipMigrations },
        store: { chdbPath: "", directory: "" },
        schema: resolveSchema(),
      }, { clock: realClock, reporter: recordingReporter(), fetch });
    await using store = start(false);
    await assert.rejects(
      store.prepare(),
      /its version is 18\.16\.1; at least 22\.4 is needed; .*skip_version_check: true$/,
    );
    await using other = start(true);
    assert.deepEqual(await other.prepare(), { changed: [], unchanged: [] });
    assert.equal(new TextDecoder().decode(await other.query("SELECT 1 AS a", { format: "JSONEachRow" })), '{"a":1}\n');
  },
);
