/**
 * The dense form of a generation-B sketch: 16 384 registers of 4 bits above a common base, on plain memory, shared by
 * `HyperLogLog` and `SetStore`.
 *
 * A block is 8192 bytes of registers, register 2i in the high half of byte i and 2i + 1 in the low one, then the base
 * (1 byte), a byte unused, and the number of registers at the base (2 bytes, low first). A new block of zeros must be
 * passed to `clearBlock()`.
 */

/** Top bits of a hash that name its register. */
export const PRECISION = 14;
/** Registers a sketch has. */
export const REGISTERS = 2 ** PRECISION;
/** Bytes of the registers alone, as they are serialised. */
export const REGISTER_BYTES = REGISTERS / 2;
/** Bytes of a block. */
export const BLOCK_BYTES = REGISTER_BYTES + 4;
/** What a register of a 64-bit hash holds at most. */
export const MOST_VALUE = 64 - PRECISION + 1;

const BASE = REGISTER_BYTES;
const ZEROS = REGISTER_BYTES + 2;

/** The common base of the block at `block`. */
export function blockBase(bytes: Uint8Array, block: number): number {
  return bytes[block + BASE]!;
}

/** Sets all registers and the base to 0. */
export function clearBlock(bytes: Uint8Array, block: number): void {
  bytes.fill(0, block, block + BLOCK_BYTES);
  setZeros(bytes, block, REGISTERS);
}

/** Fills the block with serialised registers, `REGISTER_BYTES` of them, above `base`. */
export function loadBlock(bytes: Uint8Array, block: number, registers: Uint8Array, base: number): void {
  bytes.set(registers, block);
  bytes[block + BASE] = base;
  countZeros(bytes, block);
}

/** Raises `register` to `value`, if it holds less. */
export function raiseRegister(bytes: Uint8Array, block: number, register: number, value: number): void {
  let above = value - bytes[block + BASE]!;
  if (above > 15) {
    if (zerosOf(bytes, block) === 0) above = value - raiseBase(bytes, block);
    if (above > 15) above = 15;
  }
  if (above <= 0) return;
  const at = block + (register >> 1);
  const pair = bytes[at]!;
  const shift = (register & 1) === 0 ? 4 : 0;
  const old = pair >> shift & 15;
  if (above <= old) return;
  bytes[at] = pair & (0xf0 >> shift) | above << shift;
  if (old === 0) setZeros(bytes, block, zerosOf(bytes, block) - 1);
}

/** Raises every register to what the block at `otherBlock` of `other` holds there. */
export function mergeBlock(bytes: Uint8Array, block: number, other: Uint8Array, otherBlock: number): void {
  const oldBase = bytes[block + BASE]!;
  const otherBase = other[otherBlock + BASE]!;
  // The base rises to the greater one: no register of the result can be below it.
  const base = Math.max(oldBase, otherBase);
  const lower = base - oldBase;
  const otherLower = base - otherBase;
  for (let i = 0; i < REGISTER_BYTES; i++) {
    const ours = bytes[block + i]!;
    const theirs = other[otherBlock + i]!;
    const high = Math.max((ours >> 4) - lower, (theirs >> 4) - otherLower, 0);
    const low = Math.max((ours & 15) - lower, (theirs & 15) - otherLower, 0);
    bytes[block + i] = high << 4 | low;
  }
  bytes[block + BASE] = base;
  countZeros(bytes, block);
}

const counts = new Uint32Array(16);

/** The number of distinct members, by LogLog-Beta (Qin, Kim, Tung 2016), rounded. */
export function estimateBlock(bytes: Uint8Array, block: number): number {
  counts.fill(0);
  for (let i = block; i < block + REGISTER_BYTES; i++) {
    const pair = bytes[i]!;
    counts[pair >> 4]!++;
    counts[pair & 15]!++;
  }
  let sum = 0;
  for (let value = 15; value >= 0; value--) sum += counts[value]! * 2 ** -value;
  const base = bytes[block + BASE]!;
  sum *= 2 ** -base;
  const alpha = 0.7213 / (1 + 1.079 / REGISTERS);
  if (base > 0) return Math.round(alpha * REGISTERS * REGISTERS / sum);
  const empty = counts[0]!;
  return Math.round(alpha * REGISTERS * (REGISTERS - empty) / (sum + beta(empty)));
}

/** The published fit for precision 14. */
function beta(empty: number): number {
  const z = Math.log(empty + 1);
  let sum = 0.00042419;
  for (const factor of [-0.005384159, 0.03738027, -0.09237745, 0.16339839, 0.17393686, 0.070471823]) {
    sum = sum * z + factor;
  }
  return sum * z - 0.370393911 * empty;
}

/** Moves the base up by the least register, which must not be 0. Returns the new base. */
function raiseBase(bytes: Uint8Array, block: number): number {
  let least = 15;
  for (let i = block; i < block + REGISTER_BYTES; i++) {
    const pair = bytes[i]!;
    least = Math.min(least, pair >> 4, pair & 15);
  }
  for (let i = block; i < block + REGISTER_BYTES; i++) bytes[i]! -= least << 4 | least;
  const base = bytes[block + BASE]! + least;
  bytes[block + BASE] = base;
  countZeros(bytes, block);
  return base;
}

function countZeros(bytes: Uint8Array, block: number): void {
  let zeros = 0;
  for (let i = block; i < block + REGISTER_BYTES; i++) {
    const pair = bytes[i]!;
    if (pair < 16) zeros++;
    if ((pair & 15) === 0) zeros++;
  }
  setZeros(bytes, block, zeros);
}

function zerosOf(bytes: Uint8Array, block: number): number {
  return bytes[block + ZEROS]! | bytes[block + ZEROS + 1]! << 8;
}

function setZeros(bytes: Uint8Array, block: number, zeros: number): void {
  bytes[block + ZEROS] = zeros;
  bytes[block + ZEROS + 1] = zeros >> 8;
}
