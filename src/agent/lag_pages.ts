import { Hono } from "@hono/hono";
import type { HttpBindings } from "../http/mod.ts";
import type { LagSource } from "../lag/mod.ts";

/** Where the pages of lag stand. */
const PATHS = ["/v2", "/v2/*", "/v3", "/v3/*", "/V3/*", "/burrow", "/burrow/*"];

/**
 * The pages of the lag source that runs at the moment, a reload may start another one.
 *
 * @param answersAll they answer every path that nobody else does
 */
export function newLagPages(lag: () => LagSource | undefined, answersAll: boolean): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  for (const path of answersAll ? ["*"] : PATHS) {
    app.all(path, async (c, next) => {
      const source = lag();
      if (source !== undefined) return await source.app.fetch(c.req.raw);
      return await next();
    });
  }
  return app;
}
