/** Loads sent beside what a campaign watches. */
import type { LoadOptions, LoadResult } from "../load/datagrams.ts";
import type { FromSender } from "./send_worker.ts";

/** A load that was sent. */
export interface Sent {
  readonly result: LoadResult;
  /** When the kernel had taken the last datagram, in Unix milliseconds with a fraction. */
  readonly endedMs: number;
}

/** Sends a load from a thread of its own. @throws {Error} if it cannot be sent there */
export async function sendInThread(options: LoadOptions): Promise<Sent> {
  const worker = new Worker(new URL("./send_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<Sent>();
  worker.onmessage = ({ data }: MessageEvent<FromSender>) => {
    if (data.kind === "sent") resolve(data);
    else reject(new Error(data.message));
  };
  worker.onerror = (event) => {
    event.preventDefault(); // or the runtime ends the process
    reject(new Error(event.message));
  };
  worker.postMessage(options);
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}
