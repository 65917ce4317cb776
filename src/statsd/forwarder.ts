/** Hands an interval's series on to a global instance, and keeps what that certainly did not take. */
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { HyperLogLogV1 } from "../sketch/mod.ts";
import { type Kept, UndeliveredForwards } from "./forward_collect.ts";
import { encodeMetric, encodeMetricList } from "./forward_proto.ts";
import { encodeImport, type ForwardedSeries } from "./forward_wire.ts";

/**
 * How a forward ended: taken; certainly not taken; or it may have been, and is never sent again, as that would count twice.
 */
export type ForwardOutcome = "delivered" | "refused" | "ambiguous";

/** How the series of a forward ended, where they did not all end alike; in the order in which they stand. */
export interface ForwardParts {
  /** So many were taken. */
  readonly delivered: number;
  /** So many behind them may have been; the rest certainly was not. */
  readonly ambiguous: number;
}

/** Sends one forward. */
export type SendForward = (
  body: Uint8Array<ArrayBuffer>,
  series: number,
) => Promise<ForwardOutcome | ForwardParts>;

/** How a forward is written: the JSON of `/import`, deflated as HTTP means it, or a `forwardrpc.MetricList`. */
export type ForwardForm = "json" | "protobuf";

/** What became of a forward. */
export interface ForwardReport {
  /** Series in it, those of earlier intervals included. */
  readonly series: number;
  readonly outcome: ForwardOutcome;
  /** Series given up: after an ambiguous outcome, because they waited too long, or for want of a form to send them in. */
  readonly lost: number;
}

const compress = promisify(deflate);

/** Forwards interval after interval. */
export class Forwarder {
  readonly #send: SendForward;
  readonly #form: ForwardForm;
  readonly #undelivered = new UndeliveredForwards();

  /** @param send sends one body, in the form that is said */
  constructor(send: SendForward, form: ForwardForm = "json") {
    this.#send = send;
    this.#form = form;
  }

  /** Forwards the series of one interval and what waits from earlier ones; `undefined` when there is nothing. */
  async forward(series: readonly ForwardedSeries[]): Promise<ForwardReport | undefined> {
    const joined = this.#undelivered.joinWith(series);
    if (joined.length === 0) return undefined;
    const all = this.#form === "json" ? joined : joined.filter(hasMetric);
    const unfit = joined.length - all.length;
    if (all.length === 0) return { series: joined.length, outcome: "delivered", lost: unfit };
    const outcome = await this.#send(await this.#encode(all), all.length);
    const { delivered, ambiguous } = partsOf(outcome, all.length);
    const droppedBefore = this.#undelivered.dropped;
    this.#undelivered.keep(all.slice(delivered + ambiguous));
    const dropped = this.#undelivered.dropped - droppedBefore;
    return {
      series: joined.length,
      outcome: ambiguous > 0 ? "ambiguous" : delivered < all.length ? "refused" : "delivered",
      lost: unfit + ambiguous + dropped,
    };
  }

  async #encode(all: readonly Kept[]): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#form === "protobuf") return encodeMetricList(all.map((kept) => encodeMetric(kept.series)));
    return new Uint8Array(await compress(encodeImport(all.map((kept) => kept.series))));
  }
}

function partsOf(outcome: ForwardOutcome | ForwardParts, series: number): ForwardParts {
  if (typeof outcome === "object") return outcome;
  return { delivered: outcome === "delivered" ? series : 0, ambiguous: outcome === "ambiguous" ? series : 0 };
}

/** Sets of the older generation, which a chain of instances may meet, have no place in a `metricpb.Metric`. */
function hasMetric({ series: { value } }: Kept): boolean {
  return !(value.type === "set" && value.sketch instanceof HyperLogLogV1);
}
