import type { ChangeSink, Closed, Opened, Snapshot } from "./changes.ts";
import { BatchWriter, marshallerOf } from "./record_batch.ts";

/** A batch is handed on when it has so many bytes, whatever else happens. */
const MOST_BATCH_BYTES = 64 * 1024;

/** Where an outbox hands what it has collected. */
export interface OutboxDeps {
  /** How many marshallers there are; 0 where nothing is archived. */
  readonly marshallers: number;
  readonly post: (marshaller: number, batch: Uint8Array<ArrayBuffer>) => void;
  /** Absent: nobody wants to know of events. */
  readonly onEvents?: ((events: readonly (Opened | Closed)[]) => void) | undefined;
}

/** Collects changes: records for the marshaller of each connection, events for whoever follows them. */
export class Outbox implements ChangeSink {
  readonly #deps: OutboxDeps;
  readonly #batches: readonly BatchWriter[];
  /** Marshallers of the connections that are open, by slot. */
  #marshallers = new Uint8Array(256);
  #events: (Opened | Closed)[] = [];

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
    this.#batches = Array.from({ length: deps.marshallers }, () => new BatchWriter());
  }

  opened(opened: Opened): void {
    if (this.#deps.onEvents !== undefined) this.#events.push(opened);
  }

  snapshot(snapshot: Snapshot): void {
    const count = this.#batches.length;
    if (count === 0) return;
    const { slot } = snapshot;
    if (slot >= this.#marshallers.length) {
      const larger = new Uint8Array(Math.max(slot + 1, 2 * this.#marshallers.length));
      larger.set(this.#marshallers);
      this.#marshallers = larger;
    }
    const marshaller = marshallerOf(snapshot.cookieLow, snapshot.cookieHigh, count);
    this.#marshallers[slot] = marshaller;
    const batch = this.#batches[marshaller]!;
    batch.record(snapshot);
    if (batch.length >= MOST_BATCH_BYTES) this.#deps.post(marshaller, batch.take());
  }

  closed(closed: Closed, slot: number): void {
    if (this.#deps.onEvents !== undefined) this.#events.push(closed);
    this.#batches[this.#marshallers[slot]!]?.end(slot, closed.timeMs);
  }

  /** Hands on what was collected. */
  flush(): void {
    for (const [marshaller, batch] of this.#batches.entries()) {
      if (batch.length > 0) this.#deps.post(marshaller, batch.take());
    }
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#deps.onEvents?.(events);
  }
}
