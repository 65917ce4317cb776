import { ByteError, ByteReader, ByteWriter } from "../bytes/mod.ts";
import { metroHash64, newHash64 } from "./hash.ts";
import {
  BLOCK_BYTES,
  blockBase,
  clearBlock,
  estimateBlock,
  loadBlock,
  mergeBlock,
  MOST_VALUE,
  PRECISION,
  raiseRegister,
  REGISTER_BYTES,
} from "./registers.ts";
import { SketchError } from "./sketch_error.ts";
import { hashValue, keyRegister, keyValue, sparseEstimate, sparseKey, SparseKeys } from "./sparse_keys.ts";

const VERSION = 1;
const SPARSE = 1;
const DENSE = 0;

const hash = newHash64();

/**
 * Counts distinct members, exactly enough: a HyperLogLog sketch of generation B (MetroHash64 of seed 1337, precision 14,
 * LogLog-Beta), standard error 0.8 %. Nearly exact and small up to some 7000 members, then 8 kB.
 */
export class HyperLogLog {
  /** Null once the sketch is dense. */
  #sparse: SparseKeys | null = new SparseKeys(PRECISION);
  #block: Uint8Array<ArrayBuffer> | null = null;

  /** A sketch of the sparse keys given, which ascend. */
  static fromKeys(keys: Uint32Array): HyperLogLog {
    const sketch = new HyperLogLog();
    sketch.#sparse = SparseKeys.of(keys, PRECISION);
    sketch.#densifyIfFull();
    return sketch;
  }

  /** A dense sketch of a register block, which is copied. */
  static fromBlock(block: Uint8Array): HyperLogLog {
    const sketch = new HyperLogLog();
    sketch.#sparse = null;
    sketch.#block = new Uint8Array(block);
    return sketch;
  }

  /**
   * The sketch `encode()` wrote, or another implementation of generation B.
   *
   * @throws {SketchError} if `bytes` are anything else
   */
  static decode(bytes: Uint8Array): HyperLogLog {
    try {
      return decodeBinary(new ByteReader(bytes));
    } catch (error) {
      if (!(error instanceof ByteError)) throw error;
      throw new SketchError("sketch.truncated", `Cannot decode a set: ${error.message}`, { cause: error });
    }
  }

  /** @internal */
  static fromSparse(sparse: SparseKeys): HyperLogLog {
    const sketch = new HyperLogLog();
    sketch.#sparse = sparse;
    sketch.#densifyIfFull();
    return sketch;
  }

  /** Counts the member whose UTF-8 bytes are `bytes[start, end)`. */
  insert(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    metroHash64(bytes, start, end, hash);
    this.insertHash(hash[0]!, hash[1]!);
  }

  /** Counts the member of this MetroHash64. */
  insertHash(high: number, low: number): void {
    if (this.#block !== null) {
      raiseRegister(this.#block, 0, high >>> (32 - PRECISION), hashValue(high, low, PRECISION));
    } else this.#addKey(sparseKey(high, low, PRECISION));
  }

  /** Counts all members that `other` has counted; `other` stays as it is. */
  merge(other: HyperLogLog): void {
    const keys = other.keys();
    if (keys !== null) {
      for (const key of keys) this.#addKey(key);
      return;
    }
    if (this.#block === null) this.#densify();
    mergeBlock(this.#block!, 0, other.#block!, 0);
  }

  /** About how many distinct members were counted. */
  estimate(): number {
    if (this.#block !== null) return estimateBlock(this.#block, 0);
    return sparseEstimate(this.#sparse!.sorted().length);
  }

  /** The distinct sparse keys, ascending; null if the sketch is dense. */
  keys(): Uint32Array<ArrayBuffer> | null {
    return this.#block === null ? this.#sparse!.sorted() : null;
  }

  /** The register block, a view valid until the next insert; null if the sketch is sparse. */
  block(): Uint8Array | null {
    return this.#block;
  }

  /** The binary form that travels between servers. */
  encode(): Uint8Array<ArrayBuffer> {
    const writer = new ByteWriter(64);
    writer.u8(VERSION);
    writer.u8(PRECISION);
    if (this.#block !== null) {
      writer.u8(blockBase(this.#block, 0));
      writer.u8(DENSE);
      writer.u32be(REGISTER_BYTES);
      writer.bytes(this.#block.subarray(0, REGISTER_BYTES));
      return writer.copy();
    }
    const { small, list } = this.#sparse!;
    writer.u8(0);
    writer.u8(SPARSE);
    writer.u32be(small.size);
    for (const key of Uint32Array.from(small).sort()) writer.u32be(key);
    writer.u32be(list.count);
    writer.u32be(list.last);
    writer.u32be(list.bytes.length);
    writer.bytes(list.bytes);
    return writer.copy();
  }

  #addKey(key: number): void {
    if (this.#block !== null) {
      raiseRegister(this.#block, 0, keyRegister(key, PRECISION), keyValue(key, PRECISION));
      return;
    }
    this.#sparse!.add(key);
    this.#densifyIfFull();
  }

  #densifyIfFull(): void {
    if (this.#sparse?.full) this.#densify();
  }

  #densify(): void {
    const block = new Uint8Array(BLOCK_BYTES);
    clearBlock(block, 0);
    for (const key of this.#sparse!.sorted()) {
      raiseRegister(block, 0, keyRegister(key, PRECISION), keyValue(key, PRECISION));
    }
    this.#block = block;
    this.#sparse = null;
  }
}

function decodeBinary(reader: ByteReader): HyperLogLog {
  reader.need(8, "the head of a set");
  reader.skip(1); // the version, which no reader looks at
  const precision = reader.u8();
  if (precision !== PRECISION) {
    throw new SketchError(
      "sketch.precision",
      `Cannot decode a set of precision ${precision}: only ${PRECISION} is used`,
    );
  }
  const base = reader.u8();
  const form = reader.u8();
  let sketch: HyperLogLog;
  if (form === SPARSE) {
    const smallCount = reader.u32be();
    reader.need(smallCount * 4, `${smallCount} keys`);
    const small: number[] = [];
    for (let i = 0; i < smallCount; i++) small.push(reader.u32be());
    const count = reader.u32be();
    const last = reader.u32be();
    const bytes = new Uint8Array(reader.bytes(reader.u32be()));
    sketch = HyperLogLog.fromSparse(SparseKeys.from(small, { count, last, bytes }, PRECISION));
  } else if (form === DENSE) {
    const size = reader.u32be();
    if (size !== REGISTER_BYTES) {
      throw new SketchError(
        "sketch.size",
        `Cannot decode a set of ${size} register bytes: there must be ${REGISTER_BYTES}`,
      );
    }
    if (base > MOST_VALUE) {
      throw new SketchError("sketch.format", `Cannot decode a set of base ${base}: it is too large`);
    }
    const block = new Uint8Array(BLOCK_BYTES);
    loadBlock(block, 0, reader.bytes(size), base);
    sketch = HyperLogLog.fromBlock(block);
  } else throw new SketchError("sketch.format", `Cannot decode a set of form ${form}: 0 and 1 are known`);
  if (reader.remaining > 0) {
    throw new SketchError("sketch.trailing", `Cannot decode a set: ${reader.remaining} bytes follow its end`);
  }
  return sketch;
}
