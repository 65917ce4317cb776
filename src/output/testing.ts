import { type Clock, FakeClock } from "../clock/mod.ts";
import { type Batch, BatchBuilder, type BatchKind } from "../metric/mod.ts";
import { recordingReporter } from "../telemetry/mod.ts";
import { NO_FILTER } from "./config.ts";
import type { ClientDeps, Observation, OutputConfig } from "./contract.ts";

/** A batch of events with these texts. For tests. */
export function batchOf(kind: BatchKind, ...events: string[]): Batch {
  const builder = new BatchBuilder(kind, 1_700_000_010);
  for (const event of events) {
    builder.appendText(event);
    builder.endEvent();
  }
  return builder.build();
}

/** The texts of a batch's events. For tests. */
export function eventTexts(batch: Batch | null): string[] {
  let start = 0;
  return Array.from(batch?.ends ?? [], (end) => new TextDecoder().decode(batch!.bytes.subarray(start, start = end)));
}

/** An output's settings with every default. For tests. */
export function outputConfig(changes: Partial<OutputConfig> = {}): OutputConfig {
  return {
    name: "out",
    kind: "test",
    mode: "single",
    hosts: ["http://127.0.0.1:1"],
    worker: 1,
    timeoutMs: 30_000,
    backoff: { initMs: 1_000, maxMs: 60_000 },
    maxRetries: 3,
    bulkMaxSize: 25_000,
    sends: ["points"],
    spool: false,
    tls: {},
    filter: NO_FILTER,
    own: {},
    ...changes,
  };
}

/** A request as a scripted `fetch` saw it. */
export interface SeenRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A `fetch` that answers what `reply` says and keeps what it was asked. For tests. */
export function scriptedFetch(reply: (request: SeenRequest, index: number) => Response | Promise<Response>) {
  const requests: SeenRequest[] = [];
  const fetch: ClientDeps["fetch"] = async (url, init) => {
    const headers = new Headers(init.headers);
    const body = init.body as Uint8Array<ArrayBuffer>;
    const request = { url, method: init.method ?? "GET", headers, body };
    requests.push(request);
    return await reply(request, requests.length - 1);
  };
  return { fetch, requests };
}

/** What a client is given, with everything it tells kept. For tests. */
export function testDeps<Time extends Clock = FakeClock>(
  fetch: ClientDeps["fetch"] = () => Promise.reject(new Error("no HTTP here")),
  clock?: Time,
) {
  const observations: Observation[] = [];
  const reporter = recordingReporter();
  return {
    clock: (clock ?? new FakeClock(1_700_000_010_000)) as Time,
    reporter,
    fetch,
    observations,
    observe: (what: Observation) => void observations.push(what),
  };
}

/** A signal that never aborts. */
export const forever: AbortSignal = new AbortController().signal;
