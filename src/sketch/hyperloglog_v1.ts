import { fnv1a64, newHash64 } from "./hash.ts";
import { SketchError } from "./sketch_error.ts";
import { hashValue, keyRegister, keyValue, sparseEstimate, sparseKey, SparseKeys } from "./sparse_keys.ts";

/** Top bits of a hash that name its register, in generation A. */
export const V1_PRECISION = 18;
/** Registers of a dense sketch of generation A, a byte each. */
export const V1_REGISTERS = 2 ** V1_PRECISION;

/** Below this, HyperLogLog++ of precision 18 trusts the number of empty registers more than the others. */
const LINEAR_BELOW = 350_000;
const MOST_VALUE = 64 - V1_PRECISION + 1;

const hash = newHash64();

/**
 * Counts distinct members as servers before 1.7 did: generation A (FNV-1a, precision 18), wanted only to exchange sets
 * with them. FNV-1a hardly mixes the last bytes of a member into the bits that name a register, so that members which
 * differ in a final number only are badly undercounted once the sketch is dense, above some 200 000 members.
 */
export class HyperLogLogV1 {
  /** Null once the sketch is dense. */
  #sparse: SparseKeys | null = new SparseKeys(V1_PRECISION);
  #registers: Uint8Array<ArrayBuffer> | null = null;

  /** A sparse sketch of the keys given. */
  static fromSparse(sparse: SparseKeys): HyperLogLogV1 {
    const sketch = new HyperLogLogV1();
    sketch.#sparse = sparse;
    if (sparse.full) sketch.#densify();
    return sketch;
  }

  /**
   * A dense sketch of its registers, which are copied.
   *
   * @throws {SketchError} if there are not 262 144 of them, or one is larger than any hash makes it
   */
  static fromRegisters(registers: Uint8Array): HyperLogLogV1 {
    if (registers.length !== V1_REGISTERS) {
      throw new SketchError("sketch.size", `Cannot use ${registers.length} registers: there must be ${V1_REGISTERS}`);
    }
    for (const value of registers) {
      if (value > MOST_VALUE) {
        throw new SketchError("sketch.format", `Cannot use a register of ${value}: it is too large`);
      }
    }
    const sketch = new HyperLogLogV1();
    sketch.#sparse = null;
    sketch.#registers = new Uint8Array(registers);
    return sketch;
  }

  /** Counts the member whose UTF-8 bytes are `bytes[start, end)`. */
  insert(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    fnv1a64(bytes, start, end, hash);
    this.insertHash(hash[0]!, hash[1]!);
  }

  /** Counts the member of this FNV-1a hash. */
  insertHash(high: number, low: number): void {
    if (this.#registers !== null) {
      this.#raise(high >>> (32 - V1_PRECISION), hashValue(high, low, V1_PRECISION));
    } else this.#addKey(sparseKey(high, low, V1_PRECISION));
  }

  /** Counts all members that `other` has counted; `other` stays as it is. */
  merge(other: HyperLogLogV1): void {
    if (other.#sparse !== null) {
      for (const key of other.#sparse.sorted()) this.#addKey(key);
      return;
    }
    if (this.#registers === null) this.#densify();
    for (let i = 0; i < V1_REGISTERS; i++) this.#raise(i, other.#registers![i]!);
  }

  /**
   * About how many distinct members were counted. Where HyperLogLog++ takes its table of biases, above 350 000, this
   * takes Ertl's estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6), which
   * needs none.
   */
  estimate(): number {
    if (this.#sparse !== null) return sparseEstimate(this.#sparse.sorted().length);
    const counts = new Uint32Array(MOST_VALUE + 1);
    for (const value of this.#registers!) counts[value]!++;
    if (counts[0]! > 0) {
      const linear = V1_REGISTERS * Math.log(V1_REGISTERS / counts[0]!);
      if (linear <= LINEAR_BELOW) return Math.trunc(linear);
    }
    return Math.round(ertl(counts));
  }

  /** The sparse keys; null if the sketch is dense. */
  sparse(): SparseKeys | null {
    return this.#sparse;
  }

  /** The registers, a view valid until the next insert; null if the sketch is sparse. */
  registers(): Uint8Array | null {
    return this.#registers;
  }

  #addKey(key: number): void {
    if (this.#registers !== null) {
      this.#raise(keyRegister(key, V1_PRECISION), keyValue(key, V1_PRECISION));
      return;
    }
    this.#sparse!.add(key);
    if (this.#sparse!.full) this.#densify();
  }

  #raise(register: number, value: number): void {
    if (value > this.#registers![register]!) this.#registers![register] = value;
  }

  #densify(): void {
    this.#registers = new Uint8Array(V1_REGISTERS);
    const keys = this.#sparse!.sorted();
    this.#sparse = null;
    for (const key of keys) this.#raise(keyRegister(key, V1_PRECISION), keyValue(key, V1_PRECISION));
  }
}

/** Ertl's improved raw estimate from how many registers hold each value. */
function ertl(counts: Uint32Array): number {
  const m = V1_REGISTERS;
  let z = m * tau(1 - counts[MOST_VALUE]! / m);
  for (let value = MOST_VALUE - 1; value > 0; value--) z = (z + counts[value]!) / 2;
  z += m * sigma(counts[0]! / m);
  return m * m / (2 * Math.LN2 * z);
}

/** x + sum of x^(2^k) * 2^(k-1) over k from 1, until it no longer grows. */
function sigma(x: number): number {
  if (x === 1) return Infinity;
  let sum = x;
  for (let factor = 1, before = -1; sum !== before; factor *= 2) {
    before = sum;
    x *= x;
    sum += x * factor;
  }
  return sum;
}

/** (1 - x - sum of (1 - x^(2^-k))^2 * 2^-k over k from 1) / 3, until it no longer shrinks. */
function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let sum = 1 - x;
  for (let factor = 0.5, before = -1; sum !== before; factor /= 2) {
    before = sum;
    x = Math.sqrt(x);
    sum -= (1 - x) ** 2 * factor;
  }
  return sum / 3;
}
