import { ByteError, ProtoReader, ProtoWriter } from "../bytes/mod.ts";
import { SLOT } from "./digest_core.ts";
import { MOST_CENTROIDS, tooManyCentroids } from "./gob.ts";
import { SketchError } from "./sketch_error.ts";
import { TDigest } from "./tdigest.ts";

/**
 * Writes the fields of a `MergingDigestData` message, in which digests are forwarded over gRPC. Numbers that are 0 are
 * left out, as proto3 has it.
 */
export function writeDigestProto(writer: ProtoWriter, digest: TDigest): void {
  for (const { mean, weight } of digest.centroids()) {
    writer.message(1, (centroid) => {
      if (mean !== 0) centroid.double(1, mean);
      centroid.double(2, weight);
    });
  }
  const numbers = [digest.compression, digest.min, digest.max, digest.reciprocalSum];
  numbers.forEach((number, i) => {
    if (number !== 0) writer.double(2 + i, number);
  });
}

/** A `MergingDigestData` message of its own. */
export function encodeDigestProto(digest: TDigest): Uint8Array<ArrayBuffer> {
  const writer = new ProtoWriter(4096);
  writeDigestProto(writer, digest);
  return writer.copy();
}

/**
 * The digest of a `MergingDigestData` message; unknown fields are passed over.
 *
 * @throws {SketchError} if it is no digest, or one that must not be used
 */
export function decodeDigestProto(bytes: Uint8Array): TDigest {
  try {
    return readDigest(new ProtoReader(bytes));
  } catch (error) {
    if (!(error instanceof ByteError)) throw error;
    const code = error.code === "bytes.truncated" ? "sketch.truncated" : "sketch.format";
    throw new SketchError(code, `Cannot decode a digest: ${error.message}`, { cause: error });
  }
}

function readDigest(reader: ProtoReader): TDigest {
  const slots: number[] = [];
  let compression = 0;
  let min = 0;
  let max = 0;
  let reciprocalSum = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) readCentroid(reader.message(), slots);
    else if (field === 2) compression = reader.double();
    else if (field === 3) min = reader.double();
    else if (field === 4) max = reader.double();
    else if (field === 5) reciprocalSum = reader.double();
    else reader.skip();
  }
  return TDigest.from({
    compression,
    min,
    max,
    reciprocalSum,
    slots: Float64Array.from(slots),
    mains: slots.length / SLOT,
    temps: 0,
  });
}

function readCentroid(reader: ProtoReader, slots: number[]): void {
  if (slots.length >= SLOT * MOST_CENTROIDS) throw tooManyCentroids(slots.length / SLOT + 1);
  let mean = 0;
  let weight = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) mean = reader.double();
    else if (field === 2) weight = reader.double();
    else reader.skip(); // 3: samples, which nobody fills
  }
  slots.push(mean, weight);
}
