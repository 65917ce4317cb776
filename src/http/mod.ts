/**
 * The server that the sources' Hono apps are mounted on: where it listens, who may change something, the agent's own
 * pages.
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
