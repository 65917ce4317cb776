/** Completes the rows of a batch: names, rates, classes, routes, networks. In place, and without objects for a row. */
import type { Clock } from "../../clock/mod.ts";
import type { Section } from "../../config/mod.ts";
import type { Counter, Reporter } from "../../telemetry/mod.ts";
import { type ColumnField, COLUMNS } from "../columns.ts";
import type { FlowBatch } from "../columns_batch.ts";
import { ExporterTable } from "./exporter_table.ts";
import type { Classifiers } from "./classify/classifier.ts";
import type { MetadataSource } from "./metadata/metadata.ts";
import { NetworkColumns, type NetworkSources } from "./network_columns.ts";
import { RouteColumns } from "./route_columns.ts";
import type { Routing } from "./routing.ts";
import type { SamplingRules } from "./sampling.ts";
import type { SelectionSettings } from "./selection.ts";

/** Why a row is dropped; 0: it is kept. */
export const Verdict = { keep: 0, interfaces: 1, metadata: 2, samplingRate: 3, rejected: 4 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** The `error` labels of dropped flows, by verdict. */
export const VERDICT_LABELS = [
  "",
  "input and output interfaces missing",
  "metadata missing",
  "sampling rate missing",
  "rejected by classifier",
] as const;

/** Settings of `flow.outlet.core` that concern single flows. */
export interface EnricherSettings extends SelectionSettings {
  /** Flows of exporters and interfaces that nobody knows are dropped, and not named by address and number. */
  readonly requiresMetadata: boolean;
  /** The columns that are stored; others need not be filled. @default those that {@linkcode COLUMNS} enable */
  readonly columns?: ReadonlySet<ColumnField>;
}

/** The key of `flow.outlet.core` that {@linkcode readRequireMetadata} reads. */
export const METADATA_SETTINGS = ["require_metadata"] as const;

/** Reads it. @throws {ConfigError} */
export function readRequireMetadata(core: Section): boolean {
  return core.boolean("require_metadata") ?? false;
}

/** What the enrichment is given; what is absent is not asked. */
export interface EnricherDeps extends NetworkSources {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly sampling: SamplingRules;
  readonly classifiers: Classifiers;
  readonly metadata?: Pick<MetadataSource, "hasProviders" | "lookup" | "fetch">;
  readonly routing?: Routing;
}

/** Completes batches of one outlet worker. */
export class Enricher {
  readonly #settings: EnricherSettings;
  readonly #exporters: ExporterTable;
  readonly #routes: RouteColumns;
  readonly #networks: NetworkColumns;
  readonly #sampling: SamplingRules;
  readonly #readsVlan: boolean;
  readonly #errors: Counter;
  readonly #reporter: Reporter;
  #verdicts = new Uint8Array(0);

  constructor(settings: EnricherSettings, deps: EnricherDeps) {
    this.#settings = settings;
    const columns = settings.columns ?? new Set(COLUMNS.filter(({ enabled }) => enabled).map(({ field }) => field));
    this.#exporters = new ExporterTable(deps);
    this.#routes = new RouteColumns(settings, columns, deps.routing, deps.reporter.metrics);
    this.#networks = new NetworkColumns(columns, settings.asnProviders, deps);
    this.#sampling = deps.sampling;
    this.#readsVlan = deps.classifiers.readsVlan;
    this.#reporter = deps.reporter;
    this.#errors = deps.reporter.metrics.counter(
      "limier_outlet_core_flows_errors_total",
      "Flows that were dropped, by exporter and reason.",
    );
  }

  /** Why rows are dropped, by row: values of {@linkcode Verdict}, of the last {@linkcode enrich}. */
  get verdicts(): Uint8Array {
    return this.#verdicts;
  }

  /**
   * Learns what is not known of the rows' exporters and interfaces. Undefined: all is known, or there is nobody to ask;
   * otherwise it resolves when all has been answered or the time for it is over, and never rejects. The batch must not be
   * written to meanwhile.
   */
  prepare(batch: FlowBatch, from = 0): Promise<void> | undefined {
    const { inIf, outIf, exporterAddress, rows } = batch;
    const exporters = this.#exporters;
    exporters.begin(batch);
    for (let row = from; row < rows; row++) {
      const exporter = exporters.of(exporterAddress[row]!);
      if (inIf[row] !== 0) exporters.ask(exporter, inIf[row]!);
      if (outIf[row] !== 0) exporters.ask(exporter, outIf[row]!);
    }
    return exporters.learn();
  }

  /**
   * Completes the rows from `from` on; to be called behind {@linkcode prepare}. Rows that are to be dropped stay where they
   * are, and are counted: see {@linkcode verdicts} and `removeRows()`.
   *
   * @returns how many are to be dropped
   */
  enrich(batch: FlowBatch, from = 0): number {
    const { rows } = batch;
    if (rows === from) return 0;
    if (this.#verdicts.length < rows) this.#verdicts = new Uint8Array(Math.max(1024, 2 * rows));
    this.#verdicts.fill(Verdict.keep, from, rows);
    this.#exporters.begin(batch);
    this.#nameAndRate(batch, from);
    this.#routes.fill(batch, from, this.#networks);
    let dropped = 0;
    for (let row = from; row < rows; row++) if (this.#verdicts[row] !== Verdict.keep) dropped++;
    return dropped;
  }

  #nameAndRate(batch: FlowBatch, from: number): void {
    const { inIf, outIf, exporterAddress, samplingRate, srcVlan, dstVlan, rows } = batch;
    const exporters = this.#exporters;
    for (const field of NAMED) batch.mark(field);
    for (let row = from; row < rows; row++) {
      const exporter = exporters.of(exporterAddress[row]!);
      const input = inIf[row] === 0 ? undefined : exporters.interface(exporter, inIf[row]!);
      const output = outIf[row] === 0 ? undefined : exporters.interface(exporter, outIf[row]!);
      const facts = output?.exporter ?? input?.exporter;
      if (this.#settings.requiresMetadata) {
        if (input === undefined && output === undefined) this.#drop(row, Verdict.interfaces, exporter.address);
        else if (facts === undefined) this.#drop(row, Verdict.metadata, exporter.address);
      }
      let rate = samplingRate[2 * row]!;
      if (exporter.override > 0) {
        samplingRate[2 * row] = rate = exporter.override;
        samplingRate[2 * row + 1] = exporter.override / 0x1_0000_0000;
      } else if (rate === 0 && samplingRate[2 * row + 1] === 0) {
        rate = exporter.fallback;
        if (rate === 0) {
          if (this.#sampling.isRequired) {
            this.#drop(row, Verdict.samplingRate, exporter.address);
          } else {
            rate = 1;
            if (!exporter.hasWarned) this.#warn(exporter);
          }
        }
        samplingRate[2 * row] = rate;
        samplingRate[2 * row + 1] = rate / 0x1_0000_0000;
      }
      const named = facts ?? exporters.unknown(exporter);
      if (named.isRejected) this.#drop(row, Verdict.rejected, exporter.address);
      batch.exporterName[row] = named.name;
      batch.exporterGroup[row] = named.group;
      batch.exporterRole[row] = named.role;
      batch.exporterSite[row] = named.site;
      batch.exporterRegion[row] = named.region;
      batch.exporterTenant[row] = named.tenant;
      if (input !== undefined) {
        const one = this.#readsVlan ? exporters.inVlan(exporter, input, srcVlan[row]!) : input.plain;
        if (one.isRejected) this.#drop(row, Verdict.rejected, exporter.address);
        batch.inIfName[row] = one.name;
        batch.inIfDescription[row] = one.description;
        batch.inIfSpeed[row] = one.speed;
        batch.inIfConnectivity[row] = one.connectivity;
        batch.inIfProvider[row] = one.provider;
        batch.inIfBoundary[row] = one.boundary;
      }
      if (output !== undefined) {
        const one = this.#readsVlan ? exporters.inVlan(exporter, output, dstVlan[row]!) : output.plain;
        if (one.isRejected) this.#drop(row, Verdict.rejected, exporter.address);
        batch.outIfName[row] = one.name;
        batch.outIfDescription[row] = one.description;
        batch.outIfSpeed[row] = one.speed;
        batch.outIfConnectivity[row] = one.connectivity;
        batch.outIfProvider[row] = one.provider;
        batch.outIfBoundary[row] = one.boundary;
      }
    }
  }

  #warn(exporter: { readonly address: string; hasWarned: boolean }): void {
    exporter.hasWarned = true;
    this.#reporter.warn(
      `Cannot tell the sampling rate of ${exporter.address}: its flows count as unsampled; ` +
        "set flow.outlet.core.default_sampling_rate if they are not",
    );
  }

  /** A row may have several faults, each counted; it is dropped for the first. */
  #drop(row: number, verdict: Verdict, exporter: string): void {
    if (verdict === Verdict.rejected && this.#verdicts[row] === verdict) return;
    if (this.#verdicts[row] === Verdict.keep) this.#verdicts[row] = verdict;
    this.#errors.inc(1, { exporter, error: VERDICT_LABELS[verdict] });
  }
}

const NAMED = [
  "samplingRate",
  "exporterName",
  "exporterGroup",
  "exporterRole",
  "exporterSite",
  "exporterRegion",
  "exporterTenant",
  "inIfName",
  "outIfName",
  "inIfDescription",
  "outIfDescription",
  "inIfSpeed",
  "outIfSpeed",
  "inIfConnectivity",
  "outIfConnectivity",
  "inIfProvider",
  "outIfProvider",
  "inIfBoundary",
  "outIfBoundary",
] as const;
