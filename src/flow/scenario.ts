/** Datagrams of a scenario through an outlet whose store keeps rows in memory. */
import { FakeClock, readTimedEvent, type TimedEvent } from "../clock/mod.ts";
import { fromHex } from "../bytes/mod.ts";
import { recordingReporter } from "../telemetry/mod.ts";
import { parseAddressWords } from "./address.ts";
import type { FlowConfig, OutletConfig } from "./config.ts";
import { ParcelWriter } from "./inlet/parcel.ts";
import { type DirectWorker, startDirectWorker } from "./outlet/direct_worker.ts";
import { RawFlowEncoder, type RawFlowSettings } from "./raw_flow.ts";
import { type BlockValue, MemoryStore, resolveSchema } from "./store/mod.ts";

/** What a row or an error is shown as. */
export type PlayedFlows =
  | { readonly at: number; readonly kind: "row"; readonly row: Readonly<Record<string, BlockValue>> }
  | {
    readonly at: number;
    readonly kind: "error";
    readonly code: string;
    readonly message: string;
    readonly record: number;
  };

const USUAL: RawFlowSettings = {
  decoder: "netflow",
  timestampSource: "input",
  decapsulation: "none",
  useSourceAddress: false,
  rateLimit: 0,
};

/**
 * Plays events one by one, each on its own time: `{"at","from":IP,"hex"}`, a datagram; `{"at","do":"flush"}`, which ends a
 * batch; `{"at","do":"stop"}`.
 */
export class FlowScenario implements AsyncDisposable {
  readonly #config: FlowConfig & { readonly outlet: OutletConfig };
  readonly #encoder: RawFlowEncoder;
  #clock: FakeClock | undefined;
  #worker: Promise<DirectWorker> | undefined;
  #at = 0;
  #record = 0;
  #done: PlayedFlows[] = [];

  /** The settings of the inlet are those of its first listener for the protocol. */
  constructor(protocol: "netflow" | "sflow", config: FlowConfig & { readonly outlet: OutletConfig }) {
    const settings = config.inlet.listen.find(({ decoder }) => decoder === protocol) ?? { ...USUAL, decoder: protocol };
    this.#config = config;
    this.#encoder = new RawFlowEncoder(settings);
  }

  /** The worker, whose clock begins with the first event. */
  #start(clock: FakeClock): Promise<DirectWorker> {
    const { inlet, outlet, schema } = this.#config;
    const store = new MemoryStore(({ row }) => this.#done.push({ at: this.#at, kind: "row", row }));
    const { clickhouse, decoder, enrichment, kafkaInput } = outlet;
    // A scenario gives the same each time it is played: nobody on a network is asked.
    const providers = enrichment.metadata.providers.filter(({ type }) => type === "static");
    const { routing: _, ...offline } = { ...enrichment, metadata: { ...enrichment.metadata, providers } };
    return startDirectWorker({
      decoder: { ...decoder, statePersistFile: "" },
      enrichment: offline,
      kafkaInput,
      maximumBatchSize: clickhouse.maximumBatchSize,
      maximumWaitTimeMs: clickhouse.maximumWaitTimeMs,
      gracePeriodMs: clickhouse.gracePeriodMs,
      maxExporters: inlet.maxExporters,
      measures: false,
    }, {
      clock,
      reporter: recordingReporter(),
      store: { insert: (block) => store.insert(block), storedOffsets: () => Promise.resolve(new Map()) },
      columns: resolveSchema(schema, clickhouse.database).ingested,
      name: "0",
      clientId: "limier",
      onError: ({ code, message }) => this.#fault(code, message),
    });
  }

  /** Plays the event of one line. @returns what it brought about, and whether it was the last */
  async play(
    line: string,
    record: number,
  ): Promise<{ readonly objects: readonly PlayedFlows[]; readonly isLast: boolean }> {
    this.#record = record;
    this.#done = [];
    const event = readTimedEvent(line);
    if (typeof event === "string") this.#fault("scenario", event);
    else {
      this.#at = event.at;
      const clock = this.#clock ??= new FakeClock(event.at * 1000);
      this.#worker ??= this.#start(clock);
      const waitMs = event.at * 1000 - clock.now();
      if (waitMs > 0) await clock.advance(waitMs);
      await this.#act(await this.#worker, event);
    }
    const isLast = typeof event !== "string" && event.do === "stop";
    return { objects: this.#done, isLast };
  }

  async #act(worker: DirectWorker, event: TimedEvent): Promise<void> {
    if (event.do === "flush" || event.do === "stop") return await worker.flush();
    if (event.do !== undefined) {
      return this.#fault("scenario", `Cannot do ${JSON.stringify(event.do)}: write "flush" or "stop"`);
    }
    const payload = typeof event.hex === "string" ? fromHex(event.hex) : null;
    if (payload === null) return this.#fault("scenario", 'Cannot read the event: it needs "hex", a datagram, or "do"');
    const from = parseAddressWords(typeof event.from === "string" ? event.from : "127.0.0.1");
    if (from === undefined) return this.#fault("scenario", 'Cannot read the event: its "from" is no IP address');
    const writer = new ParcelWriter(0, payload.length);
    const timeS = Math.max(0, Math.floor(event.at));
    writer.add(this.#encoder, timeS, payload, 0, payload.length, new Uint8Array(from.buffer), 0);
    await worker.take(writer.take());
  }

  #fault(code: string, message: string): void {
    this.#done.push({ at: this.#at, kind: "error", code, message, record: this.#record });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#worker)?.[Symbol.asyncDispose]();
  }
}
