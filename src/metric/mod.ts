/**
 * The values that travel from every source to every destination.
 *
 * @example Events as bytes, cut and joined without decoding
 * ```ts
 * import assert from "node:assert/strict";
 * import { BatchBuilder, batchBytes, sliceBatch } from "@limier/limier/metric";
 *
 * const builder = new BatchBuilder("points", 1_700_000_010); // Unix seconds of the flush
 * for (const event of ['{"a":1}', '{"b":2}', '{"c":3}']) {
 *   builder.appendText(event);
 *   builder.endEvent();
 * }
 * const body = batchBytes(sliceBatch(builder.build(), 1, 3), "[", ",", "]");
 * assert.equal(new TextDecoder().decode(body), '[{"b":2},{"c":3}]');
 * ```
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
export { spanSample } from "./span_sample.ts";
