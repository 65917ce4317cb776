// A client of our own: Sentry's packages patch fetch, console and the runtime's error handlers of whatever process
// loads them, and Limier is also a library inside other programs.
import type { Clock } from "../clock/mod.ts";
import { errorText, plain } from "./plain.ts";
import type { Redactor } from "./redactor.ts";
import type { Fields } from "./reporter.ts";
import { type StackFrame, stackFrames } from "./stack_frames.ts";

/** Where events go and as whom: the parts of a DSN, `{proto}://{public}[:{secret}]@{host}/{project}`. */
export interface SentryDsn {
  /** The envelope endpoint, https://develop.sentry.dev/sdk/data-model/envelopes/. */
  readonly url: string;
  readonly publicKey: string;
  /** What old servers also ask for; "" without. */
  readonly secretKey: string;
}

/** A DSN that names no project of a server. Its message leaves the DSN out: it is a secret. */
export class SentryDsnError extends RangeError {
  override readonly name = "SentryDsnError";
  readonly code = "telemetry.sentry_dsn";

  constructor(what: string) {
    super(`Cannot use sentry_dsn: ${what}; write https://PUBLIC_KEY@HOST/PROJECT`);
  }
}

/** @throws {SentryDsnError} on anything that is no DSN */
export function parseSentryDsn(dsn: string): SentryDsn {
  const url = URL.parse(dsn.trim());
  if (url === null) throw new SentryDsnError("it is no URL");
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new SentryDsnError("it begins with no http or https");
  }
  if (url.username === "") throw new SentryDsnError("it has no public key");
  const [, path = "", project = ""] = /^(.*)\/([^/]+)$/.exec(url.pathname) ?? [];
  if (project === "") throw new SentryDsnError("it names no project");
  return {
    url: `${url.protocol}//${url.host}${path}/api/${project}/envelope/`,
    publicKey: decodeURIComponent(url.username),
    secretKey: decodeURIComponent(url.password),
  };
}

/** What is reported. */
export interface SentryReport {
  readonly level: "error" | "fatal";
  /** The log line. */
  readonly message: string;
  /** What was thrown; its text becomes the event's message. */
  readonly error?: unknown;
  /** The line's other fields. */
  readonly extra?: Fields;
}

/** Delivers reports to Sentry in the background. */
export interface SentryClient {
  /** Takes a report; never waits and never throws. When too many wait already, it is left out. */
  capture(report: SentryReport): void;
  /** Resolves when nothing is waiting or under way any more, or after `timeoutMs`: whether all was sent by then. */
  flush(timeoutMs: number): Promise<boolean>;
}

/** What a client is given. */
export interface SentryOptions {
  readonly dsn: SentryDsn;
  /** Host name the events carry. */
  readonly serverName: string;
  /** Version the events carry. */
  readonly release: string;
  readonly redactor: Redactor;
  readonly clock: Clock;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Told how each report ended: `sent` is what `sentry.errors_total` counts. */
  readonly onReport?: (outcome: "sent" | "failed" | "dropped") => void;
  /** Reports that may wait. @default 100 */
  readonly maxQueued?: number;
  /** Requests at a time. @default 2 */
  readonly maxInFlight?: number;
  /** Milliseconds one request may take. @default 10000 */
  readonly timeoutMs?: number;
}

/** How long Sentry is left alone after a 429 that doesn't say, in milliseconds. */
const DEFAULT_PAUSE_MS = 60_000;

/** How deep an event goes: frames stand in a trace, in an exception, in a list, in an object; fields may go on. */
const DEEPEST = 10;

