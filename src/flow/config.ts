/** The `flow` section: what is received, by way of what, and where it is stored. */
import type { Section } from "../config/mod.ts";
import { type InletConfig, readInletConfig } from "./inlet/config.ts";
import { type FlowKafkaConfig, readFlowKafkaConfig } from "./kafka_config.ts";
import { type KafkaOutputConfig, NO_KAFKA_OUTPUT, readKafkaOutput } from "./kafka_output/config.ts";
import { type DecoderConfig, type KafkaInputConfig, readDecoderConfig, readKafkaInput } from "./outlet/config.ts";
import { ENRICHMENT_SECTIONS, type EnrichmentConfig, readEnrichmentConfig } from "./outlet/enrichment.ts";
import {
  type ClickhouseConfig,
  readClickhouseConfig,
  readSchemaConfig,
  readStoreConfig,
  requireStore,
  resolveSchemaSection,
  type SchemaConfig,
  type StoreConfig,
} from "./store/mod.ts";

/** The section `flow.outlet`. */
export interface OutletConfig {
  readonly kafkaInput: KafkaInputConfig;
  readonly kafkaOutput: KafkaOutputConfig;
  readonly clickhouse: ClickhouseConfig;
  readonly decoder: DecoderConfig;
  readonly enrichment: EnrichmentConfig;
  /** Flow rates by exporter and interface join the agent's own aggregation. */
  readonly meter: boolean;
}

/** The `flow` section. */
export interface FlowConfig {
  readonly inlet: InletConfig;
  /** Absent: the inlet hands datagrams to the outlet in the process. */
  readonly kafka: FlowKafkaConfig | undefined;
  /** Absent: nothing is stored by this process; others read from Kafka. */
  readonly outlet: OutletConfig | undefined;
  readonly schema: SchemaConfig;
  readonly store: StoreConfig;
  /** The section as it is written. */
  readonly written: Readonly<Record<string, unknown>>;
}

/** The keys of the section. */
export const FLOW_KEYS = ["inlet", "kafka", "outlet", "schema", "store"] as const;

/** Reads the section. @throws {ConfigError} */
export function readFlowConfig(section: Section): FlowConfig {
  section.refuseOthers(FLOW_KEYS);
  const inlet = readInletConfig(section.section("inlet"));
  const kafka = section.value("kafka") === undefined ? undefined : readFlowKafkaConfig(section.section("kafka"));
  const schema = readSchemaConfig(section.section("schema"));
  const store = readStoreConfig(section.section("store"));
  const outlet = readOutletIfAny(section, { inlet, kafka, schema, store });
  return { inlet, kafka, outlet, schema, store, written: section.toObject() };
}

/** Reads the section for a scenario, which has a store of its own, and nothing that listens. @throws {ConfigError} */
export function readFlowScenarioConfig(section: Section): FlowConfig & { readonly outlet: OutletConfig } {
  section.refuseOthers(FLOW_KEYS);
  const schema = readSchemaConfig(section.section("schema"));
  return {
    inlet: readInletConfig(section.section("inlet")),
    kafka: undefined,
    outlet: readOutlet(section, schema),
    schema,
    store: readStoreConfig(section.section("store")),
    written: section.toObject(),
  };
}

function readOutletIfAny(
  section: Section,
  { inlet, kafka, schema, store }: Pick<FlowConfig, "inlet" | "kafka" | "schema" | "store">,
): OutletConfig | undefined {
  // Without Kafka there is nobody else to take the datagrams.
  const hasOutlet = section.value("outlet") !== undefined || section.value("store") !== undefined ||
    (kafka === undefined && inlet.listen.length > 0);
  if (!hasOutlet) return undefined;
  if (kafka === undefined && inlet.listen.length === 0) {
    section.refuse("outlet", "flow.inlet.listen or flow.kafka with it: nothing comes to the outlet");
  }
  return readOutlet(section, schema, { store, kafka });
}

/** @param others sections that go with it; absent: flows are stored, and handed on, by somebody else */
function readOutlet(
  section: Section,
  schema: SchemaConfig,
  others?: Pick<FlowConfig, "store" | "kafka">,
): OutletConfig {
  const outlet = section.section("outlet");
  outlet.refuseOthers(["kafka_input", "kafka_output", "clickhouse", "flow", "meter", ...ENRICHMENT_SECTIONS]);
  const clickhouse = readClickhouseConfig(outlet.section("clickhouse"));
  if (others !== undefined) requireStore(outlet, clickhouse, others.store);
  resolveSchemaSection(section.section("schema"), schema, clickhouse.database);
  const decoder = readDecoderConfig(outlet.section("flow"));
  if (decoder.shareState && others !== undefined && others.kafka === undefined) {
    outlet.section("flow").refuse("share_state", "flow.kafka with it: that is where it is shared");
  }
  return {
    kafkaInput: readKafkaInput(outlet.section("kafka_input")),
    kafkaOutput: others === undefined ? NO_KAFKA_OUTPUT : readKafkaOutput(outlet.section("kafka_output"), others.kafka),
    clickhouse,
    decoder,
    enrichment: readEnrichmentConfig(outlet),
    meter: outlet.boolean("meter") ?? false,
  };
}

/** Whether there is anything to do. */
export function hasFlow({ inlet, outlet }: FlowConfig): boolean {
  return inlet.listen.length > 0 || outlet !== undefined;
}

/** Whether two sections say the same. */
export function isSameFlow(a: FlowConfig, b: FlowConfig): boolean {
  return JSON.stringify(a.written) === JSON.stringify(b.written);
}
