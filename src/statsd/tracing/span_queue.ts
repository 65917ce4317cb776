/** Spans on their way to an agent: a bounded queue, and one loop that empties it. */
import type { Clock } from "../../clock/mod.ts";
import type { OpenTransport, SpanTransport } from "./span_transport.ts";

/** Why a span was not sent. */
export type SpanDrop = "queue_full" | "too_large" | "invalid" | "unreachable" | "closed";

/** What became of the finished spans: `finished` is the sum of `sent`, all of `dropped`, and those still waiting. */
export interface SpanCounts {
  readonly finished: number;
  /** Handed to the system; over UDP that is not to have arrived. */
  readonly sent: number;
  readonly dropped: Readonly<Record<SpanDrop, number>>;
  /** Samples that could not be added to a span: not finite, without a name, or more than a span holds. */
  readonly droppedSamples: number;
}

/** What the queue is made with. */
export interface SpanQueueOptions {
  readonly open: OpenTransport;
  readonly clock: Clock;
  /** Spans that may wait. */
  readonly mostSpans: number;
  /** Bytes of the largest span. */
  readonly mostBytes: number;
}

/** Bytes that may wait, whatever the number of spans. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;

/** Between two tries to reach an agent that is not there, in milliseconds. */
const FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 5_000;

/** Never throws at whoever offers a span. */
export class SpanQueue implements AsyncDisposable {
  readonly #options: SpanQueueOptions;
  readonly #waiting: Uint8Array<ArrayBuffer>[] = [];
  #waitingBytes = 0;
  /** The loop, while there is something to send. */
  #loop: Promise<void> | undefined;
  #transport: SpanTransport | undefined;
  #closed = false;
  readonly #stop = new AbortController();
  readonly #counts = {
    finished: 0,
    sent: 0,
    dropped: { queue_full: 0, too_large: 0, invalid: 0, unreachable: 0, closed: 0 },
    droppedSamples: 0,
  };

  constructor(options: SpanQueueOptions) {
    this.#options = options;
  }

  /** As of now. */
  get counts(): SpanCounts {
    return structuredClone(this.#counts);
  }

  /** Takes a span. `encode` that throws makes it an invalid one. */
  offer(encode: () => Uint8Array<ArrayBuffer>): void {
    this.#counts.finished++;
    const { mostSpans, mostBytes } = this.#options;
    if (this.#closed) return this.#drop("closed");
    if (this.#waiting.length >= mostSpans) return this.#drop("queue_full");
    let payload;
    try {
      payload = encode();
    } catch {
      return this.#drop("invalid"); // such as a tag whose toString throws: the program is not to suffer from it
    }
    if (payload.length > mostBytes) return this.#drop("too_large");
    if (this.#waitingBytes + payload.length > MOST_WAITING_BYTES) return this.#drop("queue_full");
    this.#waiting.push(payload);
    this.#waitingBytes += payload.length;
    this.#loop ??= this.#empty();
  }

  /** Counts a sample that no span carries. */
  dropSample(): void {
    this.#counts.droppedSamples++;
  }

  /** Resolves when nothing waits any more, or after `timeoutMs`; whether nothing waits. */
  async flush(timeoutMs: number): Promise<boolean> {
    const inTime = new AbortController();
    const late = this.#options.clock.sleep(timeoutMs, inTime.signal);
    // Spans that are offered meanwhile may begin another loop.
    while (this.#loop !== undefined) {
      const isLate = await Promise.race([late.then(() => true), this.#loop.then(() => false)]);
      if (isLate) break;
    }
    inTime.abort();
    await late;
    return this.#loop === undefined;
  }

  /** Takes no more, sends what waits within `timeoutMs`, and gives up the rest. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    await this.flush(timeoutMs);
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#stop.abort();
    this.#transport?.close();
    await this.#loop;
    this.#transport = undefined;
  }

  async #empty(): Promise<void> {
    await Promise.resolve(); // begins behind whatever finishes spans just now
    let pauseMs = FIRST_PAUSE_MS;
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (this.#waiting.length > 0 && !signal.aborted) {
      try {
        if (!this.#transport?.isOpen) this.#transport = await this.#open();
        pauseMs = FIRST_PAUSE_MS;
      } catch {
        // Nobody is there yet; what there is no room for meanwhile is counted.
        await clock.sleep(pauseMs, signal);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
        continue;
      }
      await this.#sendNext(this.#transport);
    }
    for (; this.#waiting.length > 0; this.#take()) this.#drop("closed");
    if (signal.aborted) this.#transport?.close();
    this.#loop = undefined;
  }

  /** Rejects when the queue is closed meanwhile: some networks let one wait for minutes. */
  #open(): Promise<SpanTransport> {
    const { signal } = this.#stop;
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(new Error("Cannot open: the queue is closed"));
      signal.addEventListener("abort", giveUp, { once: true });
      this.#options.open().then((transport) => {
        signal.removeEventListener("abort", giveUp);
        if (signal.aborted) transport.close();
        resolve(transport);
      }, reject);
    });
  }

  async #sendNext(transport: SpanTransport): Promise<void> {
    const payload = this.#take();
    try {
      await transport.send(payload);
      this.#counts.sent++;
    } catch {
      // Part of it may have arrived, and its samples must not count twice: it is not sent again.
      this.#drop(this.#stop.signal.aborted ? "closed" : "unreachable");
      transport.close();
      this.#transport = undefined;
    }
  }

  #take(): Uint8Array<ArrayBuffer> {
    const payload = this.#waiting.shift()!;
    this.#waitingBytes -= payload.length;
    return payload;
  }

  #drop(why: SpanDrop): void {
    this.#counts.dropped[why]++;
  }
}
