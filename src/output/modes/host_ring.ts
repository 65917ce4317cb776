import type { Link } from "./link.ts";

/** Temporary failures in a row after which another host is tried. */
const MOST_TEMPORARY = 3;

/** What kind of failure a host had, as far as choosing the next one and counting attempts goes. */
export interface HostFailure {
  readonly connecting: boolean;
  /** The destination only wants some events again. */
  readonly temporary: boolean;
  /** It wants patience: another host would not be the answer. */
  readonly stays: boolean;
  /** It costs no attempt. */
  readonly free: boolean;
}

/**
 * Which of several hosts is in use. The first one is left to chance, and so is the next after a failure, among those that
 * have not failed in this round; when all have, the first to be ready again is next. The host that failed last is next only
 * if it is alone.
 */
export class HostRing {
  readonly #links: readonly Link[];
  readonly #random: () => number;
  readonly #tried = new Set<Link>();
  #active: Link | undefined;
  #failedLast: Link | undefined;
  #inRow = 0;
  #connectFailed = false;
  #sendFailed = false;
  #failedRounds = 0;

  /** @param links one for each distinct host */
  constructor(links: readonly Link[], random: () => number) {
    this.#links = links;
    this.#random = random;
  }

  /** Rounds in which no host could even be connected to; each costs every waiting batch one attempt. */
  get failedRounds(): number {
    return this.#failedRounds;
  }

  get active(): Link | undefined {
    return this.#active;
  }

  /** The host to use next, which may have to be waited for. */
  pick(): Link {
    return this.#active ??= this.#choose();
  }

  /** All of a batch was delivered: the round is over, and began anew with this host. */
  succeed(): void {
    this.#tried.clear();
    this.#failedLast = undefined;
    this.#inRow = 0;
    this.#connectFailed = this.#sendFailed = false;
  }

  /** @returns whether another host is to be used, so that the connection must be closed */
  fail(link: Link, failure: HostFailure): boolean {
    if (link !== this.#active) return false; // it failed before, and another batch said so
    if (failure.stays) return false;
    if (failure.temporary && ++this.#inRow < MOST_TEMPORARY) return false;
    if (!failure.free) {
      if (failure.connecting) this.#connectFailed = true;
      else this.#sendFailed = true;
    }
    this.#inRow = 0;
    this.#active = undefined;
    this.#failedLast = link;
    this.#tried.add(link);
    if (this.#fresh().length === 0) this.#endRound();
    return true;
  }

  #endRound(): void {
    if (this.#connectFailed && !this.#sendFailed) this.#failedRounds++;
    this.#tried.clear();
    this.#connectFailed = this.#sendFailed = false;
  }

  #choose(): Link {
    const fresh = this.#fresh();
    if (fresh.length > 0) return fresh[Math.floor(this.#random() * fresh.length)]!;
    const others = this.#others();
    const free = others.filter((link) => !link.isShut);
    return soonest(free.length > 0 ? free : this.#links);
  }

  /** Hosts that have not failed in this round and need not be waited for. */
  #fresh(): Link[] {
    return this.#others().filter((link) => !this.#tried.has(link) && link.waitMs() === 0);
  }

  #others(): readonly Link[] {
    if (this.#links.length === 1) return this.#links;
    return this.#links.filter((link) => link !== this.#failedLast);
  }
}

function soonest(links: readonly Link[]): Link {
  return links.reduce((best, link) => link.waitMs() < best.waitMs() ? link : best);
}
