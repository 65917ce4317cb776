/**
 * The server that the sources' Hono apps are mounted on: where it listens, who may change something, the agent's own
 * pages.
 *
 * @example An app on a port the system picks
 * ```ts
 * import assert from "node:assert/strict";
 * import { Hono } from "@hono/hono";
 * import { realClock } from "@limier/limier/clock";
 * import { recordingReporter } from "@limier/limier/telemetry";
 * import { parseHttpAddress, startHttp } from "./mod.ts";
 *
 * const app = new Hono().get("/hello", (c) => c.text("hello"));
 * const address = parseHttpAddress("127.0.0.1:0");
 * assert(address.transport === "tcp");
 * await using server = await startHttp({ address }, { app, reporter: recordingReporter(), clock: realClock });
 * assert.equal(await (await fetch(`http://${server.address}/hello`)).text(), "hello");
 * ```
 *
 * @module
 */
export { formatHttpAddress, type HttpAddress, parseHttpAddress } from "./address.ts";
export { type AppOptions, newApp, PROMETHEUS_TEXT } from "./app.ts";
export { BodyTooLarge, type Connection, type HttpApp, type HttpBindings } from "./bridge.ts";
export { HTTP_KEYS, type HttpConfig, readHttpConfig } from "./config.ts";
export { hostGuard, type HostGuardOptions } from "./host_guard.ts";
export {
  HTTP_LIMITS,
  type HttpLimits,
  HttpListenError,
  type HttpServer,
  type HttpServerConfig,
  type HttpServerDeps,
  startHttp,
} from "./server.ts";
export { type HttpTls } from "./tls_files.ts";
