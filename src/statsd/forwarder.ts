/** Hands an interval's series on to a global instance, and keeps what that certainly did not take. */
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { UndeliveredForwards } from "./forward_collect.ts";
import { encodeImport, type ForwardedSeries } from "./forward_wire.ts";

/**
 * How a forward ended: taken; certainly not taken; or it may have been, and is never sent again, as that would count twice.
 */
export type ForwardOutcome = "delivered" | "refused" | "ambiguous";

/** What became of a forward. */
export interface ForwardReport {
  /** Series in it, those of earlier intervals included. */
  readonly series: number;
  readonly outcome: ForwardOutcome;
  /** Series given up: after an ambiguous outcome, or because they waited too long. */
  readonly lost: number;
}

const compress = promisify(deflate);

/** Forwards interval after interval. */
export class Forwarder {
  readonly #post: (body: Uint8Array<ArrayBuffer>, series: number) => Promise<ForwardOutcome>;
  readonly #undelivered = new UndeliveredForwards();

  /** @param post sends one body: JSON, deflated as HTTP means it */
  constructor(post: (body: Uint8Array<ArrayBuffer>, series: number) => Promise<ForwardOutcome>) {
    this.#post = post;
  }

  /** Forwards the series of one interval and what waits from earlier ones; `undefined` when there is nothing. */
  async forward(series: readonly ForwardedSeries[]): Promise<ForwardReport | undefined> {
    const all = this.#undelivered.joinWith(series);
    if (all.length === 0) return undefined;
    const body = await compress(encodeImport(all.map((kept) => kept.series)));
    const outcome = await this.#post(new Uint8Array(body), all.length);
    const droppedBefore = this.#undelivered.dropped;
    if (outcome === "refused") this.#undelivered.keep(all);
    const dropped = this.#undelivered.dropped - droppedBefore;
    return { series: all.length, outcome, lost: outcome === "ambiguous" ? all.length : dropped };
  }
}
