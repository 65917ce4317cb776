/** `POST /import` of the proxy. */
import { Hono } from "@hono/hono";
import { newImportApp } from "../import_app.ts";
import type { Proxy } from "./proxy.ts";

/** The page as an app of its own. @param current the proxy in force, which a reload replaces */
export function newProxyApp(current: () => Pick<Proxy, "import" | "isAccepting">): Hono {
  const app = new Hono();
  app.post("/import", async (c, next) => {
    // Before anything was taken, so that the sender keeps what it has.
    if (!current().isAccepting) return c.text("Cannot take the import: the proxy stops\n", 503);
    return await next();
  });
  app.route(
    "/",
    newImportApp({ source: { import: (body, encoding) => Promise.resolve(current().import(body, encoding)) } }),
  );
  return app;
}
