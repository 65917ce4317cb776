/** An endpoint as the delivery modes want it. */
import { DeliveryError, type DestinationClient, type PublishResult } from "../../output/mod.ts";
import { type Batch, sliceBatch } from "../../metric/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import type { Clock } from "../../clock/mod.ts";
import { type StoreEndpoint, StoreError } from "./endpoint.ts";
import { readInsert } from "./insert_batch.ts";

/** The same trouble is told of at most this often. */
const TELL_EVERY_MS = 30_000;

const INSERT_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 20, 60];

/** Inserts batches by way of an endpoint, and counts how that goes. */
export class StoreClient implements DestinationClient {
  readonly concurrency: number;
  readonly #endpoint: StoreEndpoint;
  readonly #dialTimeoutMs: number;
  readonly #deps: { readonly clock: Clock; readonly reporter: Reporter };
  readonly #told = new Map<string, number>();
  #isConnected = false;

  constructor(
    endpoint: StoreEndpoint,
    options: { readonly concurrency: number; readonly dialTimeoutMs: number },
    deps: { readonly clock: Clock; readonly reporter: Reporter },
  ) {
    this.#endpoint = endpoint;
    this.concurrency = options.concurrency;
    this.#dialTimeoutMs = options.dialTimeoutMs;
    this.#deps = deps;
  }

  get isConnected(): boolean {
    return this.#isConnected && this.#endpoint.isOpen;
  }

  async connect(timeoutMs: number): Promise<void> {
    try {
      const limitMs = timeoutMs > 0 ? Math.min(timeoutMs, this.#dialTimeoutMs) : this.#dialTimeoutMs;
      await this.#endpoint.open(limitMs);
      this.#isConnected = true;
    } catch (error) {
      throw this.#tell(error);
    }
  }

  async publish(batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    for (let i = 0; i < batch.ends.length; i++) {
      const { head, block } = readInsert(batch, i);
      const startMs = this.#deps.clock.monotonic();
      try {
        await this.#endpoint.insert(head, block, signal);
      } catch (error) {
        return { remaining: i === 0 ? batch : sliceBatch(batch, i, batch.ends.length), error: this.#tell(error) };
      }
      this.#deps.reporter.metrics.histogram(
        "limier_outlet_clickhouse_insert_time_seconds",
        "How long inserts took that succeeded.",
        INSERT_SECONDS,
      ).observe((this.#deps.clock.monotonic() - startMs) / 1000);
    }
    return { remaining: null };
  }

  /**
   * Looks at the endpoint anew before the next insert. Others that are under way go on, each until its own signal ends it,
   * and so do statements: they have requests of their own. Whoever made the endpoint closes it.
   */
  close(): Promise<void> {
    this.#isConnected = false;
    return Promise.resolve();
  }

  /** Counts and tells of a failure. */
  #tell(error: unknown): DeliveryError {
    const found = error instanceof StoreError ? error : undefined;
    const stage = found?.options.stage ?? "send";
    const message = error instanceof Error ? error.message : String(error);
    const { clock, reporter } = this.#deps;
    reporter.metrics.counter("limier_outlet_clickhouse_errors_total", "Connections and inserts that failed.")
      .inc(1, { error: stage });
    const nowMs = clock.monotonic();
    const key = `${stage} ${found?.exceptionCode ?? found?.failure ?? ""}`;
    if (nowMs - (this.#told.get(key) ?? -Infinity) >= TELL_EVERY_MS) {
      this.#told.set(key, nowMs);
      const fields = { server: this.#endpoint.label, error: stage };
      if (found?.failure === "configuration") reporter.error(message, fields);
      else reporter.warn(message, fields);
    }
    return new DeliveryError(found?.failure ?? "retry", message, {
      cause: error,
      label: stage,
      reported: true,
      ...(found?.options.retryAfterMs === undefined ? {} : { retryAfterMs: found.options.retryAfterMs }),
    });
  }
}
