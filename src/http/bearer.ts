import type { MiddlewareHandler } from "@hono/hono";
import { bearerAuth } from "@hono/hono/bearer-auth";

/** What a bearer token may be made of, RFC 6750 §2.1. */
export const BEARER_TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** Asks every request but those for `openPaths` for a bearer token: 401 without, or with another one. */
export function requireToken(token: string, openPaths: readonly string[]): MiddlewareHandler {
  if (!BEARER_TOKEN.test(token)) throw new RangeError("Cannot use the token: write letters, digits and ._~+/-");
  const authenticate = bearerAuth({ token, realm: "limier" });
  const open = new Set(openPaths);
  return async (c, next) => open.has(c.req.path) ? await next() : await authenticate(c, next);
}
