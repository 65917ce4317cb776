/** Sampling rates: computed from elements, kept from options, found for rows. */
import { type FlowBatch, writeU64 } from "../columns_batch.ts";
import type { FieldPlace, Plan, RatePlaces } from "./plan.ts";
import { readNumber, type Records } from "./run_plan.ts";
import type { Domain } from "./state.ts";

/** Numbers that a rate is computed from; 0 stands for one that is absent. */
export interface RateParts {
  readonly interval: number;
  readonly space: number;
  readonly size: number;
  readonly population: number;
  readonly probability: number;
}

/** One packet out of how many (RFC 5476 §6.5.2); 0 unknown. */
export function rateOf({ interval, space, size, population, probability }: RateParts): number {
  let rate = 0;
  if (interval > 0) rate = Math.floor((interval + space) / interval);
  if (rate === 0 && size > 0) rate = Math.floor(population / size);
  if (rate === 0 && probability > 0) rate = Math.round(1 / probability);
  return rate <= Number.MAX_SAFE_INTEGER ? rate : 0;
}

/** samplingProbability is a float64 (RFC 7011 §6.1.4), or reduced to a float32. */
export function readProbability(view: DataView, at: number, length: number): number {
  const value = length === 8 ? view.getFloat64(at) : length === 4 ? view.getFloat32(at) : 0;
  return value > 0 && value <= 1 ? value : 0;
}

/** Fills in the rate of rows that don't say it themselves. */
export function findRates(plan: Plan, batch: FlowBatch, records: Records, domain: Domain | undefined): void {
  const { samplingRate } = batch;
  const hasRates = domain !== undefined && domain.hasRates;
  if (plan.rate === null && !hasRates) return;
  const wholeDomain = domain?.samplers.get(0)?.rate ?? 0;
  for (let i = 0; i < records.count; i++) {
    const row = records.row + i;
    if (samplingRate[2 * row] !== 0 || samplingRate[2 * row + 1] !== 0) continue;
    const recordAt = records.at + i * records.stride;
    let rate = plan.rate === null ? 0 : ownRate(plan.rate, records.view, recordAt);
    if (rate === 0 && hasRates) {
      if (plan.samplerId !== null) {
        const id = readNumber(records.view, recordAt + plan.samplerId.at, plan.samplerId.length);
        rate = domain.samplers.get(id)?.rate ?? 0;
      }
      if (rate === 0 && domain.interfaces.size > 0) {
        rate = domain.interfaces.get(batch.inIf[row]!)?.rate ?? domain.interfaces.get(batch.outIf[row]!)?.rate ?? 0;
      }
      if (rate === 0) rate = wholeDomain;
    }
    if (rate !== 0) writeU64(samplingRate, row, rate);
  }
}

function ownRate(places: RatePlaces, view: DataView, recordAt: number): number {
  const number = (place: FieldPlace | null) => place === null ? 0 : readNumber(view, recordAt + place.at, place.length);
  const { probability } = places;
  return rateOf({
    interval: number(places.interval),
    space: number(places.space),
    size: number(places.size),
    population: number(places.population),
    probability: probability === null ? 0 : readProbability(view, recordAt + probability.at, probability.length),
  });
}
