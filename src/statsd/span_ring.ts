/** Spans that wait for the flush. */
import type { Span } from "../metric/mod.ts";

/** Text that the spans of one interval may hold: a span of a stream may have 16 MiB, and there may be many. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

/** What a span takes beside its texts, roughly. */
const FIXED_CHARACTERS = 200;

/** Keeps the newest spans of an interval: the newest overwrites the oldest when all places, or all the room, are taken. */
export class SpanRing {
  readonly #places: number;
  readonly #mostCharacters: number;
  #spans: Span[] = [];
  /** The oldest of `#spans`, once all places are taken. */
  #oldest = 0;
  #characters = 0;

  /**
   * @param places most spans; 0 keeps none
   * @param mostCharacters most characters in all of their texts together
   */
  constructor(places: number, mostCharacters: number = MOST_CHARACTERS) {
    this.#places = places;
    this.#mostCharacters = mostCharacters;
  }

  /** Puts a span in; how many were lost for it, itself included where it has no room at all. */
  push(span: Span): number {
    const size = charactersOf(span);
    if (this.#places === 0 || size > this.#mostCharacters) return 1;
    let lost = 0;
    if (this.#characters + size > this.#mostCharacters) lost = this.#makeRoom(size);
    this.#characters += size;
    if (this.#spans.length < this.#places) {
      this.#spans.push(span);
      return lost;
    }
    this.#characters -= charactersOf(this.#spans[this.#oldest]!);
    this.#spans[this.#oldest] = span;
    this.#oldest = (this.#oldest + 1) % this.#places;
    return lost + 1;
  }

  /** Gives away all spans, the oldest first, and is empty. */
  swap(): Span[] {
    const spans = this.#inOrder();
    this.#spans = [];
    this.#oldest = 0;
    this.#characters = 0;
    return spans;
  }

  #inOrder(): Span[] {
    return [...this.#spans.slice(this.#oldest), ...this.#spans.slice(0, this.#oldest)];
  }

  /** Takes out the oldest until `size` characters fit, and an eighth of the whole room, so that it is seldom done. */
  #makeRoom(size: number): number {
    const spans = this.#inOrder();
    const most = Math.min(this.#mostCharacters - size, this.#mostCharacters * 7 / 8);
    let lost = 0;
    while (this.#characters > most) this.#characters -= charactersOf(spans[lost++]!);
    this.#spans = spans.slice(lost);
    this.#oldest = 0;
    return lost;
  }
}

function charactersOf(span: Span): number {
  let size = FIXED_CHARACTERS + span.service.length + span.name.length + (span.resource?.length ?? 0);
  size += tagCharacters(span.tags);
  for (const { name, message, unit, tags } of span.metrics) {
    size += FIXED_CHARACTERS + name.length + message.length + unit.length + tagCharacters(tags);
  }
  return size;
}

function tagCharacters(tags: Readonly<Record<string, string>>): number {
  let size = 0;
  for (const key in tags) size += key.length + tags[key]!.length;
  return size;
}
