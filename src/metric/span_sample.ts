import type { SpanSample } from "./values.ts";

/** A sample as SSF has it where nothing more is said: no time, no unit, not sampled, of mixed scope. */
export function spanSample(said: Pick<SpanSample, "metric" | "name"> & Partial<SpanSample>): SpanSample {
  return {
    value: 0,
    timestampNs: 0n,
    message: "",
    status: 0,
    sampleRate: 1,
    tags: {},
    unit: "",
    scope: "mixed",
    ...said,
  };
}
