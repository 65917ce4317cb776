/** The events of a trial: opaque to whatever delivers them, and found again in whatever arrives. */
import { type Batch, BatchBuilder } from "../../src/metric/mod.ts";
import type { Random } from "./random.ts";

/** Events of one batch at most. */
export const MOST_EVENTS = 500;

/** The ids of a batch's events. */
export interface Numbered {
  readonly batch: Batch;
  readonly ids: readonly number[];
}

/** The text of an event. `padding` is what makes it as long as it is. */
export function eventText(id: number, padding: string): string {
  return `{"id":${id},"p":"${padding}"}`;
}

/** The ids of all events in a text, in order. */
export function idsIn(text: string): number[] {
  return Array.from(text.matchAll(/\{"id":(\d+),/g), ([, id]) => Number(id));
}

/** What batches are made like. */
export interface BatchesOptions {
  /** @default 1 */
  readonly firstId?: number;
  /** Events of one batch at most. @default 500 */
  readonly most?: number;
  /** Of one event's padding, which does not compress. @default 48 */
  readonly paddingBytes?: number;
}

/** `events` distinct events in batches of 1 to `most`: small ones are as likely as large ones are, size by size. */
export function numberedBatches(random: Random, events: number, options: BatchesOptions = {}): Numbered[] {
  return [...eachBatch(random, events, options)];
}

/** The same one by one, so that there need not be room for all of them. */
export function* eachBatch(random: Random, events: number, options: BatchesOptions = {}): Generator<Numbered> {
  const { firstId = 1, most = MOST_EVENTS, paddingBytes = 48 } = options;
  const end = firstId + events;
  for (let next = firstId; next < end;) {
    const size = Math.min(end - next, Math.floor(most ** random.next() + random.next()) || 1);
    const builder = new BatchBuilder("points", 1_700_000_010);
    const ids: number[] = [];
    for (let i = 0; i < size; i++, next++) {
      builder.appendText(eventText(next, noise(random, paddingBytes)));
      builder.endEvent();
      ids.push(next);
    }
    yield { batch: builder.build(), ids };
  }
}

function noise(random: Random, length: number): string {
  let text = "";
  while (text.length < length) text += random.next().toString(36).slice(2, 12);
  return text.slice(0, length);
}
