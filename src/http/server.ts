import http from "node:http";
import https from "node:https";
import type { Clock, Running } from "../clock/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";
import { formatHttpAddress, type HttpAddress } from "./address.ts";
import { bridge, type BridgeOptions, type HttpApp } from "./bridge.ts";
import { type HttpTls, readTlsFiles } from "./tls_files.ts";
import { removeStaleSocket } from "./unix_socket.ts";

/** What a client may ask of the server, and how long it may take. */
export interface HttpLimits {
  /** Longest request body. */
  readonly maxBodyBytes: number;
  /** Longest request line and headers together. */
  readonly maxHeaderBytes: number;
  /** Connections at a time; one more is closed at once. */
  readonly maxConnections: number;
  /** For a request's line and headers; behind TLS, for the handshake too. */
  readonly headersTimeoutMs: number;
  /** For a whole request, its body included. */
  readonly requestTimeoutMs: number;
  /** For which a connection may be silent, between requests or while an answer is written. */
  readonly idleTimeoutMs: number;
  /** For which requests may go on once the server stops. */
  readonly stopTimeoutMs: number;
}

/** The limits unless told otherwise. */
export const HTTP_LIMITS: HttpLimits = {
  maxBodyBytes: 64 * 1024 * 1024, // an import of a busy host is some 10 MB
  maxHeaderBytes: 16 * 1024,
  maxConnections: 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  idleTimeoutMs: 120_000,
  stopTimeoutMs: 10_000,
};

/** Settings of {@link startHttp}. */
export interface HttpServerConfig {
  /** Sockets of Einhorn are given as the descriptors they are. */
  readonly address: Exclude<HttpAddress, { transport: "einhorn" }>;
  readonly tls?: HttpTls;
  readonly limits?: Partial<HttpLimits>;
}

/** What the server is given. */
export interface HttpServerDeps {
  readonly app: HttpApp;
  readonly reporter: Reporter;
  readonly clock: Clock;
}

/** A server that answers. Disposing closes its socket, lets requests end for a while, then cuts them off. */
export interface HttpServer extends Running {
  /** Where it listens, with the port that was picked: `127.0.0.1:8127`, `/run/limier.sock`, `fd@3`. */
  readonly address: string;
  /** The port, where there is one. */
  readonly port?: number;
}

/** The server can't be had; the message says where and why. */
export class HttpListenError extends Error {
  override readonly name = "HttpListenError";
  readonly code = "http.listen";

  constructor(address: HttpAddress, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`Cannot serve HTTP on ${formatHttpAddress(address)}: ${why}`, { cause });
  }
}

/** How often the server looks for requests that are late. */
const LOOK_INTERVAL_MS = 1_000;

/**
 * Serves an app. It is `node:http` that does so, as it takes descriptors and bounds the time of headers.
 *
 * @throws {HttpListenError} when it can't listen, or can't use the certificate
 */
export async function startHttp(config: HttpServerConfig, deps: HttpServerDeps): Promise<HttpServer> {
  const { app, reporter, clock } = deps;
  const limits: HttpLimits = { ...HTTP_LIMITS, ...config.limits };
  const requests = reporter.metrics.counter("limier_http_requests_total", "HTTP requests answered, by status code.");
  const onError = (error: unknown) => reporter.error("Cannot answer an HTTP request", { error });
  const { maxBodyBytes } = limits;
  const authenticates = config.tls?.clientCaFile !== undefined;
  const isStopping = () => stopping;
  let transport: BridgeOptions["transport"] = "tcp";
  let stopping = false;

  const answer = async (incoming: http.IncomingMessage, outgoing: http.ServerResponse): Promise<void> => {
    outgoing.on("close", () => {
      requests.inc(1, { code: outgoing.headersSent ? String(outgoing.statusCode) : "none" });
      if (stopping) setTimeout(() => server.closeIdleConnections(), 0); // once its connection counts as idle
    });
    await bridge(app, incoming, outgoing, { transport, authenticates, maxBodyBytes, isStopping, onError });
  };

  let server: http.Server | https.Server;
  let bound: { port?: number; unlink: () => void };
  try {
    server = await newServer(config.tls, limits, answer);
    bound = await listen(server, config.address);
  } catch (error) {
    throw new HttpListenError(config.address, error);
  }
  const { port } = bound;
  const actual = server.address();
  if (actual === null || typeof actual === "string") transport = "unix";
  const done = new Promise<void>((resolve, reject) => server.once("close", resolve).on("error", reject));
  done.catch(() => {}); // whoever waits for it is told; nobody has to

  async function stop(): Promise<void> {
    stopping = true;
    bound.unlink();
    const inTime = new AbortController();
    const closed = new Promise<void>((resolve) => server.close(() => resolve())).then(() => inTime.abort());
    server.closeIdleConnections();
    await clock.sleep(limits.stopTimeoutMs, inTime.signal);
    server.closeAllConnections();
    await closed;
  }

  let stopped: Promise<void> | undefined;
  return {
    address: formatHttpAddress(
      config.address.transport === "tcp" && port !== undefined ? { ...config.address, port } : config.address,
    ),
    ...port === undefined ? {} : { port },
    done,
    [Symbol.asyncDispose]: () => stopped ??= stop(),
  };
}

async function newServer(
  tls: HttpTls | undefined,
  limits: HttpLimits,
  answer: (incoming: http.IncomingMessage, outgoing: http.ServerResponse) => Promise<void>,
): Promise<http.Server | https.Server> {
  const options = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
    connectionsCheckingInterval: Math.min(LOOK_INTERVAL_MS, limits.headersTimeoutMs),
  };
  let server: http.Server | https.Server;
  if (tls === undefined) server = http.createServer(options, answer);
  else {
    const { cert, key, clientCa } = await readTlsFiles(tls);
    const ofClients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
    const handshakeTimeout = limits.headersTimeoutMs;
    server = https.createServer(
      { ...options, handshakeTimeout, minVersion: "TLSv1.2", cert, key, ...ofClients },
      answer,
    );
  }
  server.maxConnections = limits.maxConnections;
  server.timeout = limits.idleTimeoutMs;
  return server;
}

/** Listens; `unlink` gives the path of a unix socket back. */
async function listen(
  server: http.Server | https.Server,
  address: HttpServerConfig["address"],
): Promise<{ port?: number; unlink: () => void }> {
  const listening = (start: () => void) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      start();
      server.once("listening", () => {
        server.off("error", reject);
        resolve();
      });
    });
  if (address.transport === "unix") {
    await removeStaleSocket(address.path);
    // Closing removes whatever lies at the path that was listened on, also the socket of a process that took over.
    // So the socket is made under a name of its own and moved, and removed only while it is still the same.
    const ownPath = `${address.path}.${Deno.pid}`;
    await removeStaleSocket(ownPath);
    await listening(() => server.listen(ownPath));
    const { ino, dev } = await Deno.lstat(ownPath);
    await Deno.rename(ownPath, address.path);
    return { unlink: () => removeIfSame(address.path, ino, dev) };
  }
  const options = address.transport === "fd"
    ? { fd: address.fd }
    : { port: address.port, ...address.hostname === "" ? {} : { host: address.hostname } };
  await listening(() => server.listen(options));
  const actual = server.address();
  const port = actual !== null && typeof actual === "object" ? actual.port : undefined;
  return { ...port === undefined ? {} : { port }, unlink: () => {} };
}

function removeIfSame(path: string, ino: number | null, dev: number): void {
  try {
    const info = Deno.lstatSync(path);
    if (info.ino === ino && info.dev === dev) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
