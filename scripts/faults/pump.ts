/** The asynchronous balancer over clients that report progress, fed from the spool: what no HTTP destination makes use of. */
import {
  type AsyncClient,
  makeClients,
  type Mode,
  type ModeConfig,
  type ModeOutcome,
  type Outcome,
  type Output,
  type OutputConfig,
  type OutputDeps,
  type SpoolReader,
  startAsyncBalance,
} from "../../src/output/mod.ts";
import type { Batch } from "../../src/metric/mod.ts";

/** Starts it over the clients of each host, each with `width` sends outstanding. */
export function startPump(
  config: OutputConfig & Partial<ModeConfig>,
  deps: OutputDeps,
  width: number,
  newClient: (host: string) => AsyncClient,
): Output {
  return new Pump(config, deps, width, newClient);
}

class Pump implements Output {
  readonly name: string;
  readonly #deps: OutputDeps;
  readonly #mode: Mode;
  readonly #enough = new AbortController();
  readonly #draining: Promise<void>;

  constructor(
    config: OutputConfig & Partial<ModeConfig>,
    deps: OutputDeps,
    width: number,
    newClient: (host: string) => AsyncClient,
  ) {
    this.name = config.name;
    this.#deps = deps;
    const clients = makeClients(config, newClient);
    this.#mode = startAsyncBalance({ ...config, pipelining: width, countsEvents: !config.spool }, clients, deps);
    this.#draining = config.spool ? this.#drain() : Promise.resolve();
  }

  get done(): Promise<void> {
    return this.#mode.done;
  }

  async offer(batch: Batch): Promise<Outcome> {
    const { spool, onEnd } = this.#deps;
    if (spool !== undefined) {
      const { stored, rejected, dropped } = await spool.append(this.name, batch);
      return { delivered: 0, rejected, failed: dropped, stored };
    }
    const { acked, duplicate, rejected, failed } = await this.#mode.publish(batch);
    const outcome = { delivered: acked + duplicate, rejected, failed };
    onEnd?.(batch.kind, outcome);
    return outcome;
  }

  page(): undefined {
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#enough.abort();
    await this.#mode.close(0);
    await this.#draining;
  }

  async #drain(): Promise<void> {
    await using reader = this.#deps.spool!.reader(this.name);
    const flying = new Set<Promise<void>>();
    for (let next; (next = await reader.next(this.#enough.signal)) !== null;) {
      const { from, to, batch } = next;
      const taken = Promise.withResolvers<void>();
      const ended: Promise<void> = this.#mode.publish(batch, { guaranteed: true, taken: taken.resolve }).then(
        (outcome) => {
          finish(reader, from, to, outcome);
          this.#deps.onEnd?.(batch.kind, {
            delivered: outcome.acked,
            rejected: outcome.rejected,
            failed: outcome.failed,
          });
          flying.delete(ended);
        },
      );
      flying.add(ended);
      await Promise.race([taken.promise, ended]);
    }
    await Promise.all(flying);
  }
}

function finish(reader: SpoolReader, from: number, to: number, outcome: ModeOutcome): void {
  if (outcome.reason === "closed") return;
  const { acked, duplicate, rejected } = outcome;
  reader.finish({ from, to: from + acked }, "delivered");
  reader.finish({ from: from + acked, to: from + acked + duplicate }, "duplicate");
  reader.finish({ from: from + acked + duplicate, to: from + acked + duplicate + rejected }, "rejected", "status");
  reader.finish({ from: from + acked + duplicate + rejected, to }, "dropped", outcome.reason ?? "unknown");
}
