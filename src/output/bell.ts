/** Wakes whoever waits for a change; a ring that nobody waits for is not kept. */
export class Bell {
  readonly #waiting = new Set<() => void>();

  /** Resolves at the next ring, or when `signal` aborts. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  ring(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
