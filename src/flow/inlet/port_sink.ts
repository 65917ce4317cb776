/** Parcels of the main thread's own inputs on their way to another thread. */
import { newParcelPool, type Parcel } from "./parcel.ts";
import { type Connect, Control, type FromReaderPort, postParcel } from "./threads.ts";

/** How long it waits for room before it looks again. */
const ROOM_MS = 2;

/** Sends parcels by a port, no more than there is room for. */
export class PortSink {
  readonly #connect: Connect;
  readonly #queueSize: number;
  readonly #control = new Int32Array(new SharedArrayBuffer(Control.length * 4));
  #port: MessagePort | undefined;

  /** @param connect hands the other end to the thread; called when there is a first parcel */
  constructor(connect: Connect, queueSize: number) {
    this.#connect = connect;
    this.#queueSize = queueSize;
  }

  /** Sends a parcel; resolves when there is room for more. */
  async take(parcel: Parcel): Promise<void> {
    if (this.#port === undefined) {
      const { port1, port2 } = new MessageChannel();
      this.#connect(port2, this.#control, newParcelPool(0, 0, 0)); // these have memory of their own
      this.#port = port1;
    }
    Atomics.add(this.#control, Control.queued, parcel.count);
    postParcel(this.#port, parcel);
    while (Atomics.load(this.#control, Control.queued) >= this.#queueSize) {
      await new Promise((resolve) => setTimeout(resolve, ROOM_MS));
    }
  }

  /** No parcel comes any more. */
  end(): void {
    this.#port?.postMessage({ kind: "end" } satisfies FromReaderPort);
    this.#port?.close();
    this.#port = undefined;
  }
}
