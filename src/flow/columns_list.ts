/** Lists of numbers, one a row: where each starts, how long it is, and the values of all of them in one array. */
export class ListColumn {
  /** The first value of a row's list, counted in values. Without meaning where the length is 0. */
  starts: Uint32Array<ArrayBuffer>;
  /** Values of a row's list. */
  lengths: Uint32Array<ArrayBuffer>;
  /** `wordsPerValue` words a value, low first. */
  values: Uint32Array<ArrayBuffer>;
  /** Values in all lists, those of rows taken back included. */
  used = 0;
  readonly wordsPerValue: 1 | 4;

  constructor(capacity: number, wordsPerValue: 1 | 4) {
    this.wordsPerValue = wordsPerValue;
    this.starts = new Uint32Array(capacity);
    this.lengths = new Uint32Array(capacity);
    this.values = new Uint32Array(0);
  }

  /** Makes room for so many rows. */
  grow(capacity: number): void {
    const starts = new Uint32Array(capacity), lengths = new Uint32Array(capacity);
    starts.set(this.starts);
    lengths.set(this.lengths);
    this.starts = starts;
    this.lengths = lengths;
  }

  /** Appends to a row's list. A row's values must be appended before those of the next row. */
  push(row: number, value: number): void {
    const at = this.#place(row);
    this.values[at] = value;
  }

  /** Appends a value of 128 bits to a row's list, its low word first. */
  pushWords(row: number, w0: number, w1: number, w2: number, w3: number): void {
    const at = this.#place(row);
    this.values[at] = w0;
    this.values[at + 1] = w1;
    this.values[at + 2] = w2;
    this.values[at + 3] = w3;
  }

  #place(row: number): number {
    const at = this.used * this.wordsPerValue;
    if (at >= this.values.length) {
      const grown = new Uint32Array(Math.max(256, 2 * this.values.length));
      grown.set(this.values);
      this.values = grown;
    }
    if (this.lengths[row] === 0) this.starts[row] = this.used;
    this.lengths[row]!++;
    this.used++;
    return at;
  }

  /** The numbers of a row, those of 128 bits as bigints; for tests and for showing. */
  row(row: number): (number | bigint)[] {
    const start = this.starts[row]!, length = this.lengths[row]!;
    const { values, wordsPerValue } = this;
    return Array.from({ length }, (_, i) => {
      const at = (start + i) * wordsPerValue;
      if (wordsPerValue === 1) return values[at]!;
      return [3, 2, 1, 0].reduce((sum, word) => sum << 32n | BigInt(values[at + word]!), 0n);
    });
  }

  /** Empties a row's list; the values of the last list are given back. */
  clear(row: number): void {
    const length = this.lengths[row]!;
    if (length > 0 && this.starts[row]! + length === this.used) this.used -= length;
    this.lengths[row] = 0;
  }

  /** Empties the lists of the rows below `rows`. */
  reset(rows: number): void {
    this.lengths.fill(0, 0, rows);
    this.used = 0;
  }
}
