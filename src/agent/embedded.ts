/** The agent inside another program: no signal handlers, no exit, no HTTP unless configured. */
import { type Clock, realClock, type Running } from "../clock/mod.ts";
import { Section } from "../config/mod.ts";
import { type HttpServer, newApp, startHttp } from "../http/mod.ts";
import type { Meter, Point } from "../metric/mod.ts";
import { newImportApp } from "../statsd/mod.ts";
import { newReporter, type Reporter } from "../telemetry/mod.ts";
import { type RunningAgent, startRunningAgent } from "./agent.ts";
import { type AgentConfig, readAgentConfig } from "./config.ts";
import { newLagPages } from "./lag_pages.ts";
import { buildDate, VERSION } from "./version.ts";

/** What an embedded agent may be given. */
export interface AgentOptions {
  /** Where time comes from. @default the system's clock */
  readonly clock?: Clock;
  /** Where it reports. @default warnings and errors as JSON lines on standard error */
  readonly reporter?: Reporter;
  /** Stops the agent when it aborts. */
  readonly signal?: AbortSignal;
  /** Readers and aggregation get worker threads of their own, as in the program. @default false */
  readonly threads?: boolean;
}

/** A running agent. Disposing it stops receiving, flushes, delivers what is left, and leaves nothing open. */
export interface Agent extends Running {
  /** Where it listens, with the ports it got: `udp://127.0.0.1:8125`. */
  readonly addresses: readonly string[];
  /** Takes in a DogStatsD line, or several with an LF between; a bad one is counted like any other. */
  emit(lines: string): void;
  /**
   * Ends the window now and resolves when its batches are delivered or given up. No two flushes carry the same second:
   * one asked for within a second waits for the next.
   *
   * @returns the points of the window; none with `threads`, where they go to the outputs alone
   */
  flushNow(): Promise<readonly Point[]>;
  /** What the embedding program measures itself with. */
  readonly meter: Meter;
}

/**
 * Starts an agent.
 *
 * @param config what `limier.yaml` says, as an object; it listens and delivers only where the object says so
 * @throws {ConfigErrors} when the configuration can't be used
 * @throws {SystemError} and others when an address can't be bound; nothing is left running then
 *
 * @example
 * ```ts
 * import { startAgent } from "@limier/limier";
 *
 * await using agent = await startAgent({ statsd: { udp_address: "127.0.0.1:0", interval: "1s" } });
 * agent.emit("page.views:1|c|#env:prod");
 * const points = await agent.flushNow();
 * console.log(points[0]?.name, points[0]?.total); // "page.views 1"
 * ```
 */
export async function startAgent(config: object, options: AgentOptions = {}): Promise<Agent> {
  const { clock = realClock, reporter = standardError(clock), signal } = options;
  signal?.throwIfAborted();
  const read = readAgentConfig(Section.of(config, { file: "config", collect: true }), { asProgram: false });
  const running = await startRunningAgent(read, {
    clock,
    reporter,
    threads: options.threads ?? false,
    startHttp: (agent) => serve(read, agent, clock, reporter),
  });
  const stop = () => running[Symbol.asyncDispose]();
  signal?.addEventListener("abort", stop);
  return {
    done: running.done,
    addresses: running.addresses,
    emit: (lines) => running.source.emit(lines),
    flushNow: () => running.flushNow(),
    meter: running.source.meter,
    async [Symbol.asyncDispose]() {
      signal?.removeEventListener("abort", stop);
      await stop();
    },
  };
}

function standardError(clock: Clock): Reporter {
  return newReporter({
    level: "warn",
    format: "json",
    clock,
    write: (line) => void Deno.stderr.writeSync(new TextEncoder().encode(line)),
  });
}

async function serve(
  { http, statsd }: AgentConfig,
  agent: RunningAgent,
  clock: Clock,
  reporter: Reporter,
): Promise<HttpServer | undefined> {
  if (http.address === null) return undefined;
  if (http.address.transport === "einhorn") throw new RangeError("Cannot embed on einhorn@N: write fd@N");
  const app = newApp({
    version: VERSION,
    buildDate: buildDate(),
    args: [],
    config: () => ({}),
    configEnabled: false,
    quit: () => {},
    quitEnabled: false,
    metricsPages: agent.pages,
    healthy: () => agent.healthy,
    tracing: () => statsd.ssfListen.length + statsd.grpcListen.length > 0,
    reporter,
    clock,
    // Local instances hand on to whatever name they know.
    guard: { allowedHosts: http.allowedHosts, anyHostPaths: ["/import"] },
    ...(http.token === undefined ? {} : { token: http.token }),
  });
  app.route("/", newImportApp({ source: agent.source, observe: (request) => agent.imported(request) }));
  app.route("/", newLagPages(() => agent.lag, false));
  const { address, limits, tls } = http;
  return await startHttp({ address, limits, ...(tls === undefined ? {} : { tls }) }, { app, reporter, clock });
}
