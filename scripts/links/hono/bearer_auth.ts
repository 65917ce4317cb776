/** Stands in for `jsr:@hono/hono/bearer-auth`. */
export { bearerAuth } from "npm:hono@4.13.19/bearer-auth";
