import type { Clock } from "../../clock/mod.ts";
import type { Int64 } from "../wire/int64.ts";

/** A partition, and from where its group has not read. */
export interface UnreadQuestion {
  readonly cluster: string;
  readonly topic: string;
  readonly partition: number;
  /** The committed offset. */
  readonly offset: Int64;
  /** The partition's end. */
  readonly end: Int64;
}

/** What stands at the committed offset or behind it: a record for everybody, or nothing but ends of transactions. */
export type UnreadAnswer = { readonly kind: "record"; readonly timestampMs: number } | { readonly kind: "nothing" };

/** Reads records. */
export interface RecordSource {
  /** Who would be asked; what may be read a second goes by this name. */
  brokerOf(question: UnreadQuestion): string;
  /**
   * Reads the first record that is there for everybody, from the committed offset or the oldest that is left.
   *
   * @returns null where it can't be told now
   */
  firstUnread(question: UnreadQuestion): Promise<UnreadAnswer | null>;
}

/** Answers that are kept at most; the oldest go first. */
const MOST_ANSWERS = 100_000;

/**
 * Asks for first unread records, so many a second and broker, those of the most lagging partitions first. An answer is kept
 * until the commit moves, that there is nothing only until the end does.
 */
export class UnreadRecords {
  readonly #source: RecordSource;
  readonly #perSecond: number;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #answers = new Map<string, { readonly question: UnreadQuestion; readonly answer: UnreadAnswer }>();
  readonly #spent = new Map<string, { second: number; count: number }>();

  constructor(source: RecordSource, perSecond: number, clock: Pick<Clock, "monotonic">) {
    this.#source = source;
    this.#perSecond = perSecond;
    this.#clock = clock;
  }

  /** What is known already. */
  known(question: UnreadQuestion): UnreadAnswer | undefined {
    const kept = this.#answers.get(keyOf(question));
    if (kept === undefined || kept.question.offset !== question.offset) return undefined;
    return kept.answer.kind === "record" || kept.question.end === question.end ? kept.answer : undefined;
  }

  /**
   * Asks for what is not known yet, as far as that is within bounds; `known` tells it then.
   *
   * @param questions the most lagging partition first
   */
  async ask(questions: readonly UnreadQuestion[]): Promise<void> {
    const asked = questions.filter((question) => this.known(question) === undefined && this.#spend(question));
    await Promise.all(asked.map(async (question) => {
      const answer = await this.#source.firstUnread(question);
      if (answer !== null) this.#keep(question, answer);
    }));
  }

  #spend(question: UnreadQuestion): boolean {
    const broker = this.#source.brokerOf(question);
    const second = Math.floor(this.#clock.monotonic() / 1000);
    let spent = this.#spent.get(broker);
    if (spent?.second !== second) this.#spent.set(broker, spent = { second, count: 0 });
    if (spent.count >= this.#perSecond) return false;
    spent.count++;
    return true;
  }

  #keep(question: UnreadQuestion, answer: UnreadAnswer): void {
    const key = keyOf(question);
    this.#answers.delete(key); // behind the others: the oldest stands first
    this.#answers.set(key, { question, answer });
    if (this.#answers.size > MOST_ANSWERS) this.#answers.delete(this.#answers.keys().next().value!);
  }
}

/** Groups at one offset share an answer. */
function keyOf({ cluster, topic, partition, offset }: UnreadQuestion): string {
  return `${cluster}\0${topic}\0${partition}\0${offset}`;
}
