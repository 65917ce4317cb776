/** Scrapes every target at its interval, and hands on what it finds as lines of DogStatsD. */
import type { Clock, Running } from "../../clock/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import { scrape, type ScrapeDeps, type ScrapeFailure } from "./scrape.ts";
import { ScrapeDeltas } from "./scrape_deltas.ts";
import { compileRule, type SourceConfig } from "./source_config.ts";

/** What scraping is given. */
export interface ScrapingDeps extends ScrapeDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** Takes lines, an LF between. */
  readonly emit: (lines: string) => void;
}

/** Lines handed on at once: the thread that takes them in has others waiting. */
const LINES_A_TURN = 2_000;

/** Starts scraping: each target at once, then at multiples of its interval from there. Disposing ends a look under way. */
export function startScraping(sources: readonly SourceConfig[], deps: ScrapingDeps): Running {
  const stop = new AbortController();
  const done = Promise.all(sources.map((source) => run(source, deps, stop.signal))).then(() => {});
  return {
    done,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}

async function run(source: SourceConfig, deps: ScrapingDeps, stop: AbortSignal): Promise<void> {
  const { clock, emit, reporter } = deps;
  const { allowlist, denylist, tags, scrapeIntervalMs: intervalMs } = source;
  const deltas = new ScrapeDeltas({
    ...(allowlist === "" ? {} : { allow: compileRule(allowlist) }),
    ...(denylist === "" ? {} : { deny: compileRule(denylist) }),
    tags,
  });
  const told = newTold(source, reporter);
  for (let nextMs = clock.now(); !stop.aborted;) {
    const page = await scrape(source, deps, stop);
    if (stop.aborted) return;
    told.scraped(page);
    if (!("result" in page)) {
      const { lines, filtered, notFinite } = deltas.next(page.samples);
      for (let at = 0; at < lines.length; at += LINES_A_TURN) emit(lines.slice(at, at + LINES_A_TURN).join("\n"));
      told.took(page.samples.length, { filtered, not_finite: notFinite }, page.unknownTypes);
    }
    // A look that took longer than an interval leaves the missed ones out.
    nextMs += intervalMs * Math.max(1, Math.ceil((clock.now() - nextMs) / intervalMs));
    await clock.sleepUntil(nextMs, stop);
  }
}

/** Counts what happens to one source, and logs when it fails for the first time, and when it is well again. */
function newTold({ name }: SourceConfig, reporter: Reporter) {
  const { metrics } = reporter;
  const scrapes = metrics.counter("limier_openmetrics_scrapes_total", "Looks at pages of metrics, by how they ended.");
  const samples = metrics.counter("limier_openmetrics_samples_total", "Samples of scraped pages.");
  const skipped = metrics.counter("limier_openmetrics_samples_skipped_total", "Scraped samples left out, by reason.");
  const unknown = metrics.counter(
    "limier_openmetrics_unknown_types_total",
    "Scraped families of a type that is none; they are taken for gauges.",
  );
  let failed: string | undefined;
  return {
    scraped(page: object | ScrapeFailure): void {
      const failure = "result" in page ? page as ScrapeFailure : undefined;
      scrapes.inc(1, { source: name, result: failure?.result ?? "ok" });
      if (failure !== undefined && failure.result !== failed) {
        reporter.warn(`Cannot scrape ${name}: ${failure.message}`, { source: name, result: failure.result });
      } else if (failure === undefined && failed !== undefined) reporter.info("scraping works again", { source: name });
      failed = failure?.result;
    },
    took(count: number, left: Readonly<Record<string, number>>, unknownTypes: number): void {
      samples.inc(count, { source: name });
      for (const [reason, number] of Object.entries(left)) {
        if (number > 0) skipped.inc(number, { source: name, reason });
      }
      if (unknownTypes > 0) unknown.inc(unknownTypes, { source: name });
    },
  };
}
