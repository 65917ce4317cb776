import { setImmediate } from "node:timers";
import type { Clock } from "../../clock/mod.ts";
import type { Batch } from "../../metric/mod.ts";
import { DeliveryError, type DestinationClient, type PublishResult } from "../contract.ts";
import { Backoff, pause } from "./backoff.ts";
import type { Books } from "./books.ts";
import { bounded } from "./bounded.ts";
import { asDeliveryError, askedWaitMs } from "./failures.ts";
import { HostGate } from "./host_gate.ts";
import type { HostClient, ModeConfig, ModeDeps } from "./mode.ts";

/** How long closing waits for a client that does not close. */
const CLOSE_GRACE_MS = 1_000;

/** What is left of a wait when it is over: a clock's fractions do not add up exactly. */
const NO_WAIT_MS = 0.01;

/** Between two probes of a host that refuses its configuration. */
const HOLD_MS = 30_000;

/** A link opens and closes, sends or not: what is common to clients of either contract. */
export type Connectable = Pick<DestinationClient, "isConnected" | "connect" | "close">;

/** What links have in common. */
export interface LinkContext {
  readonly config: ModeConfig;
  readonly clock: Clock;
  readonly random: () => number;
  readonly books: Books;
}

/** What a mode's links are made with. */
export function linkContext(config: ModeConfig, deps: ModeDeps, books: Books): LinkContext {
  return { config, clock: deps.clock, random: deps.random ?? Math.random, books };
}

/** Links to these clients, those to one host sharing a gate. */
export function linksTo<Client extends Connectable>(
  clients: readonly HostClient<Client>[],
  context: LinkContext,
): Link<Client>[] {
  const { config, random } = context;
  const gates = new Map<string, HostGate>();
  return clients.map(({ host, client }) => {
    let gate = gates.get(host);
    if (gate === undefined) {
      const connections = clients.filter((other) => other.host === host).length;
      const breaker = config.breaker === undefined ? {} : config.breaker;
      gate = new HostGate({ breaker, connections, holdMs: config.holdMs ?? HOLD_MS, random });
      gates.set(host, gate);
    }
    return new Link(host, client, gate, context);
  });
}

/** One client and what is known of its connection: when it may be used again, and that each use of it ends in time. */
export class Link<Client extends Connectable = DestinationClient> {
  readonly host: string;
  readonly client: Client;
  readonly gate: HostGate;
  readonly backoff: Backoff;
  /** Publishes under way. */
  sending = 0;
  readonly #context: LinkContext;
  #readyAtMs = -Infinity;
  #usedAtMs = 0;
  #generation = 0;
  #opening: Promise<DeliveryError | undefined> | undefined;

  constructor(host: string, client: Client, gate: HostGate, context: LinkContext) {
    this.host = host;
    this.client = client;
    this.gate = gate;
    this.#context = context;
    this.backoff = new Backoff(context.config.backoff, context.random);
  }

  /** Rises with each close and each failure that was acted on: what was begun before one is no news after it. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether the connection is there and was used recently enough to be trusted. */
  get isOpen(): boolean {
    return this.client.isConnected && !this.#isStale;
  }