/** Makes a client; nothing is sent before the first report. */
export function newSentry(options: SentryOptions): SentryClient {
  const { dsn, redactor, clock, onReport, maxQueued = 100, maxInFlight = 2, timeoutMs = 10_000 } = options;
  const queue: string[] = [];
  const emptied = new Set<() => void>();
  let inFlight = 0;
  let pausedUntilMs = -Infinity;
  const auth = [
    "Sentry sentry_version=7",
    `sentry_client=limier/${options.release}`,
    `sentry_key=${dsn.publicKey}`,
    ...dsn.secretKey === "" ? [] : [`sentry_secret=${dsn.secretKey}`],
  ].join(", ");

  async function send(body: string): Promise<void> {
    const stop = new AbortController();
    const done = new AbortController();
    clock.sleep(timeoutMs, done.signal).then(() => stop.abort());
    let outcome: "sent" | "failed" = "failed";
    try {
      const response = await options.fetch(dsn.url, {
        method: "POST",
        headers: { "content-type": "application/x-sentry-envelope", "x-sentry-auth": auth },
        body,
        signal: stop.signal,
      });
      await response.body?.cancel();
      if (response.ok) outcome = "sent";
      if (response.status === 429) {
        const seconds = Number(response.headers.get("retry-after") ?? NaN);
        pausedUntilMs = clock.monotonic() + (seconds > 0 ? seconds * 1000 : DEFAULT_PAUSE_MS);
      }
    } catch {
      // Sentry can't be reached. Logging that would be a report of its own; onReport counts it.
    }
    done.abort();
    inFlight--;
    onReport?.(outcome);
    next();
  }

  function next(): void {
    if (clock.monotonic() < pausedUntilMs) {
      for (const _ of queue.splice(0)) onReport?.("dropped");
    }
    while (queue.length > 0 && inFlight < maxInFlight) {
      const body = queue.shift()!;
      inFlight++;
      send(body);
    }
    if (inFlight === 0) {
      for (const wake of emptied) wake();
    }
  }

  return {
    capture(report) {
      if (queue.length >= maxQueued || clock.monotonic() < pausedUntilMs) {
        onReport?.("dropped");
        return;
      }
      try {
        queue.push(envelope(report, options, clock.now(), redactor));
      } catch {
        // A field that throws when it is read: reporting must not make a second error of it.
        onReport?.("dropped");
        return;
      }
      next();
    },
    async flush(timeoutMs) {
      if (inFlight === 0 && queue.length === 0) return true;
      const done = new AbortController();
      const wake = () => done.abort();
      emptied.add(wake);
      await clock.sleep(timeoutMs, done.signal);
      emptied.delete(wake);
      return inFlight === 0 && queue.length === 0;
    },
  };
}

/** One event as an envelope: a header, an item's header and the item, a line each. */
function envelope(
  report: SentryReport,
  { serverName, release }: SentryOptions,
  nowMs: number,
  { redact }: Redactor,
): string {
  const { level, error } = report;
  const eventId = crypto.randomUUID().replaceAll("-", "");
  const extra: Fields = error === undefined ? { ...report.extra } : { ...report.extra, log: report.message };
  const event = {
    event_id: eventId,
    timestamp: nowMs / 1000,
    platform: "javascript",
    logger: "limier",
    level,
    message: error === undefined ? report.message : errorText(error),
    server_name: serverName,
    release,
    extra,
    ...error instanceof Error ? { exception: { values: exceptions(error) } } : { threads: { values: [thread()] } },
  };
  const body = JSON.stringify(plain(event, redact, DEEPEST));
  const sentAt = new Date(nowMs).toISOString();
  return `${JSON.stringify({ event_id: eventId, sent_at: sentAt })}\n{"type":"event"}\n${body}\n`;
}

/** An error and its causes, in Sentry's order: the first cause first. */
function exceptions(error: Error): { type: string; value: string; stacktrace?: { frames: StackFrame[] } }[] {
  const values = [];
  const seen = new Set<unknown>();
  for (let at: unknown = error; at instanceof Error && !seen.has(at) && seen.size < 10; at = at.cause) {
    seen.add(at);
    const frames = stackFrames(at.stack);
    values.push({ type: at.name, value: at.message, ...frames.length > 0 ? { stacktrace: { frames } } : {} });
  }
  return values.reverse();
}

/** Where the log line was written, for a report without an error of its own. */
function thread(): { id: number; current: boolean; stacktrace: { frames: StackFrame[] } } {
  return { id: 0, current: true, stacktrace: { frames: stackFrames(new Error().stack) } };
}
