/** What the tests of the server and of the client share. */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { type Clock, realClock } from "../clock/mod.ts";
import { type GrpcServerObserver, type GrpcServerSettings, startGrpcServer } from "./server.ts";
import type { GrpcMethods } from "./service.ts";
import type { GrpcStatus } from "./status.ts";

export { endApart } from "./session_end.ts";

/** A guard against a hang. */
export const PATIENCE_MS = 60_000;

/** Waits for what other parts of the event loop bring about. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > endMs) assert.fail(`still waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A server under test. */
export interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly log: readonly string[];
  /** Calls that ended, by path. */
  readonly ended: readonly { readonly path: string; readonly status: GrpcStatus }[];
  /** Connections opened and closed, and handshakes that failed. */
  readonly connections: { opened: number; closed: number; failed: number };
}

/** Starts a server on a free port of this host. */
export async function startTestServer(
  methods: GrpcMethods,
  options: Partial<GrpcServerSettings> & { readonly clock?: Clock; readonly most?: number } = {},
): Promise<TestServer> {
  const { clock = realClock, most = Infinity, ...settings } = options;
  const log: string[] = [];
  const ended: { path: string; status: GrpcStatus }[] = [];
  const connections = { opened: 0, closed: 0, failed: 0 };
  let port = 0, open = 0;
  const observe: GrpcServerObserver = {
    opened: () => void connections.opened++,
    closed: () => void connections.closed++,
    handshakeFailed: () => void connections.failed++,
    ended: (path, status) => void ended.push({ path, status }),
  };
  const server = await startGrpcServer(methods, { idleTimeoutMs: 600_000, ...settings }, {
    async listen(socket) {
      await new Promise<void>((resolve) => socket.listen(0, "127.0.0.1", resolve));
      port = (socket.address() as AddressInfo).port;
      return { release: () => {} };
    },
    clock,
    untilQuiet: quiet,
    limit: {
      enter: () => open < most && (open++, true),
      leave: () => void open--,
    },
    log: (level, message) => void log.push(`${level}: ${message}`),
    observe,
  });
  return { port, log, ended, connections, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function quiet(events: () => number): Promise<void> {
  for (let turns = 0, seen = events(); turns < 5;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const now = events();
    turns = now === seen ? turns + 1 : 0;
    seen = now;
  }
}
