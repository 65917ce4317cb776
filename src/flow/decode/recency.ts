/** A list in the order of use: the head is what has not been used for longest. */
export class RecencyList<T> {
  readonly #ends: Node<T>;
  #size = 0;

  constructor() {
    const ends = { value: undefined, older: null, newer: null } as unknown as Node<T>;
    ends.older = ends;
    ends.newer = ends;
    this.#ends = ends;
  }

  get size(): number {
    return this.#size;
  }

  /** What has not been used for longest. */
  get oldest(): T | undefined {
    return this.#ends.newer!.value;
  }

  /** Takes a value in as the newest; keep the node to move or remove it. */
  add(value: T): Node<T> {
    const node: Node<T> = { value, older: null, newer: null };
    this.#link(node);
    this.#size++;
    return node;
  }

  /** Makes a value the newest. */
  use(node: Node<T>): void {
    this.#unlink(node);
    this.#link(node);
  }

  remove(node: Node<T>): void {
    this.#unlink(node);
    this.#size--;
  }

  /** From the oldest on; values may be removed meanwhile if they are the current one. */
  *[Symbol.iterator](): Generator<T> {
    for (let node = this.#ends.newer!; node !== this.#ends;) {
      const next = node.newer!;
      yield node.value;
      node = next;
    }
  }

  #link(node: Node<T>): void {
    const newest = this.#ends.older!;
    node.older = newest;
    node.newer = this.#ends;
    newest.newer = node;
    this.#ends.older = node;
  }

  #unlink(node: Node<T>): void {
    node.older!.newer = node.newer;
    node.newer!.older = node.older;
  }
}

/** A place in a {@linkcode RecencyList}. */
export interface Node<T> {
  readonly value: T;
  older: Node<T> | null;
  newer: Node<T> | null;
}
