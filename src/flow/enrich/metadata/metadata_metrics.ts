import type { Counter, Registry } from "../../../telemetry/mod.ts";

const PREFIX = "limier_outlet_metadata_";

/** What is counted of metadata. */
export interface MetadataMetrics {
  readonly hits: Counter;
  readonly misses: Counter;
  readonly expired: Counter;
  readonly refreshRuns: Counter;
  readonly refreshes: Counter;
  readonly requests: Counter;
  readonly errors: Counter;
  /** By exporter. */
  readonly opens: Counter;
  /** By exporter. */
  readonly skips: Counter;
}

/** Registers them. @param size tells how many answers are kept */
export function newMetadataMetrics(metrics: Registry, size: () => number): MetadataMetrics {
  const entries = metrics.gauge(`${PREFIX}cache_size_entries`, "Answers about interfaces that are kept.");
  metrics.onCollect(() => entries.set(size()));
  const counter = (name: string, help: string) => metrics.counter(`${PREFIX}${name}_total`, help);
  return {
    hits: counter("cache_hits", "Questions about an interface that was known; there are few in a batch."),
    misses: counter("cache_misses", "Questions about an interface that was not known."),
    expired: counter("cache_expired_entries", "Answers that nobody asked for any more."),
    refreshRuns: counter("cache_refresh_runs", "Times that old answers were looked for."),
    refreshes: counter("cache_refreshes", "Old answers that were asked for again."),
    requests: counter("provider_requests", "Questions to providers."),
    errors: counter("provider_errors", "Questions that ended in an error."),
    opens: counter("provider_breaker_opens", "Times that an exporter was left alone after errors."),
    skips: counter("provider_skips", "Questions that a provider left to the next."),
  };
}
