/** Destinations for tests, which answer as they are told to. */
import type { ForwardOutcome, ForwardParts } from "../forwarder.ts";
import type { CarriedSeries } from "./carried.ts";
import type { ProxyTarget } from "./target.ts";

/** A target that keeps what it is sent. */
export interface ScriptedTarget extends ProxyTarget {
  /** Keys of each request's series. */
  readonly requests: readonly (readonly string[])[];
  readonly isClosed: boolean;
  /** How requests from now on end; `hold` keeps them open. */
  answer: ForwardOutcome | ForwardParts | "hold";
  /** Series that have no form here. */
  unfit: (series: CarriedSeries) => boolean;
  /** Ends the requests that are held, the oldest first; all of them unless told how many. */
  release(outcome: ForwardOutcome, count?: number): void;
}

/** Makes a target that takes everything. */
export function scriptedTarget(): ScriptedTarget {
  const requests: string[][] = [];
  const held: ((outcome: ForwardOutcome) => void)[] = [];
  let isClosed = false;
  return {
    requests,
    get isClosed() {
      return isClosed;
    },
    answer: "delivered",
    unfit: () => false,
    async send(series) {
      const unfit = series.filter(this.unfit);
      requests.push(series.filter((one) => !unfit.includes(one)).map(({ key }) => key));
      const { answer } = this;
      const outcome = answer === "hold" ? await new Promise<ForwardOutcome>((resolve) => held.push(resolve)) : answer;
      const sent = series.length - unfit.length;
      const parts = typeof outcome !== "string"
        ? outcome
        : { delivered: outcome === "delivered" ? sent : 0, ambiguous: outcome === "ambiguous" ? sent : 0 };
      return { parts, unfit };
    },
    release(outcome, count = held.length) {
      for (const resolve of held.splice(0, count)) resolve(outcome);
    },
    close() {
      if (isClosed) throw new Error("Cannot close the target: it is closed");
      isClosed = true;
    },
  };
}
