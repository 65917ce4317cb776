import type { Running } from "../clock/mod.ts";
import { type Batch, sliceBatch } from "../metric/mod.ts";
import { Account } from "./account.ts";
import { backoffMs } from "./backoff.ts";
import {
  type ClientDeps,
  DeliveryError,
  type DeliveryFailure,
  type Destination,
  type DestinationClient,
  type OutputConfig,
  type PublishResult,
} from "./contract.ts";
import { destinationOf } from "./destinations.ts";
import { MAX_RETRY_AFTER_MS } from "./http_failure.ts";

/** Attempts at most, however many retries are allowed: more do not fit into a flush's interval. */
const MOST_ATTEMPTS = 3;

/** Failures that another host would answer no better, or that ask for patience with this one. */
const STAYS: readonly DeliveryFailure[] = ["throttle", "too_large", "permanent"];

/** How long a client may take to come back after its attempt was ended. */
const GRACE_MS = 1_000;

/** How a batch ended, in events. */
export interface Outcome {
  readonly delivered: number;
  /** Refused for good by the destination. */
  readonly rejected: number;
  /** Given up. */
  readonly failed: number;
  /** Why events failed, the same word that labels the counter: an HTTP status, `connection`, `deadline`, `queue_full`, … */
  readonly cause?: string;
}

/** What waits to be sent, at most. */
export interface QueueLimits {
  readonly batches: number;
  readonly bytes: number;
}

/** What an output is given. */
export interface OutputDeps extends ClientDeps {
  /** In [0, 1), for the jitter of waits. @default Math.random */
  readonly random?: () => number;
  /** Beyond these a new batch is dropped as `queue_full`. @default 1024 batches, 256 MiB */
  readonly queue?: QueueLimits;
  /** How long disposing lets batches end, in milliseconds. @default 10 s */
  readonly drainMs?: number;
  /** The kind of the output. @default the registered one */
  readonly destination?: Destination<unknown>;
}

/** An output that takes batches. Disposing stops taking, lets accepted batches end, and fails those that take too long. */
export interface Output extends Running {
  readonly name: string;
  /**
   * Delivers a batch. Never rejects, and settles exactly once: in time when the destination answers, else when
   * `deadline` aborts or the output is closed.
   */
  offer(batch: Batch, deadline?: AbortSignal): Promise<Outcome>;
  /** What the destination shows by itself, where it does: the text of an HTTP page. */
  page(): string | undefined;
}

interface Job {
  readonly batch: Batch;
  readonly deadline: AbortSignal | undefined;
  readonly settle: (outcome: Outcome) => void;
}

interface Host {
  readonly client: DestinationClient;
  /** Publishes under way. */
  busy: number;
}

/** A sum of outcomes while a batch is under way. */
interface Tally {
  delivered: number;
  rejected: number;
  failed: number;
  cause?: string;
}

/** Starts an output. No connection is made before the first batch. */
export function startOutput(config: OutputConfig, deps: OutputDeps): Output {
  return new Delivery(config, deps);
}

class Delivery implements Output {
  readonly name: string;
  readonly done: Promise<void>;
  /** Private, as everything that holds a key is, so that no inspection shows it. */
  readonly #config: OutputConfig;
  readonly #deps: OutputDeps;
  readonly #hosts: readonly Host[];
  readonly #width: number;
  readonly #countsRepeats: boolean;
  readonly #account: Account;
  readonly #queue: QueueLimits;
  readonly #waiting: Job[] = [];
  /** Aborts when what is left is to fail at once. */
  readonly #closed = new AbortController();
  readonly #finished = Promise.withResolvers<void>();
  #stopping: Promise<void> | undefined;
  #idle: (() => void) | undefined;
  #active = 0;
  #heldBatches = 0;
  #heldBytes = 0;
  /** The host in use; the next one after a failure, where there are several. */
  #current = 0;

  constructor(config: OutputConfig, deps: OutputDeps) {
    this.#config = config;
    this.#deps = deps;
    const destination = deps.destination ?? destinationOf(config.kind);
    this.#countsRepeats = destination.countsRepeats ?? false;
    const names = destination.defaultHosts === null ? [""] : config.hosts;
    const used = config.mode === "single" ? names.slice(0, 1) : names;
    this.#hosts = used.map((host) => ({ client: destination.newClient(host, config, config.own, deps), busy: 0 }));
    const widths = this.#hosts.map(({ client }) => client.concurrency ?? 1);
    this.#width = config.mode === "load_balance" ? widths.reduce((sum, one) => sum + one, 0) : Math.min(...widths);
    this.#account = new Account(config.name, deps.reporter, deps.clock);
    this.#queue = deps.queue ?? { batches: 1_024, bytes: 256 * 2 ** 20 };
    this.name = config.name;
    this.done = this.#finished.promise;
  }

