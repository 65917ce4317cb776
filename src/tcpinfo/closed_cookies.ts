/** So many are remembered; a notification comes within moments of the close. */
const MOST = 16_384;

/** What was counted of a connection before it closed. */
export interface CountedBytes {
  readonly sent: number;
  readonly received: number;
}

/**
 * Connections that have closed lately, by cookie: a notification of one is late rather than of a connection never seen, and
 * one that reappears does not count its bytes twice.
 */
export class ClosedCookies {
  readonly #byCookie = new Map<bigint, CountedBytes>();

  add(cookieLow: number, cookieHigh: number, sent: number, received: number): void {
    this.#byCookie.set(BigInt(cookieHigh) << 32n | BigInt(cookieLow), { sent, received });
    if (this.#byCookie.size <= MOST) return;
    for (const oldest of this.#byCookie.keys()) {
      this.#byCookie.delete(oldest);
      return;
    }
  }

  /** What was counted of it, which is then forgotten; undefined if it did not close lately. */
  take(cookieLow: number, cookieHigh: number): CountedBytes | undefined {
    if (this.#byCookie.size === 0) return undefined;
    const cookie = BigInt(cookieHigh) << 32n | BigInt(cookieLow);
    const counted = this.#byCookie.get(cookie);
    this.#byCookie.delete(cookie);
    return counted;
  }
}
