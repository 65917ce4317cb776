/** Stands in for `jsr:@hono/hono` where only npm can be reached: the same library, from npm. */
export { Hono } from "npm:hono@4.13.19";
export type { Context, Handler, MiddlewareHandler, Next } from "npm:hono@4.13.19";