  offer(batch: Batch, deadline?: AbortSignal): Promise<Outcome> {
    const count = batch.ends.length;
    if (count === 0) return Promise.resolve({ delivered: 0, rejected: 0, failed: 0 });
    this.#account.accept(count);
    const bytes = this.#heldBytes + batch.bytes.length;
    const full = this.#heldBatches > 0 && (this.#heldBatches >= this.#queue.batches || bytes > this.#queue.bytes);
    const refusal = this.#stopping !== undefined ? "closed" : full ? "queue_full" : undefined;
    if (refusal !== undefined) {
      this.#account.drop(refusal, count);
      return Promise.resolve({ delivered: 0, rejected: 0, failed: count, cause: refusal });
    }
    this.#heldBatches++;
    this.#heldBytes += batch.bytes.length;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const job: Job = { batch, deadline, settle: resolve };
    this.#waiting.push(job);
    deadline?.addEventListener("abort", () => this.#expire(job), { once: true });
    this.#pump();
    return promise;
  }

  page(): string | undefined {
    return this.#hosts[0]?.client.page?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#stopping ??= this.#stop());
  }

  async #stop(): Promise<void> {
    const { clock, drainMs = 10_000 } = this.#deps;
    const timer = new AbortController();
    const late = clock.sleep(drainMs, timer.signal).then(() => this.#closed.abort());
    if (this.#active > 0) await new Promise<void>((resolve) => this.#idle = resolve);
    timer.abort();
    await late;
    await Promise.allSettled(this.#hosts.map(({ client }) => client.close())); // nothing hangs on how they part
    this.#finished.resolve();
  }

  #pump(): void {
    while (this.#active < this.#width) {
      const job = this.#waiting.shift();
      if (job === undefined) break;
      this.#active++;
      this.#run(job);
    }
    if (this.#active === 0) this.#idle?.();
  }

  /** A job whose time is over while it waits for its turn fails there and then. */
  #expire(job: Job): void {
    const place = this.#waiting.indexOf(job);
    if (place < 0) return; // under way, or over
    this.#waiting.splice(place, 1);
    const tally: Tally = { delivered: 0, rejected: 0, failed: 0 };
    this.#giveUp(job.batch, "deadline", tally);
    this.#settle(job, tally);
  }

  #settle(job: Job, outcome: Outcome): void {
    this.#heldBatches--;
    this.#heldBytes -= job.batch.bytes.length;
    job.settle(outcome);
  }

  async #run(job: Job): Promise<void> {
    const tally: Tally = { delivered: 0, rejected: 0, failed: 0 };
    const ends = job.deadline === undefined
      ? this.#closed.signal
      : AbortSignal.any([job.deadline, this.#closed.signal]);
    await this.#deliver(job.batch, ends, tally);
    this.#active--;
    this.#settle(job, tally);
    this.#pump();
  }

  /** Publishes until nothing is left of `batch`, or it has to be given up. */
  async #deliver(batch: Batch, ends: AbortSignal, tally: Tally): Promise<void> {
    const { maxRetries } = this.#config;
    const attempts = maxRetries < 0 ? Infinity : Math.min(maxRetries + 1, MOST_ATTEMPTS);
    let left = batch;
    for (let failures = 0; failures < attempts;) {
      if (ends.aborted) return this.#giveUp(left, this.#endReason(), tally);
      const { remaining, rejected = [], error } = await this.#attempt(left, ends);
      const refused = rejected.reduce((sum, { count }) => sum + count, 0);
      const gone = left.ends.length - (remaining?.ends.length ?? 0);
      for (const { reason, count } of rejected) this.#account.reject(reason, count, error);
      this.#account.deliver(gone - refused);
      tally.rejected += refused;
      tally.delivered += gone - refused;
      if (remaining === null) return;
      left = remaining;
      if (error === undefined && gone > 0) continue;
      const failure = error ?? noProgress(this.name);

      if (failure.failure === "too_large") return await this.#halve(left, failure, ends, tally);
      if (failure.failure === "permanent") {
        this.#account.reject(reasonOf(failure), left.ends.length, failure);
        tally.rejected += left.ends.length;
        return;
      }
      if (ends.aborted) return this.#giveUp(left, this.#endReason(), tally, failure);
      failures = gone > 0 ? 0 : failures + 1;
      const unsafe = failure.failure === "ambiguous" && this.#countsRepeats;
      if (unsafe || failure.failure === "configuration" || failures >= attempts) {
        return this.#giveUp(left, reasonOf(failure), tally, failure);
      }
      await this.#pause(Math.max(0, failures - 1), failure, ends);
    }
  }

  /** One publish on one connection, within the time of one attempt. */
  async #attempt(batch: Batch, ends: AbortSignal): Promise<PublishResult> {
    const host = this.#pick();
    if (host === undefined) {
      return {
        remaining: batch,
        error: new DeliveryError("configuration", `Cannot deliver: ${this.name} has no host`),
      };
    }
    const { clock } = this.#deps;
    const over = new AbortController();
    const timer = new AbortController();
    const signal = AbortSignal.any([ends, over.signal]);
    if (this.#config.timeoutMs > 0) {
      clock.sleep(this.#config.timeoutMs, timer.signal).then(() => timer.signal.aborted || over.abort());
    }
    host.busy++;
    let result: PublishResult;
    try {
      result = await this.#inTime(this.#publish(host.client, batch, signal), batch, signal, timer.signal);
    } catch (error) {
      result = { remaining: batch, error: asDeliveryError(error, this.name) };
    }
    host.busy--;
    timer.abort();
    const { error } = result;
    this.#account.attempt(error?.failure ?? (result.remaining === null ? "ok" : "partial"));
    const moves = error !== undefined && !STAYS.includes(error.failure);
    if (moves && this.#hosts[this.#current] === host) this.#current = (this.#current + 1) % this.#hosts.length;
    return result;
  }

  async #publish(client: DestinationClient, batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    if (!client.isConnected) await client.connect(this.#config.timeoutMs);
    if (signal.aborted) {
      throw new DeliveryError("connection", `Cannot deliver to output ${this.name}: connecting took all the time`);
    }
    return await client.publish(batch, signal);
  }

  /** What `published` says, or a failure a little after its time is over: one client must not hold up the rest. */
  #inTime(
    published: Promise<PublishResult>,
    batch: Batch,
    signal: AbortSignal,
    settled: AbortSignal,
  ): Promise<PublishResult> {
    const { clock } = this.#deps;
    return Promise.race([
      published,
      untilAborted(signal, settled).then(() => clock.sleep(GRACE_MS, settled)).then((): PublishResult => ({
        remaining: batch,
        error: new DeliveryError("ambiguous", `Cannot deliver to output ${this.name}: its client did not come back`),
      })),
    ]);
  }

