/** What the tests of the store have in common. */
import { COLUMNS, type ColumnStorage } from "../columns.ts";
import { FlowBatch, writeU64 } from "../columns_batch.ts";
import { NativeEncoder } from "../native.ts";
import type { RowBlock } from "./insert_batch.ts";
import type { FlowSchema } from "./schema.ts";

/** A request as a scripted server saw it. */
export interface SeenRequest {
  readonly path: string;
  readonly params: URLSearchParams;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A server of HTTP that answers as it is told. */
export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
}

/** Starts one on a loopback port. `SELECT version()` it answers by itself, unless `version` is undefined. */
export function startScriptedServer(
  version: string | undefined,
  reply: (request: SeenRequest, index: number) => Response | Promise<Response>,
): ScriptedServer {
  const requests: SeenRequest[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const url = new URL(request.url);
    const seen: SeenRequest = {
      path: url.pathname,
      params: url.searchParams,
      headers: request.headers,
      body: new Uint8Array(await request.arrayBuffer()),
    };
    if (version !== undefined && new TextDecoder().decode(seen.body) === "SELECT version()") {
      return new Response(`${version}\n`);
    }
    requests.push(seen);
    return await reply(seen, requests.length - 1);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Rows that have another value in each field of every column. */
export function variedBatch(rows: number): FlowBatch {
  const batch = new FlowBatch(rows);
  batch.reserve(rows);
  for (const [id, { field, storage }] of COLUMNS.entries()) {
    batch.mark(field);
    for (let row = 0; row < rows; row++) fill(batch, field, storage, row, id + row * 7 + 1);
  }
  batch.rows = rows;
  return batch;
}

function fill(batch: FlowBatch, field: keyof FlowBatch, storage: ColumnStorage, row: number, n: number): void {
  const column = batch[field] as Uint32Array;
  switch (storage) {
    case "u64":
      return writeU64(column, row, n * 0x1_0000_0001);
    case "address":
      return column.set([0, 0, 0xffff0000, Math.imul(n, 0x0101_0101) >>> 0], 4 * row);
    case "pooledAddress":
      column[row] = batch.addresses.intern(Uint32Array.of(0xb80d_0120, 0, 0, n), 0);
      return;
    case "text":
      column[row] = batch.texts.intern(`text ${n} ‘ü’\n`);
      return;
    case "code2":
      column[row] = "FR".charCodeAt(0) | "FR".charCodeAt(1) << 8;
      return;
    case "list32":
      for (let i = 0; i < n % 4; i++) listOf(batch, field).push(row, n + i);
      return;
    case "list128":
      for (let i = 0; i < n % 3; i++) listOf(batch, field).pushWords(row, n + i, 1, 2, 0x8000_0000);
      return;
    default:
      column[row] = field.endsWith("Boundary") || field === "flowDirection" ? n % 3 : n;
  }
}

function listOf(batch: FlowBatch, field: keyof FlowBatch): FlowBatch["dstAsPath"] {
  return batch[field] as FlowBatch["dstAsPath"];
}

/** A batch as the store takes it. */
export function blockOf(batch: FlowBatch, schema: FlowSchema, token?: string): RowBlock {
  return {
    octets: new NativeEncoder().encode(batch, schema.ingested).slice(),
    rows: batch.rows,
    columns: schema.ingested.map(({ name }) => name),
    ...(token === undefined ? {} : { token }),
  };
}
