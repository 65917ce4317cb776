/** The store's HTTP: dictionaries for the server, and statements for who asks. */
import { Hono } from "@hono/hono";
import { DICTIONARY_PATH } from "./dictionary_objects.ts";
import { dictionaryCsv, type DictionaryFiles } from "./dictionary_csv.ts";
import { StoreError } from "./endpoint.ts";
import { isAboutLogin } from "./exception.ts";
import type { FlowStore } from "./store.ts";

/** What the pages are given. */
export interface StoreAppDeps extends DictionaryFiles {
  readonly store: Pick<FlowStore, "query">;
}

/** The longest statement that is taken, in octets. */
const MAX_STATEMENT_BYTES = 256 * 1024;

const TYPES: readonly (readonly [format: RegExp, type: string])[] = [
  [/^JSON/, "application/json; charset=utf-8"],
  [/^CSV/, "text/csv; charset=utf-8"],
  [/^(Native|RowBinary|Parquet|Arrow|ORC|Avro)/, "application/octet-stream"],
];

/** The pages as an app of their own, for the agent's HTTP server to mount. */
export function newStoreApp({ store, ...files }: StoreAppDeps): Hono {
  const app = new Hono();
  app.get(`${DICTIONARY_PATH}/:file`, async (c) => {
    const name = /^([a-z0-9_]+)\.csv$/.exec(c.req.param("file"))?.[1];
    const csv = name === undefined ? undefined : await dictionaryCsv(name, files);
    if (csv === undefined) return c.json({ message: "Cannot find the dictionary: there is none of that name" }, 404);
    return c.body(csv, 200, { "content-type": "text/csv; charset=utf-8" });
  });
  app.post("/api/v0/flow/query", async (c) => {
    const statement = await c.req.text();
    if (statement.length > MAX_STATEMENT_BYTES) return c.text("Cannot execute the statement: it is too long\n", 413);
    const format = c.req.query("format") ?? "TabSeparated";
    if (!/^\w{1,60}$/.test(format)) return c.text("Cannot execute the statement: format is no name of a format\n", 400);
    try {
      const answer = await store.query(statement, { format, signal: c.req.raw.signal });
      const type = TYPES.find(([pattern]) => pattern.test(format))?.[1] ?? "text/plain; charset=utf-8";
      return c.body(answer, 200, { "content-type": type });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return c.text(`${error.options.exception ?? error.message}\n`, statusOf(error));
    }
  });
  return app;
}

function statusOf({ failure, exceptionCode }: StoreError): 400 | 502 | 503 {
  if (isAboutLogin(exceptionCode)) return 502;
  return exceptionCode !== undefined || failure === "permanent" ? 400 : 503;
}
