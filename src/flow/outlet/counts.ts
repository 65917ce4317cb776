/** What the outlet counts; series of exporters are looked up once and kept. */
import type { CounterChild, Registry } from "../../telemetry/mod.ts";
import { formatAddress } from "../address.ts";
import { MAPPED_WORD } from "../columns_pool.ts";
import { type Outcome, SAMPLE_TYPES, SET_TYPES } from "../decode/outcome.ts";
import type { FlowState } from "../decode/state.ts";

/** The counters of one exporter. */
export interface ExporterCounts {
  /** What tells it from others. */
  readonly key: number | string;
  /** Its label. */
  readonly name: string;
  readonly received: CounterChild;
  readonly forwarded: CounterChild;
  /** Made when it is needed first. */
  limited(): CounterChild;
}

/** Remembers something for each exporter, `other` for those beyond a number. */
class ByExporter<T> {
  readonly #known = new Map<number | string, T>();
  readonly #make: (name: string, key: number | string) => T;
  readonly #most: number;
  #other: T | undefined;
  #lastKey: number | string = "";
  #last: T | undefined;

  constructor(most: number, make: (name: string, key: number | string) => T) {
    this.#most = most;
    this.#make = make;
  }

  /** What is remembered of the exporter whose address stands in `words` at `at`. */
  of(words: Uint32Array, at: number): T {
    const isMapped = words[at] === 0 && words[at + 1] === 0 && words[at + 2] === MAPPED_WORD;
    const key = isMapped ? words[at + 3]! : `${words[at]},${words[at + 1]},${words[at + 2]},${words[at + 3]}`;
    if (key === this.#lastKey && this.#last !== undefined) return this.#last;
    let found = this.#known.get(key);
    if (found === undefined) {
      if (this.#known.size >= this.#most) return this.#other ??= this.#make("other", "other");
      this.#known.set(key, found = this.#make(formatAddress(words, at), key));
    }
    this.#lastKey = key;
    this.#last = found;
    return found;
  }
}

/** `limier_outlet_core_…`. */
export class OutletCounts {
  readonly rawFlows: CounterChild;
  /** Records that are no raw flow. */
  readonly unreadable: CounterChild;
  /** Raw flows whose payload can't be read at all. */
  readonly undecodable: CounterChild;
  readonly #exporters: ByExporter<ExporterCounts>;

  constructor(metrics: Registry, maxExporters: number) {
    this.rawFlows = metrics.counter("limier_outlet_core_received_raw_flows_total", "Datagrams taken in.").child({});
    const errors = metrics.counter("limier_outlet_core_raw_flows_errors_total", "Datagrams that could not be read.");
    this.unreadable = errors.child({ error: "cannot decode protobuf" });
    this.undecodable = errors.child({ error: "cannot decode payload" });
    const received = metrics.counter("limier_outlet_core_received_flows_total", "Flows decoded.");
    const forwarded = metrics.counter("limier_outlet_core_forwarded_flows_total", "Flows handed to the store.");
    const limited = metrics.counter(
      "limier_outlet_core_flows_rate_limited_total",
      "Flows left out because their exporter sent more than its limit.",
    );
    this.#exporters = new ByExporter(maxExporters, (name, key) => {
      const labels = { exporter: name };
      let limitedChild: CounterChild | undefined;
      return {
        key,
        name,
        received: received.child(labels),
        forwarded: forwarded.child(labels),
        limited: () => limitedChild ??= limited.child(labels),
      };
    });
  }

  /** The counters of the exporter whose address stands in `words` at `at`. */
  exporter(words: Uint32Array, at: number): ExporterCounts {
    return this.#exporters.of(words, at);
  }
}

/** Counters of one exporter of NetFlow, by version. */
interface NetflowCounts {
  readonly packets: Map<number, CounterChild>;
  readonly sets: Map<string, CounterChild>;
  readonly name: string;
}

/** `limier_outlet_flow_…`. */
export class DecoderCounts {
  readonly #metrics: Registry;
  readonly #flows: Readonly<Record<"netflow" | "sflow", CounterChild>>;
  readonly #netflow: ByExporter<NetflowCounts>;
  readonly #sflow: ByExporter<{ readonly name: string; readonly agents: ByExporter<SflowCounts> }>;

