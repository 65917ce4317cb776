/**
 * gRPC over HTTP/2: a server of methods that take bytes and answer bytes, and a client of such methods. What the bytes mean
 * is their users' part.
 *
 * @example
 * ```ts
 * import { Code, connectGrpc, healthMethods, startGrpcServer } from "./mod.ts";
 * import { realClock as clock } from "../clock/mod.ts";
 *
 * let port = 0;
 * await using _server = await startGrpcServer(healthMethods([]), { idleTimeoutMs: 60_000 }, {
 *   listen: async (server) => {
 *     await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
 *     port = (server.address() as { port: number }).port;
 *     return { release: () => {} };
 *   },
 *   clock,
 *   untilQuiet: () => Promise.resolve(),
 *   log: () => {},
 * });
 * using connection = await connectGrpc({ hostname: "127.0.0.1", port }, 10_000, { clock });
 * const { status } = await connection.call("/grpc.health.v1.Health/Check", [new Uint8Array(0)], { timeoutMs: 10_000 });
 * console.assert(status.code === Code.OK);
 * ```
 *
 * @module
 */
export {
  type CallOptions,
  connectGrpc,
  formatTarget,
  type GrpcClientTls,
  GrpcConnectError,
  type GrpcConnection,
  type GrpcOutcome,
  type GrpcTarget,
} from "./client.ts";
export { healthMethods } from "./health.ts";
export {
  type GrpcServerDeps,
  type GrpcServerObserver,
  type GrpcServerSettings,
  type GrpcServerTls,
  startGrpcServer,
} from "./server.ts";
export {
  type AnsweringMethod,
  type GrpcCall,
  type GrpcMethod,
  type GrpcMethods,
  unary,
  type WatchMethod,
} from "./service.ts";
export { Code, codeName, type GrpcStatus, OK } from "./status.ts";
