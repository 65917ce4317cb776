/** What a program tells of itself as a process: its log, its errors to Sentry, and of what it ends by. */
import type { Clock } from "../clock/mod.ts";
import {
  type LogLevel,
  newRedactor,
  newReporter,
  newSentry,
  type Redactor,
  Registry,
  type Reporter,
  type SentryDsn,
} from "../telemetry/mod.ts";
import { VERSION } from "./version.ts";

/** How long reports of a crash may take before the process ends, in milliseconds. */
const REPORT_MS = 10_000;

/** Where reports go, and which. */
export interface ReportSettings {
  /** Absent: Sentry hears of nothing. */
  readonly sentry: SentryDsn | undefined;
  /** What Sentry calls this host. */
  readonly serverName: string;
  /** The least level that is logged; a function is asked each time. */
  readonly level: LogLevel | (() => LogLevel);
  /** Takes the log line by line. @default standard error, as text where that is a terminal */
  readonly write?: (line: string) => void;
  readonly clock: Clock;
}

/** A program's reports. */
export interface Reports {
  readonly reporter: Reporter;
  /** Takes secrets out of all of them. */
  readonly redactor: Redactor;
  /** Resolves when Sentry has heard all, or would take too long. */
  flush(): Promise<void>;
  /** Ends the process with 1 by an error that nobody caught, once it is reported. */
  crash(error: unknown): void;
}

/** Opens a program's reports. */
export function openReports({ sentry: dsn, serverName, level, write, clock }: ReportSettings): Reports {
  const redactor = newRedactor();
  const metrics = new Registry();
  const reported = metrics.counter("limier_sentry_reports_total", "Reports to Sentry, by how they ended.");
  const sentry = dsn === undefined ? undefined : newSentry({
    dsn,
    serverName,
    release: VERSION,
    redactor,
    clock,
    fetch,
    onReport: (outcome) => reported.inc(1, { outcome }),
  });
  const reporter = newReporter({
    level,
    format: write === undefined && Deno.stderr.isTerminal() ? "text" : "json",
    write: write ?? ((line) => void Deno.stderr.writeSync(new TextEncoder().encode(line))),
    clock,
    metrics,
    redactor,
    ...(sentry === undefined ? {} : { sentry }),
  });
  const flush = async () => void await sentry?.flush(REPORT_MS);
  return {
    reporter,
    redactor,
    flush,
    crash(error) {
      sentry?.capture({ level: "fatal", message: "uncaught error", error });
      // Logged below error level, so that it is not reported twice.
      reporter.warn("Cannot go on after an uncaught error", { error });
      flush().finally(() => Deno.exit(1));
    },
  };
}

/** Lets whatever nobody catches crash the process. */
export function crashOnUncaught({ crash }: Pick<Reports, "crash">): void {
  addEventListener("error", (event) => {
    event.preventDefault();
    // The error of another thread comes as its text alone.
    crash(event.error ?? new Error(event.message));
  });
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    crash(event.reason);
  });
}
