/** Files as datagrams, in turn and endlessly: a load for tests. */
import type { Clock, Running } from "../../clock/mod.ts";
import { parseAddressWords } from "../address.ts";
import { RawFlowEncoder } from "../raw_flow.ts";
import type { FileInputConfig } from "./config.ts";
import { type Parcel, ParcelWriter } from "./parcel.ts";

/** What it is given. */
export interface FileInputDeps {
  readonly clock: Clock;
  readonly sink: { take(parcel: Parcel): Promise<void> };
}

/** Datagrams of a parcel. */
const PARCEL_DATAGRAMS = 64;

/** Starts to read. A file that can't be read ends it with an error. */
export function startFileInput(config: FileInputConfig, { clock, sink }: FileInputDeps): Running {
  const stop = new AbortController();
  const encoder = new RawFlowEncoder(config);
  const source = new Uint8Array(parseAddressWords("127.0.0.1")!.buffer);

  async function run(): Promise<void> {
    const payloads = await Promise.all(config.paths.map((path) => Deno.readFile(path)));
    const largest = Math.max(...payloads.map(({ length }) => length));
    const writer = new ParcelWriter(PARCEL_DATAGRAMS * (largest + 64), largest);
    const most = config.maxFlows === 0 ? Infinity : config.maxFlows;
    for (let sent = 0; sent < most && !stop.signal.aborted;) {
      for (; sent < most && writer.count < PARCEL_DATAGRAMS; sent++) {
        const payload = payloads[sent % payloads.length]!;
        writer.add(encoder, Math.floor(clock.now() / 1000), payload, 0, payload.length, source, 0);
      }
      await sink.take(writer.take());
      await new Promise((resolve) => setTimeout(resolve, 0)); // others have their turn
    }
    // It stays, silent, until it is stopped.
    if (!stop.signal.aborted) {
      await new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve()));
    }
  }

  const done = run();
  done.catch(() => {}); // whoever waits for it hears of it
  return {
    done,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done.catch(() => {}); // told by `done`
    },
  };
}
