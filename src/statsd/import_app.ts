/** `POST /import`: where local instances hand on what a global one publishes. */
import { Hono } from "@hono/hono";
import type { StatsdSource } from "./source.ts";

/** What the page is given. */
export interface ImportAppDeps {
  readonly source: Pick<StatsdSource, "import">;
  /** Told of each request: `cause` of one that was refused. */
  readonly observe?: (request: { readonly encoding: string; readonly cause?: string }) => void;
}

/** The page as an app of its own, for the agent's HTTP server to mount. */
export function newImportApp({ source, observe }: ImportAppDeps): Hono {
  const app = new Hono();
  app.post("/import", async (c) => {
    const encoding = (c.req.header("content-encoding") ?? "").trim().toLowerCase();
    const body = new Uint8Array(await c.req.arrayBuffer());
    const refused = await source.import(body, encoding);
    observe?.({ encoding: encoding || "identity", ...(refused === undefined ? {} : { cause: refused.cause }) });
    return refused === undefined ? c.body(null, 202) : c.text(`${refused.message}\n`, refused.status);
  });
  app.all("/import", (c) => c.text("Cannot import by another method: write POST\n", 405, { allow: "POST" }));
  return app;
}
