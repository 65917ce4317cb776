import { ByteError, fromHex } from "../bytes/mod.ts";
import { SLOT } from "./digest_core.ts";
import { GobReader, GobType, GobWriter } from "./gob_stream.ts";
import { HyperLogLogV1, V1_PRECISION, V1_REGISTERS } from "./hyperloglog_v1.ts";
import { SketchError } from "./sketch_error.ts";
import { SparseKeys } from "./sparse_keys.ts";
import { TDigest } from "./tdigest.ts";

/** More centroids no digest has that means well. */
export const MOST_CENTROIDS = 10_000;

// type 67 = []Centroid; type 65 = Centroid struct { Mean, Weight float64; Samples []float64 }; type 66 = []float64
const CENTROIDS = 67;
const DIGEST_TYPES = fromHex(
  "0dff85020102ff860001ff820000" +
    "37ff810301010843656e74726f696401ff82000103" + "01044d65616e010800" + "0106576569676874010800" +
    "010753616d706c657301ff84000000" +
    "17ff83020101095b5d666c6f6174363401ff8400010800 00",
)!;

/** Which servers read it: 1.1 to 8.0 wrote no `reciprocalSum`, and ignore it. */
export type DigestForm = "1.1" | "9.0";

/** The gob stream in which histograms and timers are forwarded over HTTP. */
export function encodeDigestGob(digest: TDigest, form: DigestForm = "9.0"): Uint8Array<ArrayBuffer> {
  const centroids = digest.centroids();
  const writer = new GobWriter();
  writer.raw(DIGEST_TYPES);
  writer.begin(CENTROIDS);
  writer.uint(centroids.length);
  for (const { mean, weight } of centroids) {
    let delta = 1; // fields that are 0 are left out
    if (mean !== 0) {
      writer.uint(delta);
      writer.float(mean);
    } else delta++;
    writer.uint(delta);
    writer.float(weight);
    writer.uint(0);
  }
  writer.end();
  const numbers = [digest.compression, digest.min, digest.max];
  if (form === "9.0") numbers.push(digest.reciprocalSum);
  for (const number of numbers) {
    writer.begin(GobType.float);
    writer.float(number);
    writer.end();
  }
  return writer.copy();
}

/**
 * The digest a gob stream holds, with a `reciprocalSum` of 0 where there is none.
 *
 * @throws {SketchError} if it is no digest, or one that must not be used
 */
export function decodeDigestGob(bytes: Uint8Array): TDigest {
  return decode("a digest", () => {
    const reader = new GobReader(bytes);
    const { count, element } = reader.sliceHead(reader.next());
    if (count > MOST_CENTROIDS) throw tooManyCentroids(count);
    const slots = new Float64Array(SLOT * count);
    for (let at = 0; at < slots.length; at += SLOT) {
      reader.struct(element, (name, type) => {
        const field = name === "Mean" ? 0 : name === "Weight" ? 1 : -1;
        if (field < 0) return false;
        reader.expect(type, GobType.float);
        slots[at + field] = reader.float();
        return true;
      });
    }
    const float = () => {
      nextOf(reader, GobType.float);
      return reader.float();
    };
    const [compression, min, max] = [float(), float(), float()];
    const last = reader.next();
    let reciprocalSum = 0;
    if (last !== 0) {
      reader.expect(last, GobType.float);
      reciprocalSum = reader.float();
      reader.end();
    }
    return TDigest.from({ compression, min, max, reciprocalSum, slots, mains: count, temps: 0 });
  });
}

/** The error for a digest of more than {@link MOST_CENTROIDS}. */
export function tooManyCentroids(count: number): SketchError {
  return new SketchError("sketch.size", `Cannot use a digest of ${count} centroids: ${MOST_CENTROIDS} is the most`);
}

// type 68 = set, a map[uint]bool
const KEY_SET = 68;
const SET_TYPES = fromHex("13ff87040101 03736574 01ff88000106010200 00")!;

/** The gob stream in which sets are forwarded to servers before 1.7. */
export function encodeSetGob(sketch: HyperLogLogV1): Uint8Array<ArrayBuffer> {
  const writer = new GobWriter();
  const registers = sketch.registers();
  const sparse = sketch.sparse();
  const bytes = (value: Uint8Array) => {
    writer.begin(GobType.bytes);
    writer.bytes(value);
    writer.end();
  };
  const number = (type: number, value: number) => {
    writer.begin(type);
    writer.uint(value);
    writer.end();
  };
  bytes(registers ?? new Uint8Array(0));
  number(GobType.uint, V1_REGISTERS);
  number(GobType.uint, V1_PRECISION);
  number(GobType.bool, sparse === null ? 0 : 1);
  if (sparse !== null) {
    writer.raw(SET_TYPES);
    writer.begin(KEY_SET);
    writer.uint(sparse.small.size);
    for (const key of Uint32Array.from(sparse.small).sort()) {
      writer.uint(key);
      writer.uint(1);
    }
    writer.end();
    number(GobType.uint, sparse.list.count);
    bytes(sparse.list.bytes);
    number(GobType.uint, sparse.list.last);
  }
  return writer.copy();
}

/**
 * The set of generation A a gob stream holds.
 *
 * @throws {SketchError} if it is no set, or one that must not be used
 */
export function decodeSetGob(bytes: Uint8Array): HyperLogLogV1 {
  return decode("a set", () => {
    const reader = new GobReader(bytes);
    nextOf(reader, GobType.bytes);
    const registers = reader.bytes();
    const registerCount = nextUint(reader);
    const precision = nextUint(reader);
    if (precision !== V1_PRECISION || registerCount !== V1_REGISTERS) {
      throw new SketchError("sketch.precision", `Cannot decode a set of precision ${precision}: only 18 is used`);
    }
    nextOf(reader, GobType.bool);
    if (!reader.bool()) {
      reader.end();
      return HyperLogLogV1.fromRegisters(registers);
    }
    const { count: smallCount, key, element } = reader.mapHead(reader.next());
    reader.expect(key, GobType.uint);
    reader.expect(element, GobType.bool);
    const small: number[] = [];
    for (let i = 0; i < smallCount; i++) {
      const member = reader.uint();
      if (reader.bool()) small.push(member);
    }
    const count = nextUint(reader);
    nextOf(reader, GobType.bytes);
    const list = new Uint8Array(reader.bytes());
    const last = nextUint(reader);
    reader.end();
    return HyperLogLogV1.fromSparse(SparseKeys.from(small, { count, last, bytes: list }, V1_PRECISION));
  });
}

function nextOf(reader: GobReader, type: number): void {
  const got = reader.next();
  if (got === 0) throw new SketchError("sketch.truncated", "Cannot decode a gob: a value is missing at its end");
  reader.expect(got, type);
}

function nextUint(reader: GobReader): number {
  nextOf(reader, GobType.uint);
  return reader.uint();
}

/** A cut stream is the only thing the cursor below complains about. */
function decode<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ByteError)) throw error;
    throw new SketchError("sketch.truncated", `Cannot decode ${what}: ${error.message}`, { cause: error });
  }
}
