/** Events of one request, as the receiver that stored them knows it. */
export interface Request {
  readonly ids: readonly number[];
  /** Which connection of which receiver it came over. */
  readonly connection: string;
  /** When it was stored, in milliseconds of one clock for all receivers. */
  readonly atMs: number;
  /** When the receiver had said that it has them; `undefined`: it never did, or was cut off. */
  answeredMs?: number;
}

/** What may be missing, and what may come again. */
export interface Expected {
  /** Events that were refused for good or given up, and counted as such, by id. */
  readonly gone?: ReadonlySet<number>;
  /** Whether an event may come again where it was stored and not answered. */
  readonly repeats?: "none" | "unanswered" | "any";
  /** Events may arrive that nobody is known to have accepted, as a sender is killed before it can say so. @default false */
  readonly foreign?: boolean;
  /** Answers that the sender may not have had in time, because the machine was busy. @default 0 */
  readonly unheardAnswers?: number;
}

/**
 * What was accepted, what arrived, and how each publish ended. It knows nothing of how events travel; what it is told by the
 * two ends has to fit together.
 */
export class Oracle {
  readonly #accepted = new Set<number>();
  readonly #requests: Request[] = [];
  readonly #signals = new Map<number, string[]>();

  /** Events that were accepted. */
  get accepted(): number {
    return this.#accepted.size;
  }

  /** Requests that were stored, in order. */
  get requests(): readonly Request[] {
    return this.#requests;
  }

  accept(ids: Iterable<number>): void {
    for (const id of ids) this.#accepted.add(id);
  }

  /** A receiver stored events. */
  store(request: Request): void {
    this.#requests.push(request);
  }

  publish(number: number): void {
    this.#signals.set(number, []);
  }

  /** A publish was told how it ended. */
  signal(number: number, kind: string): void {
    this.#signals.get(number)?.push(kind);
  }

  /** Events that came again although the receiver had answered before: when it had, and when they did. */
  repeatsBehindAnswers(): { readonly id: number; readonly answeredMs: number; readonly againMs: number }[] {
    const answered = new Map<number, number>();
    const repeats: { id: number; answeredMs: number; againMs: number }[] = [];
    for (const { ids, atMs, answeredMs } of this.#requests) {
      for (const id of ids) {
        const before = answered.get(id);
        if (before !== undefined && before <= atMs) repeats.push({ id, answeredMs: before, againMs: atMs });
        if (answeredMs !== undefined) answered.set(id, answeredMs);
      }
    }
    return repeats;
  }

  /** Ids that arrived at least once. */
  arrived(): Set<number> {
    return new Set(this.#requests.flatMap(({ ids }) => [...ids]));
  }

  /** Arrivals beyond the first of each event. */
  get duplicates(): number {
    const all = this.#requests.reduce((sum, { ids }) => sum + ids.length, 0);
    return all - this.arrived().size;
  }

  /** What does not fit together; empty when all does. */
  findings({ gone = new Set(), repeats = "none", unheardAnswers = 0, foreign = false }: Expected = {}): string[] {
    return [
      ...this.#loss(gone, foreign),
      ...(repeats === "any" ? [] : repeats === "none" ? this.#anyRepeat() : this.#repeatAfterAnswer(unheardAnswers)),
      ...this.#badSignals(),
    ];
  }

  #loss(gone: ReadonlySet<number>, mayBeForeign: boolean): string[] {
    const arrived = this.arrived();
    const lost = [...this.#accepted].filter((id) => !arrived.has(id) && !gone.has(id));
    const foreign = [...arrived].filter((id) => !this.#accepted.has(id));
    const both = [...gone].filter((id) => arrived.has(id));
    const findings: string[] = [];
    if (lost.length > 0) findings.push(`${lost.length} events are lost: ${some(lost)}`);
    if (foreign.length > 0 && !mayBeForeign) {
      findings.push(`${foreign.length} events arrived that were never sent: ${some(foreign)}`);
    }
    if (both.length > 0) findings.push(`${both.length} events arrived although they are given up: ${some(both)}`);
    return findings;
  }

  #anyRepeat(): string[] {
    const { duplicates } = this;
    return duplicates === 0 ? [] : [`${duplicates} events came again: ${some(this.#repeated())}`];
  }

  #repeated(): number[] {
    const seen = new Set<number>();
    return this.#requests.flatMap(({ ids }) =>
      ids.filter((id) => {
        const again = seen.has(id);
        seen.add(id);
        return again;
      })
    );
  }

  /** A repeat is excused by an earlier request of the event that nobody answered; behind an answer there is none. */
  #repeatAfterAnswer(unheard: number): string[] {
    const answered = new Map<number, Request>();
    const ignored = new Set<Request>();
    const ids: number[] = [];
    for (const request of this.#requests) {
      for (const id of request.ids) {
        const before = answered.get(id);
        if (before !== undefined && before !== request && before.answeredMs! <= request.atMs) {
          ignored.add(before);
          ids.push(id);
        }
      }
      if (request.answeredMs !== undefined) { for (const id of request.ids) answered.set(id, request); }
    }
    if (ignored.size <= unheard) return [];
    return [`${ids.length} events came again although ${ignored.size} requests with them were answered: ${some(ids)}`];
  }

  #badSignals(): string[] {
    const findings: string[] = [];
    for (const [number, kinds] of this.#signals) {
      if (kinds.length !== 1) findings.push(`publish ${number} was signalled ${kinds.length} times (${kinds})`);
    }
    return findings.length > 3 ? [...findings.slice(0, 3), `… and ${findings.length - 3} publishes more`] : findings;
  }
}

function some(ids: readonly number[]): string {
  return ids.slice(0, 5).join(", ") + (ids.length > 5 ? ", …" : "");
}