  /** The host in use, or, in a balanced output, the least busy one from there on. */
  #pick(): Host | undefined {
    if (this.#config.mode !== "load_balance") return this.#hosts[this.#current];
    let best: Host | undefined;
    for (let i = 0; i < this.#hosts.length; i++) {
      const host = this.#hosts[(this.#current + i) % this.#hosts.length]!;
      if (best === undefined || host.busy < best.busy) best = host;
    }
    return best;
  }

  /** Both halves of a batch that was too large as a whole; one event that is too large is rejected. */
  async #halve(batch: Batch, failure: DeliveryError, ends: AbortSignal, tally: Tally): Promise<void> {
    const count = batch.ends.length;
    if (count === 1) {
      this.#account.reject("too_large", 1, failure);
      tally.rejected++;
      return;
    }
    const middle = Math.ceil(count / 2);
    await this.#deliver(sliceBatch(batch, 0, middle), ends, tally);
    await this.#deliver(sliceBatch(batch, middle, count), ends, tally);
  }

  #pause(k: number, failure: DeliveryError, ends: AbortSignal): Promise<void> {
    const { initMs, maxMs } = this.#config.backoff;
    const own = backoffMs(k, initMs, maxMs, (this.#deps.random ?? Math.random)());
    const asked = Math.min(failure.options.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
    return this.#deps.clock.sleep(Math.max(own, asked), ends);
  }

  #giveUp(batch: Batch, reason: string, tally: Tally, error?: DeliveryError): void {
    this.#account.drop(reason, batch.ends.length, error);
    tally.failed += batch.ends.length;
    tally.cause = reason;
  }

  #endReason(): string {
    return this.#closed.signal.aborted ? "closed" : "deadline";
  }
}

/** What a failure is counted under: the HTTP status where there was one, else its kind. */
function reasonOf(error: DeliveryError): string {
  return error.options.status?.toString() ?? error.failure;
}

function noProgress(output: string): DeliveryError {
  return new DeliveryError("retry", `Cannot deliver to output ${output}: nothing is taken`, { label: "no_progress" });
}

/** A client that throws has broken its contract, but for `connect`; its error's text may hold what must not be shown. */
function asDeliveryError(error: unknown, output: string): DeliveryError {
  if (error instanceof DeliveryError) return error;
  const kind = error instanceof Error ? error.name : typeof error;
  return new DeliveryError("ambiguous", `Cannot deliver to output ${output}: its client failed with a ${kind}`);
}

/** Resolves when `signal` aborts; the listener goes when `settled` aborts. */
function untilAborted(signal: AbortSignal, settled: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true, signal: settled });
  });
}
