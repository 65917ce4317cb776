/** Answers about interfaces, kept as long as flows ask for them; bounded. */
import { type Node, RecencyList } from "../../decode/recency.ts";
import type { Metadata } from "./facts.ts";

/** One kept answer. Times are Unix milliseconds. */
export interface CachedAnswer {
  readonly exporter: string;
  readonly ifIndex: number;
  /** `null`: there is nothing to know. */
  answer: Metadata | null;
  accessedMs: number;
  updatedMs: number;
}

/** Answers by exporter and interface. */
export class MetadataCache {
  readonly #exporters = new Map<string, Map<number, Node<CachedAnswer>>>();
  readonly #recency = new RecencyList<CachedAnswer>();
  readonly #most: number;

  /** @param most answers that are kept; what was not asked for the longest goes first */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#recency.size;
  }

  /** The answer, and notes that it was asked for; undefined: there is none. */
  use(exporter: string, ifIndex: number, nowMs: number): CachedAnswer | undefined {
    const node = this.#exporters.get(exporter)?.get(ifIndex);
    if (node === undefined) return undefined;
    node.value.accessedMs = nowMs;
    this.#recency.use(node);
    return node.value;
  }

  /** Keeps an answer; one to the same question is replaced, and its time of use stays. */
  put(exporter: string, ifIndex: number, answer: Metadata | null, nowMs: number): void {
    const known = this.#exporters.get(exporter)?.get(ifIndex);
    if (known !== undefined) {
      known.value.answer = answer;
      known.value.updatedMs = nowMs;
      return;
    }
    this.restore({ exporter, ifIndex, answer, accessedMs: nowMs, updatedMs: nowMs });
  }

  /** Takes in an answer of an earlier run. */
  restore(entry: CachedAnswer): void {
    let interfaces = this.#exporters.get(entry.exporter);
    if (interfaces === undefined) this.#exporters.set(entry.exporter, interfaces = new Map());
    if (interfaces.has(entry.ifIndex)) return;
    interfaces.set(entry.ifIndex, this.#recency.add(entry));
    if (this.#recency.size > this.#most) this.#remove(this.#recency.oldest!);
  }

  /** Forgets what was not asked for since `beforeMs`. @returns how many */
  expire(beforeMs: number): number {
    let expired = 0;
    for (const entry of this.#recency) {
      if (entry.accessedMs > beforeMs) break; // those behind were used later
      this.#remove(entry);
      expired++;
    }
    return expired;
  }

  /** Those whose answer is of `beforeMs` or older. */
  stale(beforeMs: number): CachedAnswer[] {
    return [...this.#recency].filter((entry) => entry.updatedMs <= beforeMs);
  }

  /** All, those used last at the end. */
  entries(): CachedAnswer[] {
    return [...this.#recency];
  }

  #remove({ exporter, ifIndex }: CachedAnswer): void {
    const interfaces = this.#exporters.get(exporter);
    const node = interfaces?.get(ifIndex);
    if (interfaces === undefined || node === undefined) return;
    this.#recency.remove(node);
    interfaces.delete(ifIndex);
    if (interfaces.size === 0) this.#exporters.delete(exporter);
  }
}
