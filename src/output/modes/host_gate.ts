import { Bell } from "../bell.ts";
import { Breaker, type BreakerConfig } from "./breaker.ts";
import { ConcurrencyLimit, type LoadSign } from "./concurrency.ts";
import type { DeliveryError, DeliveryFailure } from "../contract.ts";
import { isTemporaryBulk } from "./failures.ts";

/** Failures that a breaker counts; the others are answers. */
const FAILS: readonly DeliveryFailure[] = ["connection", "ambiguous", "retry"];

/** How a gate decides. */
export interface HostGateOptions {
  /** `null`: none. */
  readonly breaker: BreakerConfig | null;
  /** Connections to the host: where the limit of requests at once begins. */
  readonly connections: number;
  /** Between two probes of a host whose settings are refused. */
  readonly holdMs: number;
  readonly random: () => number;
}

/**
 * What all connections to one host have in common: how long it is left alone, because it asked for that, because it fails,
 * or because it refuses what it is configured with; and how many requests it gets at once. Pure: time is handed in.
 */
export class HostGate {
  readonly concurrency: ConcurrencyLimit;
  readonly #breaker: Breaker | null;
  readonly #holdMs: number;
  readonly #changed = new Bell();
  #notBeforeMs = -Infinity;
  #reserved = 0;
  #heldUntilMs: number | undefined;

  constructor({ breaker, connections, holdMs, random }: HostGateOptions) {
    this.#breaker = breaker === null ? null : new Breaker(breaker, random);
    this.concurrency = new ConcurrencyLimit({ start: connections, max: Math.max(32, connections) });
    this.#holdMs = holdMs;
  }

  get breakerState(): Breaker["state"] {
    return this.#breaker?.state ?? "closed";
  }

  /** Whether it is the host that keeps requests from it; waiting for that costs no attempt. */
  isShut(nowMs: number): boolean {
    return this.#heldUntilMs !== undefined || nowMs < this.#notBeforeMs || this.breakerState !== "closed";
  }

  /** Milliseconds until a request may begin; Infinity while another one probes, see `changed()`. */
  waitMs(nowMs: number): number {
    const own = Math.max(this.#notBeforeMs, this.#heldUntilMs ?? -Infinity) - nowMs;
    return Math.max(0, own, this.#breaker?.waitMs(nowMs) ?? 0);
  }

  /** Resolves when a probe has ended, or when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return this.#changed.wait(signal);
  }

  /** A connect begins. */
  beginConnect(nowMs: number): void {
    this.#begin(nowMs);
  }

  /**
   * A connect succeeded: that alone says nothing of what the host does with a request. Whoever connected goes first, being
   * the probe where there is to be one, and the others are to be woken behind that.
   */
  endConnect(nowMs: number): void {
    this.#breaker?.release();
    if (this.#heldUntilMs !== undefined) this.#heldUntilMs = nowMs; // the probe is the request that follows
  }

  /** Lets all who wait look again. */
  wake(): void {
    this.#changed.ring();
  }

  /** Whether the host gets one more request now. */
  get hasRoom(): boolean {
    return this.concurrency.inFlight + this.#reserved < this.concurrency.limit;
  }

  /** A request is certain to begin soon. */
  reserve(nowMs: number): void {
    this.#begin(nowMs);
    this.#reserved++;
  }

  /** A request begins. */
  begin(nowMs: number): void {
    this.#begin(nowMs);
    if (this.#reserved > 0) this.#reserved--;
    this.concurrency.begin();
  }

  /** A request ended. */
  end(error: DeliveryError | undefined, latencyMs: number, nowMs: number): void {
    this.concurrency.end(loadSign(error), latencyMs, nowMs);
    if (error === undefined) this.#succeed(nowMs);
    else this.fail(error, nowMs);
  }

  /** A request was stopped, which says nothing of the host. */
  abandon(): void {
    this.concurrency.end("unknown", 0, 0);
    this.#breaker?.release();
    this.#changed.ring();
  }

  /** A request or a connect failed. */
  fail(error: DeliveryError, nowMs: number): void {
    if (error.failure === "configuration") {
      this.#heldUntilMs = nowMs + this.#holdMs;
      this.#breaker?.release();
    } else if (FAILS.includes(error.failure) && !isTemporaryBulk(error)) {
      this.#breaker?.fail(nowMs);
    } else {
      this.#succeed(nowMs); // it answered, and said what it wants
    }
    this.#changed.ring();
  }

  /** The host asked to be left alone. */
  leaveAlone(ms: number, nowMs: number): void {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, nowMs + ms);
  }

  #begin(nowMs: number): void {
    this.#breaker?.begin();
    // Whoever comes after a hold is its probe; the others wait for another period, or for the probe's success.
    if (this.#heldUntilMs !== undefined) this.#heldUntilMs = nowMs + this.#holdMs;
  }

  #succeed(nowMs: number): void {
    const kept = this.#heldUntilMs !== undefined || this.breakerState !== "closed";
    this.#breaker?.succeed(nowMs);
    this.#heldUntilMs = undefined;
    if (kept) this.#changed.ring();
  }
}

function loadSign(error: DeliveryError | undefined): LoadSign {
  if (error === undefined) return "ok";
  return error.failure === "throttle" || error.label === "timeout" ? "overload" : "unknown";
}
