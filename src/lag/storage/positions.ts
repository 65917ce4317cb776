/** How far each partition of an offsets topic was read, so that whoever reads it goes on there after a restart. */
export class ReaderPositions {
  readonly #next = new Map<string, { cluster: string; topic: string; partition: number; offset: number }>();

  /** The offset to read next; `undefined` where nothing is known. */
  get(cluster: string, topic: string, partition: number): number | undefined {
    return this.#next.get(keyOf(cluster, topic, partition))?.offset;
  }

  /** Says that everything before `offset` was stored. */
  set(cluster: string, topic: string, partition: number, offset: number): void {
    this.#next.set(keyOf(cluster, topic, partition), { cluster, topic, partition, offset });
  }

  /** All of them. */
  all(): { readonly cluster: string; readonly topic: string; readonly partition: number; readonly offset: number }[] {
    return [...this.#next.values()];
  }
}

function keyOf(cluster: string, topic: string, partition: number): string {
  return JSON.stringify([cluster, topic, partition]);
}
