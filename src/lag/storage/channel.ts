/** What a channel is closed with: whoever sends behind it learns that nobody takes any more. */
export type Sent = "sent" | "closed" | "timeout";

/** A queue between two sides: senders wait while it is full, the receiver while it is empty. */
export class Channel<T> {
  readonly #depth: number;
  readonly #items: T[] = [];
  readonly #senders: { readonly item: T; readonly done: (sent: Sent) => void }[] = [];
  #receiver: ((item: T | undefined) => void) | undefined;
  #closed = false;

  /** @param depth items that wait in it; with 0 a sender waits for the receiver */
  constructor(depth: number) {
    this.#depth = depth;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Items that wait, those of waiting senders included. */
  get waiting(): number {
    return this.#items.length + this.#senders.length;
  }

  /** Puts an item in; resolves when it is in. @param signal gives up waiting, and the item is lost */
  send(item: T, signal?: AbortSignal): Promise<Sent> {
    if (this.#closed) return Promise.resolve("closed");
    if (signal?.aborted) return Promise.resolve("timeout");
    const receiver = this.#receiver;
    if (receiver !== undefined) {
      this.#receiver = undefined;
      receiver(item);
      return Promise.resolve("sent");
    }
    if (this.#items.length < this.#depth) {
      this.#items.push(item);
      return Promise.resolve("sent");
    }
    return new Promise((resolve) => {
      const giveUp = () => {
        const at = this.#senders.indexOf(sender);
        if (at < 0) return;
        this.#senders.splice(at, 1);
        resolve("timeout");
      };
      const done = (sent: Sent) => {
        signal?.removeEventListener("abort", giveUp);
        resolve(sent);
      };
      const sender = { item, done };
      this.#senders.push(sender);
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** The next item, waiting for one; `undefined` once it is closed and empty. One receiver at a time. */
  receive(): Promise<T | undefined> {
    const sender = this.#senders.shift();
    if (this.#items.length > 0) {
      const item = this.#items.shift()!;
      if (sender !== undefined) {
        this.#items.push(sender.item);
        sender.done("sent");
      }
      return Promise.resolve(item);
    }
    if (sender !== undefined) {
      sender.done("sent");
      return Promise.resolve(sender.item);
    }
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#receiver = resolve);
  }

  /** Takes nothing more; what is in it can still be received, and senders that wait are still served. */
  close(): void {
    this.#closed = true;
    if (this.#items.length > 0 || this.#senders.length > 0) return;
    this.#receiver?.(undefined);
    this.#receiver = undefined;
  }
}
