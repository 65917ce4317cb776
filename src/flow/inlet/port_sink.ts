/** Parcels of the main thread's own inputs on their way to another thread. */
import type { Parcel } from "./parcel.ts";
import { Control, type FromReaderPort } from "./threads.ts";

/** How long it waits for room before it looks again. */
const ROOM_MS = 2;

/** Sends parcels by a port, no more than there is room for. */
export class PortSink {
  readonly #connect: (port: MessagePort, control: Int32Array<SharedArrayBuffer>) => void;
  readonly #queueSize: number;
  readonly #control = new Int32Array(new SharedArrayBuffer(Control.length * 4));
  #port: MessagePort | undefined;

  /** @param connect hands the other end to the thread; called when there is a first parcel */
  constructor(connect: (port: MessagePort, control: Int32Array<SharedArrayBuffer>) => void, queueSize: number) {
    this.#connect = connect;
    this.#queueSize = queueSize;
  }

  /** Sends a parcel; resolves when there is room for more. */
  async take(parcel: Parcel): Promise<void> {
    if (this.#port === undefined) {
      const { port1, port2 } = new MessageChannel();
      this.#connect(port2, this.#control);
      this.#port = port1;
    }
    Atomics.add(this.#control, Control.queued, parcel.count);
    this.#port.postMessage({ kind: "parcel", parcel } satisfies FromReaderPort, [parcel.octets.buffer]);
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
