import { type Batch, pickEvents, sliceBatch } from "../metric/mod.ts";
import { DeliveryError, type DeliveryFailure, type PublishResult } from "./contract.ts";

/** What one request of a destination may hold. */
export interface PartLimits {
  /** Bytes of events before compression. */
  readonly bytes: number;
  /** Bytes of the body as it is sent. */
  readonly bodyBytes: number;
  /** Requests under way at once. */
  readonly concurrency: number;
}

/** What a destination does with a part: make its body, and send it. */
export interface PartSender {
  /** The body of a request that carries `part`. */
  body(part: Batch, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** Sends a body; the error when that did not succeed. Never throws. */
  send(body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<DeliveryError | undefined>;
}

/** The failure that tells most about what to try next stands for all parts of a publish. */
const MOST_HOPEFUL_FIRST: readonly DeliveryFailure[] = [
  "throttle",
  "retry",
  "connection",
  "ambiguous",
  "too_large",
  "configuration",
  "permanent",
];

/**
 * Publishes batches in requests no larger than a destination takes: a part that is too large, by `limits` or because
 * the destination says so (413), is halved until it fits. An event that is too large alone is rejected as `too_large`.
 * The number of events that once was too many is remembered for each kind of batch, unless it was one of them.
 */
export class PartPublisher {
  readonly #mostEvents = new Map<Batch["kind"], number>();
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(readonly limits: PartLimits) {
    this.#free = limits.concurrency;
  }

  /** Never throws. */
  async publish(batch: Batch, sender: PartSender, signal: AbortSignal): Promise<PublishResult> {
    const failed: { from: number; to: number; error: DeliveryError }[] = [];
    let tooLarge = 0;

    /** Tells whether one of the events is too large by itself, which then says nothing of how many may go at once. */
    const publishRange = async (from: number, to: number): Promise<boolean> => {
      const error = await this.#publishPart(sliceOf(batch, from, to), sender, signal);
      if (error === undefined) return false;
      if (error.failure !== "too_large") {
        failed.push({ from, to, error });
        return false;
      }
      if (to - from === 1) {
        tooLarge++;
        return true;
      }
      const middle = from + Math.ceil((to - from) / 2);
      const halves = await Promise.all([publishRange(from, middle), publishRange(middle, to)]);
      const oneIs = halves.includes(true);
      if (!oneIs) this.#learn(batch.kind, middle - from);
      return oneIs;
    };

    await Promise.all(this.#ranges(batch).map(([from, to]) => publishRange(from, to)));
    const rejected = tooLarge === 0 ? {} : { rejected: [{ reason: "too_large", count: tooLarge }] };
    if (failed.length === 0) return { remaining: null, ...rejected };
    failed.sort((a, b) => a.from - b.from);
    const indices = failed.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
    return {
      remaining: indices.length === batch.ends.length ? batch : pickEvents(batch, indices),
      error: mostHopeful(failed.map(({ error }) => error)),
      ...rejected,
    };
  }

  /** One request; `too_large` also when the body is beyond the limit and was not sent. */
  async #publishPart(part: Batch, sender: PartSender, signal: AbortSignal): Promise<DeliveryError | undefined> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      if (part.bytes.length > this.limits.bytes) return tooLargeHere();
      const body = await sender.body(part, signal);
      if (body.length > this.limits.bodyBytes) return tooLargeHere();
      return await sender.send(body, signal);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  /** `[from, to)` of the parts to begin with. */
  #ranges(batch: Batch): [from: number, to: number][] {
    const count = batch.ends.length;
    const most = this.#mostEvents.get(batch.kind) ?? count;
    const ranges: [number, number][] = [];
    let from = 0;
    let start = 0;
    for (let i = 0; i < count; i++) {
      if (i > from && (i - from >= most || batch.ends[i]! - start > this.limits.bytes)) {
        ranges.push([from, i]);
        from = i;
        start = batch.ends[i - 1]!;
      }
    }
    if (count > 0) ranges.push([from, count]);
    return ranges;
  }

  #learn(kind: Batch["kind"], events: number): void {
    this.#mostEvents.set(kind, Math.min(events, this.#mostEvents.get(kind) ?? events));
  }
}

function sliceOf(batch: Batch, from: number, to: number): Batch {
  return from === 0 && to === batch.ends.length ? batch : sliceBatch(batch, from, to);
}

function tooLargeHere(): DeliveryError {
  return new DeliveryError("too_large", "Cannot send a request of that size: send fewer events", {
    label: "too_large",
  });
}

function mostHopeful(errors: readonly DeliveryError[]): DeliveryError {
  const rank = (error: DeliveryError) => MOST_HOPEFUL_FIRST.indexOf(error.failure);
  return errors.reduce((best, error) => rank(error) < rank(best) ? error : best);
}
