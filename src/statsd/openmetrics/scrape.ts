/** One look at a page: asked for over HTTP, bounded in time and size. */
import { readAtMost } from "../../bytes/mod.ts";
import type { Clock } from "../../clock/mod.ts";
import { isWireError } from "../wire_error.ts";
import { type Exposition, parseExposition } from "./exposition_wire.ts";

/** What a page is asked for with. */
export interface ScrapeDeps {
  readonly clock: Clock;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

/** Why there is no page. `result` is a stable word, or the HTTP status. */
export interface ScrapeFailure {
  readonly result: string;
  readonly message: string;
}

const ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/** Asks for a page and reads it. Never throws. Results: `timeout`, `connection`, a status, `too_large`, `syntax`, `incomplete`. */
export async function scrape(
  target: { readonly scrapeTarget: string; readonly scrapeTimeoutMs: number; readonly maxBodyBytes: number },
  { clock, fetch }: ScrapeDeps,
  stop: AbortSignal,
): Promise<Exposition | ScrapeFailure> {
  const late = new AbortController(), done = new AbortController();
  clock.sleep(target.scrapeTimeoutMs, done.signal).then(() => late.abort());
  const signal = AbortSignal.any([stop, late.signal]);
  try {
    const seconds = target.scrapeTimeoutMs / 1000;
    const response = await fetch(target.scrapeTarget, {
      headers: { Accept: ACCEPT, "X-Prometheus-Scrape-Timeout-Seconds": String(seconds) },
      signal,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return { result: String(response.status), message: `it answers ${response.status}` };
    }
    const { bytes, isCut } = await readAtMost(response.body, target.maxBodyBytes);
    if (isCut) {
      return { result: "too_large", message: `the page is larger than max_body (${target.maxBodyBytes} bytes)` };
    }
    const openMetrics = response.headers.get("content-type")?.startsWith("application/openmetrics-text") ?? false;
    const page = parseExposition(bytes, { openMetrics });
    return isWireError(page) ? { result: page.reason, message: page.message } : page;
  } catch (error) {
    if (late.signal.aborted) return { result: "timeout", message: `no answer within ${target.scrapeTimeoutMs} ms` };
    return { result: "connection", message: whyOf(error) };
  } finally {
    done.abort();
  }
}

/** `fetch` says why it failed in a cause. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
