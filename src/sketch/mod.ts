/**
 * Sketches that can be merged: quantiles by t-digest, distinct counts by HyperLogLog, one at a time or very many in one
 * piece of memory, and the forms in which they travel between servers.
 *
 * @example
 * ```ts
 * import { decodeDigestGob, DigestStore, encodeDigestGob, HyperLogLog, TDigest } from "./mod.ts";
 *
 * const latency = new TDigest();
 * for (const ms of [1, 2, 7, 8, 100]) latency.add(ms);
 * console.assert(latency.quantile(0.5) === 6 && latency.max === 100);
 *
 * // A thousand series in one store, one of them with a digest from elsewhere.
 * const store = new DigestStore();
 * for (let id = 0; id < 1000; id++) store.sample(store.add(), id, 1);
 * store.mergeDigest(7, decodeDigestGob(encodeDigestGob(latency)));
 * console.assert(store.count(7) === 6 && store.localWeight(7) === 1);
 *
 * const users = new HyperLogLog();
 * for (const name of ["ann", "bo", "ann"]) users.insert(new TextEncoder().encode(name));
 * console.assert(HyperLogLog.decode(users.encode()).estimate() === 2);
 * ```
 *
 * @module
 */
export { type Centroid, type DigestParts, TDigest } from "./tdigest.ts";
export { DigestStore, type DigestStoreState } from "./digest_store.ts";
export { HyperLogLog } from "./hyperloglog.ts";
export { HyperLogLogV1 } from "./hyperloglog_v1.ts";
export { SetStore, type SetStoreState } from "./set_store.ts";
export { decodeDigestGob, decodeSetGob, type DigestForm, encodeDigestGob, encodeSetGob } from "./gob.ts";
export { decodeDigestProto, encodeDigestProto, writeDigestProto } from "./proto.ts";
export { fnv1a32, fnv1a64, type Hash64, metroHash64, newHash64 } from "./hash.ts";
export { SketchError, type SketchErrorCode } from "./sketch_error.ts";
