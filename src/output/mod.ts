/**
 * Delivery: the kinds of destinations there are, what gets to each of them and in which form, and the sending itself.
 *
 * @example One batch of points as JSON lines in a file
 * ```ts
 * import { realClock } from "@limier/limier/clock";
 * import { Section } from "@limier/limier/config";
 * import { destinationOf, OutputEncoder, readOutputs, startOutput } from "@limier/limier/output";
 * import { recordingReporter } from "@limier/limier/telemetry";
 *
 * const path = Deno.makeTempFileSync();
 * const [config] = readOutputs([Section.of({ name: "lines", kind: "file", path })], { defaultStdout: false });
 * const encoder = new OutputEncoder(config!, destinationOf("file").newEncoder(config!.own));
 * const point = { name: "a", type: "gauge", value: 1, timestamp: 1700000010, tags: [] } as const;
 *
 * await using output = startOutput(config!, { clock: realClock, reporter: recordingReporter(), fetch });
 * for (const batch of encoder.points([point], point.timestamp)) await output.offer(batch);
 * console.log(Deno.readTextFileSync(path)); // {"kind":"point","name":"a",…}
 * ```
 *
 * @module
 */
export {
  type ClientDeps,
  DeliveryError,
  type DeliveryFailure,
  type Destination,
  type DestinationClient,
  type Encoder,
  type Observation,
  type OutputConfig,
  type PointFilterConfig,
  type PublishResult,
  type Rejection,
} from "./contract.ts";
export { NO_FILTER, readOutputs, type ReadOutputsOptions } from "./config.ts";
export type { Outcome, Output, QueueLimits } from "./delivery_parts.ts";
export { destinationOf, destinations } from "./destinations.ts";
export { OutputEncoder } from "./encode.ts";
export { type ExposedPoint, exposedPoint, Exposition, type ExpositionOptions } from "./exposition.ts";
export { type FilterStatus, type NamedFilterConfig, newPointFilter, type PointFilter } from "./filter.ts";
export { fetchFailure } from "./http_failure.ts";
export { type OutputDeps, startOutput } from "./output.ts";
export { checkLine, eventLine, pointLine, spanLine } from "./lines.ts";
export { type HostClient, type Mode, type ModeConfig, type ModeDeps, type PublishOptions } from "./modes/mode.ts";
export { startMode } from "./modes/start_mode.ts";
export { type AsyncClient, asyncClient, type SendReports } from "./modes/async_client.ts";
export { startAsyncBalance } from "./modes/async_balance.ts";
export { type BreakerConfig } from "./modes/breaker.ts";
export type { Condition } from "./modes/condition.ts";
export { temporaryBulkFailure } from "./modes/failures.ts";
export { connectionHosts, type HostSettings, makeClients, NoHostsError } from "./modes/hosts.ts";
export {
  type AddressDefaults,
  checkHosts,
  hostAddress,
  type HostFaults,
  hostUrl,
  shownUrl,
  type UrlDefaults,
} from "./modes/host_address.ts";
export { readRoutingRules, type RoutingRule, type TagMatcher, type TextMatcher } from "./routing.ts";
export {
  cancelableSignal,
  combineSignals,
  type Outcome as ModeOutcome,
  type Receiver,
  type SignalWatch,
  type SplitSignal,
  splitSignal,
} from "./modes/signal.ts";
export { readSpoolConfig, SPOOL_KEYS, type SpoolConfig } from "./spool_config.ts";
export {
  type AppendOutcome,
  type Fate,
  type FsyncPolicy,
  openSpool,
  type SequenceRange,
  type Spool,
  type SpoolDeps,
  type SpooledBatch,
  type SpooledOutput,
  type SpoolFile,
  type SpoolFiles,
  type SpoolHealth,
  type SpoolOptions,
  type SpoolReader,
  SpoolVersionError,
  type WhenFull,
} from "./spool/mod.ts";
