import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { type Batch, BatchBuilder } from "../../metric/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import type { HostClient, Mode, ModeConfig, ModeDeps, PublishOptions } from "./mode.ts";
import { type Script, ScriptedClient, Sink } from "./scripted_client.ts";
import type { Outcome } from "./signal.ts";

/** A mode that the contract is held against. For tests. */
export interface Subject {
  readonly name: "single" | "failover" | "load_balance" | "async_balance";
  start(config: ModeConfig, clients: readonly HostClient<ScriptedClient>[], deps: ModeDeps): Mode;
}

/** What a world is made of besides its clients. */
export interface WorldOptions extends Partial<ModeConfig> {
  readonly random?: () => number;
}

/** Waits of a test, in milliseconds. */
export const T1 = { backoff: { initMs: 1, maxMs: 10 }, timeoutMs: 1 };
export const T2 = { backoff: { initMs: 100, maxMs: 1_000 }, timeoutMs: 100 };
export const T3 = { backoff: { initMs: 0, maxMs: 4 }, timeoutMs: 1 };

/** Events that went through a mode in all worlds so far. */
export const through = { events: 0, batches: 0, worlds: 0 };

/** One mode over scripted clients on a clock that stands still, with everything counted. For tests. */
export class World {
  readonly clock = new FakeClock(1_700_000_000_000);
  readonly sink = new Sink();
  readonly reporter = recordingReporter();
  readonly mode: Mode;
  readonly outcomes: { readonly outcome: Outcome; readonly atMs: number }[] = [];
  #published = 0;
  #events = 0;

  /** @param scripts one for each client; its host is named a, b, c, … unless the key says otherwise */
  constructor(subject: Subject, scripts: readonly Script[], { random = () => 0.5, ...config }: WorldOptions = {}) {
    const clients = scripts.map((script, i) => {
      const host = String.fromCharCode(97 + i);
      return { host, client: new ScriptedClient(host, script, this.sink, this.clock) };
    });
    const mode = subject.name === "async_balance" ? "load_balance" : subject.name;
    this.mode = subject.start(
      { name: "out", mode, maxRetries: 2, bulkMaxSize: 0, breaker: null, closeTimeoutMs: 0, ...T1, ...config },
      clients,
      { clock: this.clock, reporter: this.reporter, random },
    );
  }

  /** Publishes a batch of events of these names. */
  publish(names: readonly string[], options: PublishOptions = {}): Promise<Outcome> {
    this.#published++;
    this.#events += names.length;
    return this.mode.publish(batchOf(names), {
      ...options,
      receiver: (outcome) => {
        this.outcomes.push({ outcome, atMs: this.clock.monotonic() });
        options.receiver?.(outcome);
      },
    });
  }

  /** What `promise` yields, time moving on by up to `limitMs`. */
  async settle<Value>(promise: Promise<Value>, limitMs = 10_000_000): Promise<Value> {
    const state = { settled: false };
    promise.then(() => state.settled = true, () => state.settled = true);
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (let stepMs = 0, passedMs = 0; !state.settled;) {
      assert.ok(passedMs < limitMs, `nothing after ${passedMs} ms`);
      await this.clock.advance(stepMs);
      passedMs += stepMs;
      stepMs = Math.min(limitMs - passedMs, Math.max(1, stepMs * 2)) || 1;
    }
    return await promise;
  }

  /** A counter's sum over its other labels. */
  count(name: string): number {
    let sum = 0;
    for (const line of this.reporter.metrics.text().split("\n")) {
      if (line.startsWith(`limier_${name}{`)) sum += Number(line.split(" ").at(-1));
    }
    return sum;
  }

  /** Closes and looks whether anything is left over: what holds for every scenario. */
  async finish(): Promise<void> {
    await this.settle(this.mode.close(), 60_000);
    await this.settle(this.mode.close(), 1);
    const sends = this.sink.sends.length;
    await this.clock.advance(600_000);
    assert.equal(this.outcomes.length, this.#published, "one signal for each publish");
    assert.equal(this.sink.sends.length, sends, "nothing is sent after close");
    assert.equal(this.sink.open, 0, "no connection is left open");
    assert.equal(this.clock.sleeping, 0, "no timer is left");
    await this.mode.done;
    const accepted = this.count("events_accepted_total");
    assert.equal(accepted, this.#events);
    const ended = ["delivered", "duplicate", "rejected", "dropped"].map((how) => this.count(`events_${how}_total`));
    assert.equal(ended.reduce((sum, one) => sum + one, 0), accepted, "what was accepted has ended");
    assert.equal(this.count("pending_events"), 0);
    assert.equal(this.count("pending_bytes"), 0);
    const sums = this.outcomes.map(({ outcome: { acked, duplicate, rejected, failed } }) =>
      acked + duplicate + rejected + failed
    );
    assert.equal(sums.reduce((sum, one) => sum + one, 0), this.#events, "signals tell of every event");
    through.events += this.#events;
    through.batches += this.#published;
    through.worlds++;
  }
}

/** A batch of events with these texts. For tests. */
export function batchOf(events: readonly string[]): Batch {
  const builder = new BatchBuilder("points", 1_700_000_010);
  for (const event of events) {
    builder.appendText(event);
    builder.endEvent();
  }
  return builder.build();
}

/** `count` names, all different. For tests. */
export function names(count: number, prefix = "e"): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}
