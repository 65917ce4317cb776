/** What tests of the outlet share. */
import { realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { parseAddressWords } from "../address.ts";
import type { SavedState } from "../decode/saved_state.ts";
import { type Parcel, ParcelWriter } from "../inlet/parcel.ts";
import { RawFlowEncoder, type RawFlowSettings } from "../raw_flow.ts";
import { RAW_FLOW_SETTINGS } from "../testing.ts";
import { blockRows, type BlockValue, type InsertOutcome, resolveSchema, type RowBlock } from "../store/mod.ts";
import { DECODER, KAFKA_INPUT } from "./config.ts";
import { readEnrichmentConfig } from "./enrichment.ts";
import type { BlockStore, WorkerConfig, WorkerDeps } from "./worker.ts";

/** Settings of a worker; `outlet` is what the section `flow.outlet` says of the enrichment. */
export function workerConfig(more: Partial<WorkerConfig> = {}, outlet: object = {}): WorkerConfig {
  return {
    decoder: DECODER,
    enrichment: readEnrichmentConfig(Section.of(outlet)),
    kafkaInput: KAFKA_INPUT,
    maximumBatchSize: 50_000,
    maximumWaitTimeMs: 5_000,
    gracePeriodMs: 10_000,
    maxExporters: 100,
    measures: false,
    ...more,
  };
}

/** What a worker is given, with the real clock. */
export function workerDeps(
  store: BlockStore,
  more: Partial<WorkerDeps> = {},
): WorkerDeps {
  return {
    clock: realClock,
    store,
    columns: resolveSchema().ingested,
    name: "0",
    clientId: "test",
    reporter: recordingReporter(),
    ...more,
  };
}

/** A store that keeps rows by where they came from, and can be held up. */
export class KeptRows implements BlockStore {
  readonly rows: Record<string, BlockValue>[] = [];
  readonly tokens: (string | undefined)[] = [];
  /** Inserts wait for it. */
  gate: Promise<void> = Promise.resolve();
  readonly #offsets = new Map<number, bigint>();

  async insert(block: RowBlock, signal?: AbortSignal): Promise<InsertOutcome> {
    const aborted = new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
    if (!signal?.aborted) await Promise.race([this.gate, aborted]);
    if (signal?.aborted) return { stored: 0, failed: block.rows, cause: "cancelled" };
    this.tokens.push(block.token);
    for (const row of blockRows(block.octets)) {
      this.rows.push(row);
      if (row.KafkaTopic === undefined) continue;
      const partition = Number(row.KafkaPartition ?? 0), offset = BigInt(String(row.KafkaOffset ?? 0));
      if (offset >= (this.#offsets.get(partition) ?? 0n)) this.#offsets.set(partition, offset);
    }
    return { stored: block.rows, failed: 0 };
  }

  storedOffsets(): Promise<ReadonlyMap<number, bigint>> {
    return Promise.resolve(new Map(this.#offsets));
  }
}

/** Datagrams as the inlet hands them on. */
export function parcelOf(
  payloads: readonly Uint8Array[],
  { from = "192.0.2.250", timeS = 1_700_000_100, ...settings }: Partial<RawFlowSettings> & {
    readonly from?: string;
    readonly timeS?: number;
  } = {},
): Parcel {
  const encoder = new RawFlowEncoder({ ...RAW_FLOW_SETTINGS, ...settings });
  const writer = new ParcelWriter(
    payloads.reduce((sum, { length }) => sum + length + 100, 0),
    Math.max(0, ...payloads.map(({ length }) => length)),
  );
  const source = new Uint8Array(parseAddressWords(from)!.buffer);
  for (const payload of payloads) writer.add(encoder, timeS, payload, 0, payload.length, source, 0);
  return writer.take();
}

/** That an exporter has a template of one field. */
export function lesson(exporter: string, id: number): SavedState {
  const fields = [[0, 8, 4] as const];
  const templates = { [id]: { options: false, scopeFields: 0, fields, refreshed: 1_700_000_000 } };
  return { Version: 1, Decoders: { [exporter]: { "9-0": { templates, rates: [], systemInitMs: 0 } } } };
}

/** Ids of templates, by exporter. */
export function templateIds({ Decoders }: SavedState): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(Decoders).map(([exporter, domains]) => [
      exporter,
      Object.values(domains).flatMap(({ templates }) => Object.keys(templates)),
    ]),
  );
}
