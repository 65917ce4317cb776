/** When a breaker opens, and for how long. */
export interface BreakerConfig {
  /** Failures in a row that open it. @default 5 */
  readonly failuresInRow?: number;
  /** The share of failures that opens it. @default 0.5 */
  readonly failureShare?: number;
  /** Requests in the window before the share counts. @default 20 */
  readonly minRequests?: number;
  /** The window of the share. @default 30 s */
  readonly windowMs?: number;
  /** How long it is open the first time; doubling with each failed probe. @default 1 s */
  readonly openMs?: number;
  /** The longest it stays open. @default 60 s */
  readonly maxOpenMs?: number;
}

/** `open`: nothing may be sent. `half_open`: exactly one probe may. */
export type BreakerState = "closed" | "open" | "half_open";

/** The window is kept in this many pieces. */
const PIECES = 10;

interface Piece {
  number: number;
  requests: number;
  failures: number;
}

/** Keeps requests from a host that fails, and lets one probe see whether it is back. Pure: time is handed in. */
export class Breaker {
  readonly #config: Required<BreakerConfig>;
  readonly #random: () => number;
  readonly #pieces: Piece[] = [];
  #state: BreakerState = "closed";
  #inRow = 0;
  #opened = 0;
  #openUntilMs = 0;
  #probing = false;

  /** @param random in [0, 1), for half of the time it stays open */
  constructor(config: BreakerConfig, random: () => number) {
    this.#config = {
      failuresInRow: 5,
      failureShare: 0.5,
      minRequests: 20,
      windowMs: 30_000,
      openMs: 1_000,
      maxOpenMs: 60_000,
      ...config,
    };
    this.#random = random;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Milliseconds until a request may be tried; Infinity while a probe is under way. */
  waitMs(nowMs: number): number {
    if (this.#state === "closed") return 0;
    if (this.#probing) return Infinity;
    return Math.max(0, this.#openUntilMs - nowMs);
  }

  /** A request begins; one that begins while the breaker is not closed is the probe. */
  begin(): void {
    if (this.#state === "closed") return;
    this.#state = "half_open";
    this.#probing = true;
  }

  /** A request ended without saying anything about the host: another one may probe. */
  release(): void {
    this.#probing = false;
  }

  succeed(nowMs: number): void {
    this.#probing = false;
    this.#inRow = 0;
    if (this.#state === "closed") return this.#count(nowMs, false);
    this.#state = "closed";
    this.#opened = 0;
    this.#pieces.length = 0;
  }

  fail(nowMs: number): void {
    if (this.#state === "closed") {
      this.#inRow++;
      this.#count(nowMs, true);
      if (this.#inRow >= this.#config.failuresInRow || this.#failsTooOften(nowMs)) this.#open(nowMs);
    } else if (this.#state === "half_open") {
      this.#open(nowMs);
    }
  }

  #open(nowMs: number): void {
    const { openMs, maxOpenMs } = this.#config;
    const wholeMs = Math.min(maxOpenMs, openMs * 2 ** Math.min(this.#opened++, 40));
    this.#openUntilMs = nowMs + wholeMs / 2 + this.#random() * wholeMs / 2;
    this.#state = "open";
    this.#probing = false;
    this.#inRow = 0;
  }

  #count(nowMs: number, failed: boolean): void {
    const number = Math.floor(nowMs / (this.#config.windowMs / PIECES));
    let piece = this.#pieces.at(-1);
    if (piece?.number !== number) {
      piece = { number, requests: 0, failures: 0 };
      this.#pieces.push(piece);
      if (this.#pieces.length > PIECES) this.#pieces.shift();
    }
    piece.requests++;
    if (failed) piece.failures++;
  }

  #failsTooOften(nowMs: number): boolean {
    const { windowMs, minRequests, failureShare } = this.#config;
    const oldest = Math.floor(nowMs / (windowMs / PIECES)) - PIECES;
    let requests = 0;
    let failures = 0;
    for (const piece of this.#pieces) {
      if (piece.number <= oldest) continue;
      requests += piece.requests;
      failures += piece.failures;
    }
    return requests >= minRequests && failures >= requests * failureShare;
  }
}
