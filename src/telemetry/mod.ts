/**
 * How the agent speaks of itself: logs, the metrics registry, Sentry, its own DogStatsD packets, CPU profiles.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { recordingReporter } from "@limier/limier/telemetry";
 *
 * const reporter = recordingReporter();
 * const lines = reporter.metrics.counter("limier_example_lines_total", "Lines seen.");
 * lines.child({ reason: "empty" }).inc();
 * assert.match(reporter.metrics.text(), /^limier_example_lines_total\{reason="empty"\} 1$/m);
 * ```
 *
 * @module
 */
export { type Fields, type Log, LOG_LEVELS, type LogLevel, type Reporter } from "./reporter.ts";
export {
  type Counter,
  type CounterChild,
  type Gauge,
  type GaugeChild,
  type Histogram,
  type HistogramChild,
  type Labels,
  Registry,
  type RegistryOptions,
} from "./registry.ts";
export { newReporter, type ReporterOptions } from "./log.ts";
export { type Recorded, recordingReporter } from "./recording_reporter.ts";
export { type LazyFields, type LogSampler, newLogSampler, type SampledLog } from "./log_sampler.ts";
export { newRedactor, REDACTED, type Redactor } from "./redactor.ts";
export { errorText } from "./plain.ts";
export {
  newSentry,
  parseSentryDsn,
  type SentryClient,
  type SentryDsn,
  SentryDsnError,
  type SentryOptions,
  type SentryReport,
} from "./sentry.ts";
export {
  type MetricScope,
  type MetricScopes,
  newSelfMetrics,
  type SelfMetrics,
  type SelfMetricsCounts,
  type SelfMetricsOptions,
} from "./self_statsd.ts";
export { type CpuProfile, CpuProfileUnavailable, startCpuProfile } from "./cpu_profile.ts";
