/** Lets one piece of work at a time have its turn, in the order in which they came. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everything before it is done; its result, or its error. */
  run<T>(work: () => Promise<T> | T): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {}); // whoever asked for that work hears of it
    return turn;
  }

  /** Resolves when everything up to now is done. */
  async settled(): Promise<void> {
    await this.#last;
  }
}