  constructor(metrics: Registry, maxExporters: number, state: FlowState) {
    this.#metrics = metrics;
    const flows = metrics.counter("limier_outlet_flow_decoder_flows_total", "Flows that a decoder gave.");
    this.#flows = { netflow: flows.child({ name: "netflow" }), sflow: flows.child({ name: "sflow" }) };
    this.#netflow = new ByExporter(maxExporters, (name) => ({ name, packets: new Map(), sets: new Map() }));
    this.#sflow = new ByExporter(maxExporters, (name) => ({
      name,
      agents: new ByExporter(maxExporters, (agent) => new SflowCounts(metrics, name, agent)),
    }));
    const templates = metrics.gauge("limier_outlet_flow_state_templates", "Templates that decoders remember.");
    const rates = metrics.gauge("limier_outlet_flow_state_sampling_rates", "Sampling rates that decoders remember.");
    metrics.onCollect(() => {
      templates.set(state.templateCount);
      rates.set(state.rateCount);
    });
  }

  /** A decoder failed. */
  failed(name: "netflow" | "sflow"): void {
    this.#metrics.counter("limier_outlet_flow_decoder_errors_total", "Failures of decoders themselves.")
      .inc(1, { name });
  }

  netflow(source: Uint32Array, outcome: Outcome): void {
    if (outcome.rows > 0) this.#flows.netflow.inc(outcome.rows);
    const counts = this.#netflow.of(source, 0);
    const { version } = outcome;
    let packets = counts.packets.get(version);
    if (packets === undefined) {
      const shown = version === 5 || version === 9 || version === 10 ? String(version) : "unknown";
      packets = this.#metrics.counter("limier_outlet_flow_netflow_packets_total", "Datagrams of NetFlow and IPFIX.")
        .child({ exporter: counts.name, version: shown });
      if (shown !== "unknown") counts.packets.set(version, packets);
    }
    packets.inc();
    for (let type = 0; type < SET_TYPES.length; type++) {
      if (outcome.sets[type]! > 0) this.#set(counts, "sets", version, type).inc(outcome.sets[type]!);
      if (outcome.records[type]! > 0) this.#set(counts, "records", version, type).inc(outcome.records[type]!);
    }
    if (outcome.errors.length > 0) this.#errors("netflow", counts.name, outcome);
    if (outcome.missingTemplates > 0) {
      this.#metrics.counter(
        "limier_outlet_flow_netflow_missing_templates_total",
        "Sets whose template is not known.",
      ).inc(outcome.missingTemplates, { exporter: counts.name, version: String(version) });
    }
    if (outcome.queuedSets + outcome.recoveredSets + outcome.droppedSets > 0) this.#early(counts.name, outcome);
  }

  sflow(source: Uint32Array, agent: Uint32Array, outcome: Outcome): void {
    if (outcome.rows > 0) this.#flows.sflow.inc(outcome.rows);
    const { name, agents } = this.#sflow.of(source, 0);
    agents.of(agent, 0).count(outcome);
    if (outcome.errors.length > 0) this.#errors("sflow", name, outcome);
  }

  #set(counts: NetflowCounts, what: "sets" | "records", version: number, type: number): CounterChild {
    const key = `${what}${version}${type}`;
    let child = counts.sets.get(key);
    if (child === undefined) {
      const help = what === "sets" ? "Sets of NetFlow and IPFIX." : "Records of NetFlow and IPFIX.";
      child = this.#metrics.counter(`limier_outlet_flow_netflow_${what}_total`, help)
        .child({ exporter: counts.name, version: String(version), type: SET_TYPES[type]! });
      counts.sets.set(key, child);
    }
    return child;
  }

  #errors(decoder: "netflow" | "sflow", exporter: string, { errors }: Outcome): void {
    const counter = this.#metrics.counter(
      `limier_outlet_flow_${decoder}_errors_total`,
      "What was wrong with datagrams and the sets and samples in them.",
    );
    for (const { code } of errors) counter.inc(1, { exporter, error: code });
  }

  #early(exporter: string, { queuedSets, recoveredSets, droppedSets }: Outcome): void {
    const counter = this.#metrics.counter(
      "limier_outlet_flow_netflow_early_sets_total",
      "Sets that came before their template, by what became of them.",
    );
    for (const [what, sets] of Object.entries({ queued: queuedSets, recovered: recoveredSets, dropped: droppedSets })) {
      if (sets > 0) counter.inc(sets, { exporter, outcome: what });
    }
  }
}

/** Counters of one agent of sFlow. */
class SflowCounts {
  readonly #metrics: Registry;
  readonly #labels: { readonly exporter: string; readonly agent: string };
  readonly #children = new Map<string, CounterChild>();

  constructor(metrics: Registry, exporter: string, agent: string) {
    this.#metrics = metrics;
    this.#labels = { exporter, agent };
  }

  count({ version, samples, sampleRecords }: Outcome): void {
    const shown = version === 5 ? "5" : "unknown";
    this.#child("datagrams", "Datagrams of sFlow.", { version: shown }).inc();
    for (let type = 0; type < SAMPLE_TYPES.length; type++) {
      const labels = { version: shown, type: SAMPLE_TYPES[type]! };
      if (samples[type]! > 0) this.#child("samples", "Samples of sFlow.", labels).inc(samples[type]!);
      if (sampleRecords[type]! > 0) {
        this.#child("sample_records", "Records in samples of sFlow.", labels).inc(sampleRecords[type]!);
      }
    }
  }

  #child(what: string, help: string, labels: { readonly version: string; readonly type?: string }): CounterChild {
    const key = `${what} ${labels.version} ${labels.type ?? ""}`;
    let child = this.#children.get(key);
    if (child === undefined) {
      child = this.#metrics.counter(`limier_outlet_flow_sflow_${what}_total`, help)
        .child({ ...this.#labels, ...labels });
      this.#children.set(key, child);
    }
    return child;
  }
}
