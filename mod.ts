/**
 * Limier in a program of your own: an agent that takes in DogStatsD and SSF, aggregates, and delivers.
 *
 * @example
 * ```ts
 * import { startAgent } from "@limier/limier";
 *
 * await using agent = await startAgent({ statsd: { udp_address: "", interval: "10s" }, outputs: [] });
 * agent.meter.timing("job.duration", 12.5, ["job:nightly"]);
 * for (const { name, value } of await agent.flushNow()) console.log(name, value);
 * ```
 *
 * @module
 */
export { type Agent, type AgentOptions, startAgent } from "./src/agent/mod.ts";
export { type Clock, FakeClock, realClock, type Running } from "./src/clock/mod.ts";
export { ConfigError, ConfigErrors } from "./src/config/mod.ts";
export type { Batch, Check, CheckStatus, Event, Meter, Point, PointType, Span, SpanSample } from "./src/metric/mod.ts";
export type { Destination, DestinationClient, Encoder, OutputConfig, PublishResult } from "./src/output/mod.ts";
export { HyperLogLog, TDigest } from "./src/sketch/mod.ts";
export {
  decodeDatagram,
  decodeSpan,
  decodeSsf,
  startTracer,
  type Tracer,
  type TracerOptions,
} from "./src/statsd/mod.ts";
export { newReporter, recordingReporter, type Reporter } from "./src/telemetry/mod.ts";