  /** Milliseconds until it may be used; Infinity while another one probes the host. */
  waitMs(): number {
    const nowMs = this.#context.clock.monotonic();
    const waitMs = Math.max(this.#readyAtMs - nowMs, this.gate.waitMs(nowMs));
    return waitMs > NO_WAIT_MS ? waitMs : 0;
  }

  /** Whether the host itself keeps requests away; such waits cost no attempt. */
  get isShut(): boolean {
    return this.gate.isShut(this.#context.clock.monotonic());
  }

  /** Connects unless it is; several at once share one connect. Returns why not. */
  async open(stop: AbortSignal): Promise<DeliveryError | undefined> {
    if (this.isOpen) return undefined;
    return await (this.#opening ??= this.#open(stop).finally(() => this.#opening = undefined));
  }

  async #open(stop: AbortSignal): Promise<DeliveryError | undefined> {
    const { clock, config, books } = this.#context;
    if (this.client.isConnected) await this.close(); // idle for too long
    this.gate.beginConnect(clock.monotonic());
    const how = await bounded(() => this.client.connect(config.timeoutMs), {
      clock,
      timeoutMs: config.timeoutMs,
      stop,
      onStop: () => void this.#close(),
    });
    const late = stop.aborted || how.kind === "overdue";
    if (how.kind === "value" && !late) {
      books.connect(this.host, undefined);
      this.#endConnect();
      this.#usedAtMs = clock.monotonic();
      return undefined;
    }
    const error = how.kind === "error"
      ? asDeliveryError(how.error, config.name, "connection")
      : new DeliveryError("connection", `Cannot deliver to output ${config.name}: connecting took all the time`);
    if (stop.aborted) {
      this.#endConnect();
      return error;
    }
    books.connect(this.host, error);
    this.gate.fail(error, clock.monotonic());
    return error;
  }

  #endConnect(): void {
    this.gate.endConnect(this.#context.clock.monotonic());
    setImmediate(() => this.gate.wake()); // when this connection's request has begun, if there is one
  }

  /** A batch is about to be sent. */
  reserve(): void {
    this.gate.reserve(this.#context.clock.monotonic());
  }

  /** Remembers that the connection was of use. */
  touch(): void {
    this.#usedAtMs = this.#context.clock.monotonic();
  }

  /** At least one event was acknowledged. */
  acknowledge(): void {
    this.backoff.reset();
    this.touch();
  }

  /** Puts off the next use after a failure: by the backoff, and by what the destination asked for. */
  putOff(error: DeliveryError): void {
    this.honour(error);
    this.#generation++;
    if (error.failure === "configuration") return; // the gate's hold is the wait
    this.#readyAtMs = this.#context.clock.monotonic() + this.backoff.next();
  }

  /** Leaves the host alone for as long as the destination asked for, if it did. */
  honour(error: DeliveryError): void {
    const { clock, books } = this.#context;
    const askedMs = askedWaitMs(error);
    if (askedMs === 0) return;
    books.retryAfterHonoured();
    this.gate.leaveAlone(askedMs, clock.monotonic());
  }

  /** Closes after a failure, unless other sends are under way on a connection that is good. */
  async abandon(): Promise<void> {
    if (this.sending === 0 || !this.client.isConnected) await this.close();
  }

  /** Closes the connection; resolves when it is closed, or when that takes too long. Never rejects. */
  async close(): Promise<void> {
    const { clock } = this.#context;
    const timer = new AbortController();
    await Promise.race([this.#close(), clock.sleep(CLOSE_GRACE_MS, timer.signal)]);
    timer.abort();
  }

  async #close(): Promise<void> {
    this.#generation++;
    try {
      await this.client.close();
    } catch {
      // A connection that can't be closed is as gone as it will ever be; the next connect tells.
    }
  }

  get #isStale(): boolean {
    const { clock, config } = this.#context;
    const limitMs = config.idleLimitMs ?? 0;
    return limitMs > 0 && clock.monotonic() - this.#usedAtMs > limitMs;
  }
}

/** One publish over `link`, within the time of one attempt. Never rejects. */
export async function send(
  link: Link,
  part: Batch,
  stop: AbortSignal,
  { config, clock, books }: LinkContext,
  timeoutMs = config.timeoutMs,
): Promise<PublishResult> {
  const startMs = clock.monotonic();
  let late = false;
  link.gate.begin(startMs);
  link.sending++;
  const how = await bounded<PublishResult>((signal) => link.client.publish(part, signal), {
    clock,
    timeoutMs,
    stop,
    onStop: (why) => late = why === "timeout",
    onLate: () => books.duplicateReport(),
  });
  link.sending--;
  let result: PublishResult;
  if (how.kind === "value") result = checkResult(how.value, part, config.name);
  else if (how.kind === "error") {
    result = { remaining: part, error: asDeliveryError(how.error, config.name, "ambiguous") };
  } else {
    result = { remaining: part, error: overdue(config.name, late) };
    await link.close();
  }
  if (late && result.remaining !== null && result.error?.failure !== "connection") {
    result = { ...result, error: overdue(config.name, true) };
  }
  const nowMs = clock.monotonic();
  if (stop.aborted) link.gate.abandon();
  else link.gate.end(result.error, nowMs - startMs, nowMs);
  books.attempt(result, part.ends.length, nowMs - startMs);
  return result;
}

/** The failure of a send that was not answered in time, or that was stopped. */
export function overdue(output: string, timeout: boolean): DeliveryError {
  const why = timeout ? "there was no answer in time" : "it was stopped before an answer came";
  return new DeliveryError("ambiguous", `Cannot deliver to output ${output}: ${why}`, {
    label: timeout ? "timeout" : "stopped",
  });
}

/** What a client says of `part`, if it can be: else nothing of it is credited. */
export function checkResult(result: PublishResult, part: Batch, output: string): PublishResult {
  const { remaining } = result;
  if (remaining === null) return result;
  const sane = remaining?.ends?.length <= part.ends.length && remaining.bytes.length <= part.bytes.length;
  if (sane) return remaining.ends.length === 0 && result.error === undefined ? { ...result, remaining: null } : result;
  const message = `Cannot deliver to output ${output}: its client reports events that were not sent`;
  return { remaining: part, error: new DeliveryError("ambiguous", message, { label: "protocol" }) };
}

/** Waits until `link` may be used, or its host changed; the caller looks again. */
export async function waitFor(
  link: Pick<Link, "gate">,
  waitMs: number,
  stop: AbortSignal,
  { clock }: Pick<LinkContext, "clock">,
): Promise<void> {
  const either = new AbortController();
  const signal = AbortSignal.any([stop, either.signal]);
  const waits = [link.gate.changed(signal)];
  if (waitMs !== Infinity) waits.push(pause(clock, waitMs, signal));
  await Promise.race(waits);
  either.abort();
}
