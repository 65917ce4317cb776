/** Sends forwards to a global instance over HTTP. */
import type { Clock } from "../clock/mod.ts";
import { DeliveryError, fetchFailure, type Observation } from "../output/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";
import type { ForwardOutcome } from "./forwarder.ts";

/** What a client is given. */
export interface ForwardClientDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly fetch: (url: string, init: RequestInit & { client?: Deno.HttpClient }) => Promise<Response>;
  /** Told of each request. */
  readonly observe?: (what: Observation) => void;
}

/** Statuses that say for certain that nothing was taken: the import is answered before it is merged. */
const NOT_TAKEN = [400, 401, 403, 404, 405, 408, 413, 415, 429, 503];

/**
 * A function that posts one body to `address` + `/import`. A name is resolved anew for each connection.
 *
 * @param address `http://host:port`, or `host:port`
 * @param timeoutMs of one request
 */
export function newForwardClient(
  address: string,
  timeoutMs: number,
  deps: ForwardClientDeps,
): (body: Uint8Array<ArrayBuffer>, series: number) => Promise<ForwardOutcome> {
  const base = /^https?:\/\//.test(address) ? address : `http://${address}`;
  const url = `${base.replace(/\/+$/, "")}/import`;
  const forwarded = deps.reporter.metrics.counter(
    "limier_forward_series_total",
    "Series of forwards, by how they ended.",
  );
  const ambiguous = deps.reporter.metrics.counter(
    "limier_forward_ambiguous_total",
    "Series of forwards that may have been taken, and were not sent again.",
  );
  return async (body, series) => {
    const startMs = deps.clock.monotonic();
    const failure = await post(url, body, timeoutMs, deps);
    deps.observe?.({
      action: "forward",
      contentLength: body.length,
      durationMs: { part: "post", value: deps.clock.monotonic() - startMs },
      ...(failure === undefined ? {} : { errorCause: failure.label }),
    });
    const outcome = failure === undefined ? "delivered" : isCertain(failure) ? "refused" : "ambiguous";
    forwarded.inc(series, { outcome });
    if (outcome === "ambiguous") ambiguous.inc(series);
    if (failure !== undefined) deps.reporter.warn(failure.message, { series, outcome });
    return outcome;
  };
}

/** Whether the failure says that nothing was taken. */
function isCertain({ failure, options: { status } }: DeliveryError): boolean {
  return status === undefined ? failure === "connection" || failure === "configuration" : NOT_TAKEN.includes(status);
}

async function post(
  url: string,
  body: Uint8Array<ArrayBuffer>,
  timeoutMs: number,
  { clock, fetch }: ForwardClientDeps,
): Promise<DeliveryError | undefined> {
  const late = new AbortController(), done = new AbortController();
  clock.sleep(timeoutMs, done.signal).then(() => done.signal.aborted || late.abort());
  const { host } = new URL(url);
  // On a kept connection that is closed before it answers, the runtime sends a request again by itself, though it may have been
  // executed, and what is merged twice counts twice. So each has a connection of its own.
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    const headers = { "content-type": "application/json", "content-encoding": "deflate" };
    const init = { method: "POST", headers, body, redirect: "manual", signal: late.signal, client } as const;
    const response = await fetch(url, init);
    await response.body?.cancel();
    const { status } = response;
    if (status === 200 || status === 202) return undefined;
    return new DeliveryError("retry", `Cannot forward to ${host}: it answered ${status}`, { status });
  } catch (error) {
    return fetchFailure(error, host, late.signal.aborted);
  } finally {
    done.abort();
  }
}
