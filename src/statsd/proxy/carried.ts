/** Series on their way through the proxy: as they came, and in the form in which they leave. Pure. */
import { HyperLogLogV1 } from "../../sketch/mod.ts";
import { decodeMetric, encodeMetric } from "../forward_proto.ts";
import { decodeImport, encodeImport } from "../forward_wire.ts";

/**
 * A series on its way. What it holds is looked into only where it leaves in another form than it came in; `undefined` is
 * what has no such form, or is nothing that could be imported.
 */
export interface CarriedSeries {
  /** Tells its place on the ring. */
  readonly key: string;
  /** Its element of a JSON import. */
  json(): string | undefined;
  /** Its `metricpb.Metric`. */
  metric(): Uint8Array | undefined;
}

/** A series that came as an element of a JSON import. */
export function carriedElement(key: string, text: string): CarriedSeries {
  return { key, json: () => text, metric: () => elementAsMetric(text) };
}

/** A series that came as a `metricpb.Metric`. @param bytes its own */
export function carriedMetric(key: string, bytes: Uint8Array): CarriedSeries {
  return { key, json: () => metricAsElement(bytes), metric: () => bytes };
}

function elementAsMetric(text: string): Uint8Array | undefined {
  const decoded = decodeImport(`[${text}]`);
  const series = typeof decoded === "string" ? undefined : decoded.series[0];
  if (series === undefined) return undefined;
  // The sets of the older generation have no place in that form.
  const isOld = series.value.type === "set" && series.value.sketch instanceof HyperLogLogV1;
  return isOld ? undefined : encodeMetric(series);
}

function metricAsElement(bytes: Uint8Array): string | undefined {
  const series = decodeMetric(bytes);
  return "cause" in series ? undefined : encodeImport([series]).slice(1, -1);
}
