/** Counts datagrams by exporter between two reports; the usual one is found without making a string. */
import { formatAddress } from "../address.ts";
import { MAPPED_WORD } from "../columns_pool.ts";
import type { ExporterReceived } from "./threads.ts";

interface Tally {
  readonly words: Uint32Array;
  packets: number;
  bytes: number;
}

/** Counts by exporter; those beyond a number are one, `other`. */
export class ExporterTally {
  readonly #most: number;
  readonly #tallies = new Map<number | string, Tally>();
  readonly #other: Tally = { words: new Uint32Array(4), packets: 0, bytes: 0 };
  #last: Tally | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /** Counts a datagram of the exporter whose address stands in `words`. */
  count(words: Uint32Array, bytes: number): void {
    let tally = this.#last;
    if (
      tally === undefined || tally.words[3] !== words[3] || tally.words[2] !== words[2] ||
      tally.words[1] !== words[1] || tally.words[0] !== words[0]
    ) tally = this.#find(words);
    tally.packets++;
    tally.bytes += bytes;
  }

  #find(words: Uint32Array): Tally {
    const isMapped = words[0] === 0 && words[1] === 0 && words[2] === MAPPED_WORD;
    const key = isMapped ? words[3]! : words.join();
    let tally = this.#tallies.get(key);
    if (tally === undefined) {
      if (this.#tallies.size >= this.#most) return this.#other;
      this.#tallies.set(key, tally = { words: words.slice(), packets: 0, bytes: 0 });
    }
    return this.#last = tally;
  }

  /** What was counted since the last call. */
  take(): ExporterReceived[] {
    const received: ExporterReceived[] = [];
    const add = (tally: Tally, exporter: string) => {
      if (tally.packets === 0) return;
      received.push({ exporter, packets: tally.packets, bytes: tally.bytes });
      tally.packets = 0;
      tally.bytes = 0;
    };
    for (const tally of this.#tallies.values()) add(tally, formatAddress(tally.words));
    add(this.#other, "other");
    return received;
  }
}
