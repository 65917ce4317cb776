/** A stand-in for a ClickHouse server that keeps what it is given, and is as slow and as late as one can be. */
import { blockRowCount, blockRows } from "../../src/flow/mod.ts";

/** How it behaves. */
export interface ScriptedClickhouseOptions {
  /** What a row is known by: a number from 0 on; undefined: it is none that is looked for. Absent: rows are only counted. */
  readonly keyOf?: (row: Readonly<Record<string, unknown>>) => number | undefined;
  /** Rows that may come. */
  readonly keys?: number;
  /** The longest that an insert executes, in milliseconds; how long each one does is chosen at random. */
  readonly slowMs: number;
}

/** A running server. */
export interface ScriptedClickhouse extends AsyncDisposable {
  readonly url: string;
  /** How often each row is stored. */
  readonly counts: Uint8Array;
  /** Rows that are stored, whatever they are. */
  readonly rows: number;
  /** Different rows that are stored. */
  readonly distinct: number;
  /** Rows that were stored again. */
  readonly repeated: number;
  readonly inserts: number;
}

/** Starts a server on a free port of the loopback address. */
export function startScriptedClickhouse({ keyOf, keys = 0, slowMs }: ScriptedClickhouseOptions): ScriptedClickhouse {
  const counts = new Uint8Array(keys);
  const offsets = new Map<string, bigint>();
  const tokens = new Set<string>();
  const running = new Set<string>();
  const executing = new Set<Promise<void>>();
  let rows = 0, distinct = 0, repeated = 0, inserts = 0, lastId = 0;

  /** All rows of a block, and then their offsets, at one moment. */
  function store(block: Uint8Array<ArrayBuffer>, token: string | null): void {
    if (token !== null && tokens.has(token)) return;
    if (token !== null) tokens.add(token);
    inserts++;
    rows += blockRowCount(block);
    if (keyOf === undefined) return;
    for (const row of blockRows(block)) {
      const key = keyOf(row);
      if (key !== undefined) {
        if (counts[key] === 0) distinct++;
        else repeated++;
        counts[key]!++;
      }
      const place = `${row.KafkaTopic}\t${row.KafkaPartition ?? 0}`;
      const offset = BigInt(String(row.KafkaOffset ?? 0));
      if (row.KafkaTopic !== undefined && offset >= (offsets.get(place) ?? 0n)) offsets.set(place, offset);
    }
  }

  async function insert(block: Uint8Array<ArrayBuffer>, token: string | null): Promise<void> {
    const id = `insert-${++lastId}`;
    running.add(id);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * slowMs));
    store(block, token);
    running.delete(id);
  }

  function answer(statement: string): string {
    if (statement.includes("version()")) return "25.8.1.1\n";
    if (statement.includes("system.processes")) return [...running].map((id) => `${id}\n`).join("");
    const topic = /Topic = '([^']*)'/.exec(statement)?.[1];
    return [...offsets].filter(([place]) => place.startsWith(`${topic}\t`))
      .map(([place, offset]) => `${JSON.stringify([Number(place.split("\t")[1]), String(offset)])}\n`).join("");
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const query = new URL(request.url).searchParams;
    if (!query.get("query")?.startsWith("INSERT")) return new Response(answer(await request.text()));
    const block = new Uint8Array(await request.arrayBuffer()); // half a block is none
    const executed = insert(block, query.get("insert_deduplication_token"));
    executing.add(executed);
    // It goes on to its end, whether or not anybody still waits for the answer.
    await executed.finally(() => executing.delete(executed));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * slowMs / 4));
    return new Response("");
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    counts,
    get rows() {
      return rows;
    },
    get distinct() {
      return distinct;
    },
    get repeated() {
      return repeated;
    },
    get inserts() {
      return inserts;
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Promise.all(executing);
    },
  };
}
