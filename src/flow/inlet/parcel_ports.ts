/** The end of the readers' ports: parcels come in, and readers hear that there is room again. */
import { type Parcel, type ParcelPool, releaseParcel } from "./parcel.ts";
import { Control, type FromReaderPort } from "./threads.ts";

/** Hands parcels of several readers to one taker. */
export class ParcelPorts {
  readonly #take: (parcel: Parcel) => Promise<void>;
  readonly #open = new Set<Promise<void>>();

  /** @param take resolves when there is room for more */
  constructor(take: (parcel: Parcel) => Promise<void>) {
    this.#take = take;
  }

  /** Takes parcels from a reader until it says that it has ended. */
  connect(port: MessagePort, control: Int32Array<SharedArrayBuffer>, pool: ParcelPool): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#open.add(promise);
    const taking = new Set<Promise<void>>();
    port.onmessage = ({ data }: MessageEvent<FromReaderPort>) => {
      if (data.kind === "end") {
        port.close();
        Promise.all(taking).then(() => resolve());
        return;
      }
      const { count, slot, length } = data;
      const parcel: Parcel = slot === undefined
        ? { octets: data.octets, count }
        : { octets: pool.buffers[slot]!.subarray(0, length), count, slot };
      const taken: Promise<void> = this.#take(parcel).then(() => {
        taking.delete(taken);
        releaseParcel(parcel, pool);
        Atomics.sub(control, Control.queued, count);
        Atomics.notify(control, Control.queued);
      });
      taking.add(taken);
    };
  }

  /** Resolves when all readers have ended and everything of theirs is taken. */
  async ended(): Promise<void> {
    await Promise.all(this.#open);
  }
}
