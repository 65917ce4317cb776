/** A load from one port that goes on until it is stopped. */
import type { SteadyLoad } from "./send_steadily.ts";

/** A load under way, in a thread of its own. */
export interface SteadySending extends Disposable {
  /** Ends it. @returns how many datagrams the kernel took */
  stop(): Promise<number>;
}

/** Sends the same datagram to a UDP port of 127.0.0.1 again and again. */
export function sendSteadily(
  port: number,
  datagramsPerSecond: number,
  payload: Uint8Array<ArrayBuffer> = new TextEncoder().encode("steady:1|c"),
): SteadySending {
  const worker = new Worker(new URL("./send_steadily.ts", import.meta.url), { type: "module" });
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const sent = Promise.withResolvers<number>();
  sent.promise.catch(() => {}); // whoever stops it hears of it
  worker.onmessage = ({ data }) => sent.resolve(data);
  worker.onerror = (event) => {
    event.preventDefault(); // or the runtime ends the process
    sent.reject(new Error(event.message));
  };
  worker.postMessage({ port, datagramsPerSecond, payload, stop } satisfies SteadyLoad);
  const end = () => {
    Atomics.store(stop, 0, 1);
    Atomics.notify(stop, 0);
  };
  return {
    stop() {
      end();
      return sent.promise;
    },
    [Symbol.dispose]: end,
  };
}
