/** Data sets that came before their template: a few of each exporter wait for it. */
import type { Message } from "./message.ts";
import type { Outcome } from "./outcome.ts";

const SETS_PER_EXPORTER = 64;
const BYTES_PER_EXPORTER = 256 * 1024;
/** Of all exporters together: they name themselves. */
const MOST_SETS = 4096;
const MOST_BYTES = 16 * 1024 * 1024;
const LIFETIME_S = 60;

interface EarlySet {
  readonly template: number;
  /** The datagram's own, with `octets` and `view` of this set alone. */
  readonly message: Message;
}

/** Keeps sets of unknown templates, within bounds. */
export class EarlySets {
  /** By exporter, those of each in the order of their coming. */
  readonly #byExporter = new Map<string, EarlySet[]>();
  #size = 0;
  #bytes = 0;

  /** Sets that wait. */
  get size(): number {
    return this.#size;
  }

  /** Keeps the octets `[at, end)` of a set until its template comes. Counts what is kept and what has to go. */
  keep(message: Message, template: number, at: number, end: number, outcome: Outcome): void {
    const { datagram } = message;
    const exporter = datagram.source.join();
    const length = end - at;
    if (this.#size >= MOST_SETS || this.#bytes + length > MOST_BYTES) this.#expireAll(datagram.timeS, outcome);
    const own = this.#expire(exporter, datagram.timeS, outcome);
    const ownBytes = own.reduce((sum, set) => sum + set.message.octets.length, 0);
    if (
      length === 0 || own.length >= SETS_PER_EXPORTER || ownBytes + length > BYTES_PER_EXPORTER ||
      this.#size >= MOST_SETS || this.#bytes + length > MOST_BYTES
    ) {
      outcome.droppedSets++;
      return;
    }
    const octets = message.octets.slice(at, end);
    own.push({
      template,
      message: {
        ...message,
        datagram: { ...datagram, source: datagram.source.slice(0, 4), payload: octets },
        octets,
        view: new DataView(octets.buffer),
        start: 0,
        domain: undefined,
      },
    });
    this.#byExporter.set(exporter, own);
    this.#size++;
    this.#bytes += length;
    outcome.queuedSets++;
  }

  /** Hands out the sets that wait for a template of the message's exporter and domain, each once. */
  take(message: Message, template: number, outcome: Outcome, read: (early: Message) => void): void {
    if (this.#size === 0) return;
    const { batch, datagram: { source, timeS }, version, domainId, domain, exporterId } = message;
    const exporter = source.join();
    const own = this.#expire(exporter, timeS, outcome);
    const isMeant = (set: EarlySet) =>
      set.template === template && set.message.version === version && set.message.domainId === domainId;
    const found = own.filter(isMeant);
    if (found.length === 0) return;
    this.#remove(exporter, own, (set) => !isMeant(set));
    for (const { message: early } of found) {
      outcome.recoveredSets++;
      read({ ...early, batch, domain, exporterId, rowsLeft: early.octets.length >> 2 });
    }
  }

  #expireAll(nowS: number, outcome: Outcome): void {
    for (const exporter of [...this.#byExporter.keys()]) this.#expire(exporter, nowS, outcome);
  }

  /** @returns the sets of an exporter that are not too old */
  #expire(exporter: string, nowS: number, outcome: Outcome): EarlySet[] {
    const own = this.#byExporter.get(exporter);
    if (own === undefined) return [];
    const isYoung = (set: EarlySet) => nowS - set.message.datagram.timeS <= LIFETIME_S;
    if (own.every(isYoung)) return own;
    const kept = this.#remove(exporter, own, isYoung);
    outcome.droppedSets += own.length - kept.length;
    return kept;
  }

  #remove(exporter: string, own: readonly EarlySet[], stays: (set: EarlySet) => boolean): EarlySet[] {
    const kept: EarlySet[] = [];
    for (const set of own) {
      if (stays(set)) {
        kept.push(set);
      } else {
        this.#size--;
        this.#bytes -= set.message.octets.length;
      }
    }
    if (kept.length > 0) this.#byExporter.set(exporter, kept);
    else this.#byExporter.delete(exporter);
    return kept;
  }
}
