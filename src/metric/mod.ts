/**
 * The values that travel from every source to every destination.
 *
 * @module
 */
export type { Check, CheckStatus, Event, Point, PointType, Span, SpanSample } from "./values.ts";
export {
  type Batch,
  BatchBuilder,
  batchBytes,
  type BatchKind,
  eventBytes,
  pickEvents,
  sliceBatch,
  splitSizes,
} from "./batch.ts";
export { discardingMeter, type Meter } from "./meter.ts";
