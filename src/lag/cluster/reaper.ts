/** What is known of a group when it is looked for. */
export interface ReapedGroup {
  readonly name: string;
  /** When its latest commit was stored, Unix milliseconds. */
  readonly lastSeenMs: number;
}

/** After a broker was found again its list may be empty for a while. */
const SETTLE_MS = 30_000;

/**
 * Says which groups are gone: those that two complete rounds in a row lack, without a commit in between. A broker that has
 * just started lists no groups for a moment, and says that all is well.
 */
export class GroupReaper {
  #reached = -1;
  #reachedMs = -Infinity;
  /** Groups that the round before lacked. */
  #missing = new Map<string, ReapedGroup>();

  /**
   * One complete round.
   *
   * @param nowMs Unix milliseconds
   * @param reached how many connections were made so far; one more, and the round does not count for a while
   * @param listed the groups that the brokers have
   * @param known the groups that storage has, without those that brokers never have
   * @returns the groups that are gone
   */
  round(nowMs: number, reached: number, listed: ReadonlySet<string>, known: Iterable<ReapedGroup>): string[] {
    if (reached !== this.#reached) {
      this.#reached = reached;
      this.#reachedMs = nowMs;
    }
    if (nowMs - this.#reachedMs < SETTLE_MS) {
      this.#missing.clear();
      return [];
    }
    const missing = new Map<string, ReapedGroup>();
    const gone: string[] = [];
    for (const group of known) {
      if (listed.has(group.name)) continue;
      const before = this.#missing.get(group.name);
      if (before !== undefined && before.lastSeenMs === group.lastSeenMs) gone.push(group.name);
      else missing.set(group.name, group);
    }
    this.#missing = missing;
    return gone;
  }
}
